using System.Buffers.Binary;
using System.Runtime.CompilerServices;
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
    public uint Buckets;
    public uint Next;
    public uint Pass;
    public uint Sockets;
    public uint Strangers;
    public uint Repeated;
    public uint Torn;
    public uint Listeners;
    public uint Noted;
    public uint Full;
    public uint Until;
}

/// <summary>Where a namespace has its sockets: in the machine's tables, and perhaps in one of its own.</summary>
[BpfStruct("socket_tables")]
[StructLayout(LayoutKind.Sequential)]
internal struct SocketTables
{
    public ulong Net;
    public ulong Established;
    public ulong Listening;
    public uint EstablishedBuckets;
    public uint ListeningBuckets;
}

[InlineArray(16)]
internal struct StateCounts
{
    private uint _first;
}

/// <summary>What a walk counted in one namespace.</summary>
[BpfStruct("socket_totals")]
[StructLayout(LayoutKind.Sequential)]
internal struct SocketTotals
{
    public StateCounts States;
    public ulong Receive;
    public ulong Send;

    /// <summary>The pass that counted: totals of an earlier one are void.</summary>
    public uint Pass;
}

/// <summary>A listening socket.</summary>
[BpfStruct("listener_record")]
[StructLayout(LayoutKind.Sequential)]
internal struct ListenerRecord
{
    public AddressBytes Address;
    public uint Slot;
    public uint Inode;
    public uint Backlog;
    public uint Limit;
    public uint Drops;
    public uint Device;
    public ushort Port;
    public ushort Family;
    public uint HalfOpen;

    /// <summary>
    /// As sock_diag would have told it, but for the cookie, which a socket has only once somebody asked for it.
    /// </summary>
    public readonly SocketMessage AsMessage()
    {
        ReadOnlySpan<byte> bytes = Address;
        return new SocketMessage
        {
            Family = (byte)Family,
            State = SocketCounts.Listen,
            LocalAddress = Family == AF_INET
                ? SocketMessage.Mapped(BinaryPrimitives.ReadUInt32BigEndian(bytes))
                : BinaryPrimitives.ReadUInt128BigEndian(bytes),
            LocalPort = Port,
            Interface = (int)Device,
            Inode = Inode,
            ReceiveQueue = Backlog,
            SendQueue = Limit,
            Drops = Drops,
            HalfOpen = HalfOpen,
        };
    }
}
