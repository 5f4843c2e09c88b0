using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Sockets;

// Mirrors of ebpf-programs/socketlatency.bpf.c and include/waiting.h.

[BpfStruct("socketlatency_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct SocketLatencySettings
{
    public ulong Slow;
    public ulong Least;
    public uint Burst;
}

[BpfStruct("socketlatency_key")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SocketLatencyKey : INamespaceKey
{
    public readonly uint Netns;
    public readonly uint NetnsCookie;
    public readonly byte Direction;
    public readonly byte Role;
    public readonly byte Rootless;

    uint INamespaceKey.Netns => Netns;
    uint INamespaceKey.NetnsCookie => NetnsCookie;
    bool INamespaceKey.Rootless => Rootless != 0;
}

[BpfStruct("socketlatency_value")]
[StructLayout(LayoutKind.Sequential)]
internal struct SocketLatencyValue : ICounterValue
{
    public NanosecondHistogram Histogram;
    public long Over1ms;
    public long Over100ms;
    public Limiter Limiter;

    readonly long ICounterValue.Counted => Histogram.Sum;
    readonly long ICounterValue.Held => Limiter.Held;
}

[BpfStruct("socketlatency_event")]
[StructLayout(LayoutKind.Sequential)]
internal struct SocketLatencyEvent
{
    public EventHead Head;
    public Flow Flow;
    public long Duration;
    public byte Direction;
    public byte Role;

    /// <summary>1: the peer's receive window held the data.</summary>
    public byte Window;
}
