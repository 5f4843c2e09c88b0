using System.Net;
using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Connects;

// Mirrors of ebpf-programs/connect.bpf.c.

[BpfStruct("connect_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct ConnectSettings
{
    public ulong Slow;
    public uint Burst;
}

[BpfStruct("connect_key")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct ConnectKey : INamespaceKey
{
    public readonly uint Netns;
    public readonly uint NetnsCookie;
    public readonly byte Family;
    public readonly byte Cause;
    public readonly byte PortClass;
    public readonly byte Rootless;

    uint INamespaceKey.Netns => Netns;
    uint INamespaceKey.NetnsCookie => NetnsCookie;
    bool INamespaceKey.Rootless => Rootless != 0;
}

[BpfStruct("connect_value")]
[StructLayout(LayoutKind.Sequential)]
internal struct ConnectValue : ICounterValue
{
    public long Connects;
    public Limiter Limiter;

    readonly long ICounterValue.Counted => Connects;
    readonly long ICounterValue.Held => Limiter.Held;
}

[BpfStruct("connect_times_key")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct ConnectTimesKey : INamespaceKey
{
    public readonly uint Netns;
    public readonly uint NetnsCookie;
    public readonly uint Rootless;

    uint INamespaceKey.Netns => Netns;
    uint INamespaceKey.NetnsCookie => NetnsCookie;
    bool INamespaceKey.Rootless => Rootless != 0;
}

[BpfStruct("connect_times")]
[StructLayout(LayoutKind.Sequential)]
internal struct ConnectTimes : ICounterValue
{
    public NanosecondHistogram Histogram;

    readonly long ICounterValue.Counted => Histogram.Sum;
    readonly long ICounterValue.Held => 0;
}

[BpfStruct("connect_event")]
[StructLayout(LayoutKind.Sequential)]
internal struct ConnectEvent
{
    public EventHead Head;
    public Flow Flow;
    public long Duration;
    public AddressBytes NextHop;
    public int Error;
    public byte NextHopFamily;
    public byte Neighbour;
    public byte Cause;
    public byte PortClass;
    public byte Retransmits;
    public byte IcmpCode;
    public byte Icmp;

    /// <summary>The next hop whose hardware address was not known meanwhile; null: none.</summary>
    public readonly IPAddress? Unresolved
    {
        get
        {
            ReadOnlySpan<byte> bytes = NextHop;
            return NextHopFamily == 0 ? null : new IPAddress(NextHopFamily == 4 ? bytes[..4] : bytes);
        }
    }
}
