using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Sources;

/// <summary>The kinds of counters that the kernel keeps per CPU: enum mib of namespaces.bpf.c.</summary>
internal enum MibKind
{
    Tcp,
    TcpExt,
    Ip,
    Ip6,
    Udp,
    Udp6,
    Icmp,
    Icmp6,

    /// <summary>IPsec: where the kernel keeps CONFIG_XFRM_STATISTICS.</summary>
    Xfrm,
    UdpLite,
    UdpLite6,
    MPTcp,

    /// <summary>Sockets in use, by protocol: see <see cref="ProtocolSlots"/>.</summary>
    Sockets,

    /// <summary>Those of all families.</summary>
    SocketsUsed,
}

/// <summary>A namespace's counters on one CPU, in words of 64 bits.</summary>
[BpfStruct("mib_words")]
[StructLayout(LayoutKind.Explicit, Size = Count * Word)]
internal struct MibWords
{
    public const int Count = 513;

    /// <summary>Numbers of 32 bits among the sockets in use; those of all families come behind them.</summary>
    public const int SocketSlots = 64;

    private const int Word = sizeof(ulong);

    [FieldOffset(0)]
    public ulong Tcp;

    [FieldOffset(16 * Word)]
    public ulong TcpExt;

    [FieldOffset(176 * Word)]
    public ulong Ip;

    [FieldOffset(216 * Word)]
    public ulong Ip6;

    [FieldOffset(256 * Word)]
    public ulong Udp;

    [FieldOffset(268 * Word)]
    public ulong Udp6;

    [FieldOffset(280 * Word)]
    public ulong Icmp;

    [FieldOffset(312 * Word)]
    public ulong Icmp6;

    [FieldOffset(320 * Word)]
    public ulong Xfrm;

    [FieldOffset(360 * Word)]
    public ulong UdpLite;

    [FieldOffset(372 * Word)]
    public ulong UdpLite6;

    [FieldOffset(384 * Word)]
    public ulong MPTcp;

    [FieldOffset(480 * Word)]
    public uint Sockets;

    [FieldOffset(512 * Word)]
    public uint SocketsUsed;

    private static ReadOnlySpan<int> Firsts =>
        [0, 16, 176, 216, 256, 268, 280, 312, 320, 360, 372, 384, 480, 512, Count];

    /// <summary>Where a kind's counters begin.</summary>
    public static int First(MibKind kind) => Firsts[(int)kind];

    /// <summary>Where they end.</summary>
    public static int End(MibKind kind) => Firsts[(int)kind + 1];
}

/// <summary>What a namespace has once, and not per CPU.</summary>
[BpfStruct("mib_once")]
[StructLayout(LayoutKind.Explicit, Size = Count * Word)]
internal struct MibOnce
{
    public const int Count = 1046;

    /// <summary>In words, as the figures are read.</summary>
    public const int FirstMib = 1, ForwardingWord = 15, TtlWord = 16, FirstIcmpType = 17, FirstIcmp6Type = 529;

    /// <summary>What sockstat has; of fragments IPv4's, then IPv6's.</summary>
    public const int TimeWaitWord = 1041, FragmentsWord = 1042, FragmentMemoryWord = 1044;

    /// <summary>Types of ICMP messages: those received, then those sent.</summary>
    public const int IcmpTypeCount = 512, FirstSent = 256;

    private const int Word = sizeof(ulong);

    [FieldOffset(0)]
    public ulong Net;

    /// <summary>One per kind: where its counters are; 0: this kernel or this namespace has none.</summary>
    [FieldOffset(FirstMib * Word)]
    public ulong Mibs;

    [FieldOffset(ForwardingWord * Word)]
    public ulong Forwarding;

    [FieldOffset(TtlWord * Word)]
    public ulong Ttl;

    [FieldOffset(FirstIcmpType * Word)]
    public ulong IcmpTypes;

    [FieldOffset(FirstIcmp6Type * Word)]
    public ulong Icmp6Types;

    [FieldOffset(TimeWaitWord * Word)]
    public ulong TimeWait;

    [FieldOffset(FragmentsWord * Word)]
    public ulong Fragments;

    [FieldOffset(FragmentMemoryWord * Word)]
    public ulong FragmentMemory;
}
