using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.Netlink;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Sources;

// Mirrors of ebpf-programs/sockets.bpf.c.

/// <summary>A walk of one table, taken on by each run of the program.</summary>
[BpfStruct("socket_walk")]
[StructLayout(LayoutKind.Sequential)]
internal struct SocketWalk
{
    public ulong Table;
    public ulong Now;
    public uint Buckets;
    public uint Next;
    public uint Pass;
    public uint Sockets;
    public uint Strangers;
    public uint Repeated;
    public uint Torn;
    public uint Records;
    public uint Noted;
    public uint Full;
    public uint Until;

    /// <summary>Listening ports that there was no room for.</summary>
    public uint Crowded;
    public uint Jiffies;

    /// <summary>In jiffies.</summary>
    public uint Second;

    /// <summary>Seconds that its clocks are set forward.</summary>
    public uint Ahead;
}

/// <summary>Where a namespace has its sockets: in the machine's tables, and perhaps in one of its own.</summary>
[BpfStruct("socket_tables")]
[StructLayout(LayoutKind.Sequential)]
internal struct SocketTables
{
    public ulong Net;
    public ulong Established;
    public ulong Listening;

    /// <summary>0 where it is not known.</summary>
    public ulong Udp;
    public uint EstablishedBuckets;
    public uint ListeningBuckets;
    public uint UdpBuckets;

    /// <summary>A UDP socket of this process.</summary>
    public uint Fd;
}

/// <summary>A listening socket, or one of UDP.</summary>
[BpfStruct("socket_record")]
[StructLayout(LayoutKind.Sequential)]
internal struct SocketRecord
{
    public AddressBytes Address;
    public uint Slot;
    public uint Inode;
    public uint Queue;
    public uint Limit;
    public uint Drops;
    public uint Device;
    public ushort Port;
    public ushort Family;
    public uint HalfOpen;

    /// <summary>
    /// As sock_diag would have told it, but for the cookie, which a socket has only once somebody asked for it.
    /// </summary>
    public readonly SocketMessage AsMessage(byte state)
    {
        ReadOnlySpan<byte> bytes = Address;
        return new SocketMessage
        {
            Family = (byte)Family,
            State = state,
            LocalAddress = Family == AF_INET
                ? SocketMessage.Mapped(BinaryPrimitives.ReadUInt32BigEndian(bytes))
                : BinaryPrimitives.ReadUInt128BigEndian(bytes),
            LocalPort = Port,
            Interface = (int)Device,
            Inode = Inode,
            ReceiveQueue = Queue,
            Limit = Limit,
            Drops = Drops,
            HalfOpen = HalfOpen,
        };
    }
}
