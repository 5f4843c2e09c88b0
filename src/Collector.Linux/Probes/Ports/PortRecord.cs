using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Ports;

/// <summary>A group of ports that is full, or will be.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PortRecord
{
    public EventHead Head;

    /// <summary>Without the port that is scarce.</summary>
    public Flow Flow;

    /// <summary>The address that connections were given.</summary>
    public UInt128 Translated;

    /// <summary>Of a socket that has one of the ports; 0: none is known.</summary>
    public ulong Inode;

    /// <summary>Seconds.</summary>
    public long TimeToFull;
    public int Used;
    public int Limit;
    public int TimeWait;

    /// <summary>Of them at least so many are the sender's.</summary>
    public int Senders;
    public bool IsFull;

    /// <summary>Of SNAT, not of sockets.</summary>
    public bool IsTranslated;

    /// <summary>Of UDP sockets, which have no destination.</summary>
    public readonly bool IsOfDatagrams => !IsTranslated && Flow.Protocol == SockDiag.IPPROTO_UDP;

    public static PortRecord Of(EventHead head, PortFill fill, bool isTranslated, bool isFull) => new()
    {
        Head = head,
        Flow = new Flow
        {
            Saddr = Bytes(isTranslated ? fill.Use.User : fill.Group.Source),
            Daddr = Bytes(fill.Group.Destination),
            Dport = BinaryPrimitives.ReverseEndianness(fill.Group.Port),
            Family = 6,
            Protocol = fill.Group.Protocol,
        },
        Translated = fill.Group.Source,
        Inode = fill.Use.Inode,
        TimeToFull = fill.TimeToFull,
        Used = fill.Use.Used,
        Limit = fill.Limit,
        TimeWait = fill.Use.TimeWait,
        Senders = fill.Use.Votes,
        IsFull = isFull,
        IsTranslated = isTranslated,
    };

    private static AddressBytes Bytes(UInt128 address)
    {
        var bytes = default(AddressBytes);
        BinaryPrimitives.WriteUInt128BigEndian(bytes, address);
        return bytes;
    }
}
