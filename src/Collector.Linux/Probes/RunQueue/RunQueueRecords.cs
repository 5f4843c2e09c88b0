using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.RunQueue;

// Mirrors of ebpf-programs/runqueue.bpf.c.

[BpfStruct("runqueue_value")]
[StructLayout(LayoutKind.Sequential)]
internal struct RunQueueValue
{
    public NanosecondHistogram Delay;
    public BehindTimes Behind;
}

/// <summary>Nanoseconds by who had the processor: <c>enum holder</c>.</summary>
[InlineArray(Count)]
internal struct BehindTimes
{
    public const int Count = 4;

    private long _first;
}
