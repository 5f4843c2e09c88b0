using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Arrivals;

// Mirrors of ebpf-programs/receive.bpf.c and include/stamp.h.

/// <summary>How far other clocks are ahead of the programs' own.</summary>
[BpfStruct("stamp_clock")]
[StructLayout(LayoutKind.Sequential)]
internal struct StampClock
{
    public ulong Ahead;
    public ulong TaiAhead;
    public ulong Since;
    public ulong Read;
}

[BpfStruct("receive_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct ReceiveSettings
{
    public StampClock Clock;
    public ulong Slow;
    public ulong SlowRead;
    public ulong Least;
    public uint Burst;
}

[BpfStruct("receive_key")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct ReceiveKey : INamespaceKey
{
    public readonly uint Netns;
    public readonly uint NetnsCookie;
    public readonly ushort Protocol;
    public readonly byte Station;
    public readonly byte Rootless;

    uint INamespaceKey.Netns => Netns;
    uint INamespaceKey.NetnsCookie => NetnsCookie;
    bool INamespaceKey.Rootless => Rootless != 0;
}

[BpfStruct("receive_value")]
[StructLayout(LayoutKind.Sequential)]
internal struct ReceiveValue : ICounterValue
{
    public NanosecondHistogram Histogram;
    public long Slow;
    public long Slower;
    public Limiter Limiter;

    readonly long ICounterValue.Counted => Histogram.Sum;
    readonly long ICounterValue.Held => Limiter.Held;
}

[BpfStruct("receive_event")]
[StructLayout(LayoutKind.Sequential)]
internal struct ReceiveEvent
{
    public EventHead Head;
    public Flow Flow;
    public long Duration;
    public int Station;
}
