using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Dns;

// Mirrors of ebpf-programs/include/dns.h.

[InlineArray(Count)]
internal struct DnsPorts
{
    public const int Count = 4;

    private ushort _first;
}

/// <summary>128 bytes, in words for their place in the structures.</summary>
[InlineArray(16)]
internal struct QuestionWords
{
    private ulong _first;
}

[InlineArray(DnsOutcome.Most)]
internal struct OutcomeCounts
{
    private long _first;
}

[BpfStruct("dns_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct DnsSettings
{
    public ulong Slow;
    public ulong Timeout;
    public uint Burst;
    public uint Servers;

    /// <summary>In network order.</summary>
    public DnsPorts Ports;

    public uint Names;
}

[BpfStruct("dns_query_key")]
[StructLayout(LayoutKind.Sequential)]
internal struct DnsQueryKey
{
    public AddressBytes Local;
    public AddressBytes Server;
    public ushort Port;
    public ushort ServerPort;
    public ushort Id;
    public byte Family;
    public byte Protocol;
    public uint Netns;
    public uint NetnsCookie;
}

[BpfStruct("dns_query")]
[StructLayout(LayoutKind.Sequential)]
internal struct DnsQuery
{
    public ulong First;
    public ulong Last;
    public ulong Cgroup;
    public ulong Skb;
    public ulong Hash;
    public uint Ifindex;
    public uint Netns;
    public uint NetnsCookie;
    public int Pid;
    public int Tid;
    public uint Sends;
    public Comm Comm;
    public byte Rootless;
    public byte TimedOut;
    public QuestionWords Question;
}

/// <summary>Queries that are or were in the maps, and those that were taken out.</summary>
[BpfStruct("dns_noted")]
[StructLayout(LayoutKind.Sequential)]
internal struct DnsNoted
{
    public long Made;
    public long Over;
}

[BpfStruct("dns_server_key")]
[StructLayout(LayoutKind.Sequential)]
internal struct DnsServerKey : INamespaceKey, IEquatable<DnsServerKey>
{
    public AddressBytes Address;
    public uint Netns;
    public uint NetnsCookie;
    public byte Family;
    public byte Protocol;
    public byte Rootless;

    readonly uint INamespaceKey.Netns => Netns;
    readonly uint INamespaceKey.NetnsCookie => NetnsCookie;
    readonly bool INamespaceKey.Rootless => Rootless != 0;

    /// <summary>Which server it is, whatever the namespace.</summary>
    public readonly DnsServerName Server => new(MemoryMarshal.Read<UInt128>(Address), Family, Protocol);

    public readonly bool Equals(DnsServerKey other) => Server == other.Server && Netns == other.Netns
        && NetnsCookie == other.NetnsCookie && Rootless == other.Rootless;

    public override readonly bool Equals(object? obj) => obj is DnsServerKey other && Equals(other);

    public override readonly int GetHashCode() => HashCode.Combine(Server, Netns, NetnsCookie);
}

[BpfStruct("dns_server")]
[StructLayout(LayoutKind.Sequential)]
internal struct DnsServer : ICounterValue
{
    public NanosecondHistogram Histogram;
    public OutcomeCounts Outcomes;

    /// <summary>Of what failed.</summary>
    public Limiter Limiter;

    public Limiter Slow;

    readonly long ICounterValue.Counted => Histogram.Sum + Outcomes[DnsOutcome.TimedOut]
        + Outcomes[DnsOutcome.Unreachable];

    readonly long ICounterValue.Held => Limiter.Held;
}

[BpfStruct("dns_totals_key")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct DnsTotalsKey : INamespaceKey
{
    public readonly uint Netns;
    public readonly uint NetnsCookie;
    public readonly uint Rootless;

    uint INamespaceKey.Netns => Netns;
    uint INamespaceKey.NetnsCookie => NetnsCookie;
    bool INamespaceKey.Rootless => Rootless != 0;
}

[BpfStruct("dns_totals")]
[StructLayout(LayoutKind.Sequential)]
internal struct DnsTotals : ICounterValue
{
    public long Retries;
    public long FiveSeconds;
    public long Late;
    public long Truncated;
    public long Unread;
    public long Servers;
    public Limiter Limiter;

    readonly long ICounterValue.Counted => Retries + Late + Truncated + Unread;
    readonly long ICounterValue.Held => Limiter.Held;
}

[BpfStruct("dns_event")]
[StructLayout(LayoutKind.Sequential)]
internal struct DnsEvent
{
    public EventHead Head;
    public Flow Flow;
    public long Duration;
    public int Sends;
    public byte Fault;
    public byte Outcome;
    public QuestionWords Question;

    /// <summary>As it was on the wire; all zero unless names are kept.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Asked
    {
        get
        {
            ReadOnlySpan<ulong> words = Question;
            return MemoryMarshal.AsBytes(words);
        }
    }
}
