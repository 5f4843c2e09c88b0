using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Core.Subjects;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>Mirrors a structure of an eBPF object: a test compares it with the object's own type information.</summary>
/// <param name="name">Name of the C structure.</param>
[AttributeUsage(AttributeTargets.Struct)]
internal sealed class BpfStructAttribute(string name) : Attribute
{
    public string Name { get; } = name;
}

/// <summary>A thread's name: up to 15 bytes and a zero.</summary>
[InlineArray(16)]
internal struct Comm
{
    private byte _first;

    /// <summary>As text; bytes that are not UTF-8 become replacement characters.</summary>
    public override readonly string ToString() => NamePool.OfTerminated(this);
}

[InlineArray(16)]
internal struct AddressBytes
{
    private byte _first;
}

/// <summary>What every record begins with: <c>struct event_head</c> of ebpf-programs/include/event.h.</summary>
[BpfStruct("event_head")]
[StructLayout(LayoutKind.Sequential)]
internal readonly struct EventHead
{
    public readonly ulong Time;
    public readonly uint Netns;
    public readonly uint NetnsCookie;
    public readonly int Pid;
    public readonly int Tid;
    public readonly Comm Comm;
    public readonly ulong Cgroup;
    public readonly uint Rootless;

    /// <summary>Any user of the node can make such namespaces.</summary>
    public bool IsRootless => Rootless == 1;

    /// <summary>Of what is noticed by a look at the kernel's tables: nobody ran.</summary>
    public EventHead(ulong time, NetNamespace ns)
    {
        (Time, Netns, NetnsCookie) = (time, (uint)ns.Inode, (uint)ns.Cookie);
        Rootless = ns.Rootless ? 1u : 0;
    }

    public EventProcess Process => new(Pid, Tid, Comm.ToString()) { Cgroup = Cgroup };
}

/// <summary>
/// Two ends: <c>struct flow</c> of ebpf-programs/include/flow.h; addresses and ports in network order.
/// </summary>
[BpfStruct("flow")]
[StructLayout(LayoutKind.Sequential)]
internal struct Flow
{
    public AddressBytes Saddr;
    public AddressBytes Daddr;
    public ushort Sport;
    public ushort Dport;
    public byte Family;
    public byte Protocol;
    public byte TcpFlags;
    public byte State;

    /// <summary>Null when the packet had no IP header.</summary>
    public readonly FlowTuple? Tuple => Family == 0
        ? null
        : new FlowTuple(Transport, Address(Saddr), Port(Sport), Address(Daddr), Port(Dport));

    /// <summary>Its name in small letters (IANA's protocol numbers), or the number.</summary>
    public readonly string Transport => Protocol switch
    {
        1 => "icmp",
        2 => "igmp",
        4 => "ipip",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        41 => "ipv6",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmpv6",
        88 => "eigrp",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        132 => "sctp",
        _ => Protocol.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };

    private static int Port(ushort network) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(network);

    private readonly IPAddress Address(AddressBytes bytes)
    {
        ReadOnlySpan<byte> all = bytes;
        var address = new IPAddress(Family == 4 ? all[..4] : all);
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }
}

/// <summary>
/// How many events the kernel side held back of one kind: <c>struct limiter</c> of ebpf-programs/include/event.h.
/// </summary>
[BpfStruct("limiter")]
[StructLayout(LayoutKind.Sequential)]
internal struct Limiter
{
    /// <summary>Ever: it never falls.</summary>
    public long Held;

    public uint Second;
    public uint Sent;
}

/// <summary>
/// States of TCP connections (include/net/tcp_states.h, part of the ABI) as the semantic conventions name them.
/// </summary>
internal static class TcpState
{
    private static readonly string[] Names =
    [
        "none", "established", "syn_sent", "syn_received", "fin_wait_1", "fin_wait_2", "time_wait", "closed",
        "close_wait", "last_ack", "listen", "closing",
        // TCP_NEW_SYN_RECV: the kernel's own name for a half-open connection that has no full socket.
        "syn_received",
    ];

    // The same for people, by number.
    private static readonly string[] InWords =
    [
        "no connection", "established", "being opened (SYN sent)", "half open (SYN received)",
        "closed here (FIN_WAIT1)", "closed here (FIN_WAIT2)", "over (TIME_WAIT)", "closed",
        "closed by the peer (CLOSE_WAIT)", "closed by both (LAST_ACK)", "listening", "closed by both (CLOSING)",
        "half open (SYN received)",
    ];

    public static string Name(int state) => (uint)state < (uint)Names.Length ? Names[state] : "unknown";

    /// <summary>What a connection is, for a sentence.</summary>
    public static string Words(int state) =>
        (uint)state < (uint)InWords.Length ? InWords[state] : "in an unknown state";
}
