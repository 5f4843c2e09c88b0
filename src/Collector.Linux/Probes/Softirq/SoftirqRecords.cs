using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Softirq;

// Mirrors of ebpf-programs/softirq.bpf.c.

[BpfStruct("softirq_settings")]
[StructLayout(LayoutKind.Sequential)]
internal struct SoftirqSettings
{
    public ulong Since;
    public ulong Slow;
    public ulong Least;
    public uint Vectors;
    public uint Burst;
    public uint FirstKsoftirqd;
    public uint LastKsoftirqd;
}

/// <summary>What one phase of one vector took: on one CPU, or added up.</summary>
[BpfStruct("softirq_times")]
[StructLayout(LayoutKind.Sequential)]
internal struct SoftirqTimes
{
    public NanosecondHistogram Histogram;
    public long Slow;
    public long Slower;
    public Limiter Limiter;

    public void Add(in SoftirqTimes other)
    {
        Histogram.Add(other.Histogram);
        Slow += other.Slow;
        Slower += other.Slower;
        Limiter.Held += other.Limiter.Held;
    }
}

[BpfStruct("softirq_vector")]
[StructLayout(LayoutKind.Sequential)]
internal struct SoftirqVector
{
    public ulong Raised;
    public ulong Raiser;
    public ulong RaiserId;
    public ulong Entered;
    public ulong Late;
    public SoftirqTimes Wait;
    public SoftirqTimes Run;

    /// <summary>True when something was counted since the start.</summary>
    public readonly bool Counted => Wait.Histogram.Sum != 0 || Run.Histogram.Sum != 0;
}

[BpfStruct("softirq_task")]
[StructLayout(LayoutKind.Sequential)]
internal struct SoftirqTask
{
    public int Pid;
    public int Tid;
    public Comm Comm;

    /// <summary>Null: nobody is known.</summary>
    public readonly EventProcess? Process => Comm.ToString() is { Length: > 0 } name ? new(Pid, Tid, name) : null;
}

[InlineArray(Count)]
internal struct SoftirqVectors
{
    public const int Count = 10;
    private SoftirqVector _first;
}

/// <summary>One CPU's element.</summary>
[BpfStruct("softirq_cpu")]
[StructLayout(LayoutKind.Sequential)]
internal struct SoftirqCpu
{
    public ulong Switched;
    public SoftirqTask Before;
    public SoftirqVectors Vectors;
}

[BpfStruct("softirq_event")]
[StructLayout(LayoutKind.Sequential)]
internal struct SoftirqEvent
{
    public EventHead Head;
    public long Duration;
    public uint Cpu;
    public byte Vector;
    public byte Phase;
    public SoftirqTask Raiser;
    public SoftirqTask Before;
}
