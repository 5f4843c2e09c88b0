using Collector.Core.Snapshots;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Softirq;

/// <summary>Unwrapped figures of one CPU or of all. Null: this kernel does not have it.</summary>
internal record struct SoftnetTotals
{
    public long Processed, Dropped, TimeSqueeze;
    public long? ReceivedRps, FlowLimitCount, Backlog, InputQueue, ProcessQueue;

    public void Add(SoftnetTotals other, bool online)
    {
        Processed += other.Processed;
        Dropped += other.Dropped;
        TimeSqueeze += other.TimeSqueeze;
        ReceivedRps = Add(ReceivedRps, other.ReceivedRps);
        FlowLimitCount = Add(FlowLimitCount, other.FlowLimitCount);
        // What waited at a CPU that went offline was moved to another (dev_cpu_dead).
        if (!online)
            return;
        Backlog = Add(Backlog, other.Backlog);
        InputQueue = Add(InputQueue, other.InputQueue);
        ProcessQueue = Add(ProcessQueue, other.ProcessQueue);
    }

    private static long? Add(long? a, long? b) => b is null ? a : (a ?? 0) + b;
}

/// <summary>The counters of one CPU, followed over their 32 bits.</summary>
internal sealed class SoftnetCpu(uint number, Row row)
{
    private Wrap32 _processed, _dropped, _squeezed, _rps, _flowLimit;
    private SoftnetTotals _totals;

    public uint Number => number;

    public Row Row => row;

    public long Tick { get; private set; }

    /// <summary>True when the kernel says which CPU a line is of.</summary>
    public bool SaysNumber { get; private set; }

    public ref readonly SoftnetTotals Totals => ref _totals;

    public void Update(in SoftnetStat stat, long tick)
    {
        Tick = tick;
        SaysNumber = stat.Cpu is not null;
        _totals.Processed = _processed.Update(stat.Processed);
        _totals.Dropped = _dropped.Update(stat.Dropped);
        _totals.TimeSqueeze = _squeezed.Update(stat.TimeSqueeze);
        _totals.ReceivedRps = stat.ReceivedRps is { } rps ? _rps.Update(rps) : null;
        _totals.FlowLimitCount = stat.FlowLimitCount is { } limited ? _flowLimit.Update(limited) : null;
        _totals.Backlog = stat.BacklogLength;
        _totals.InputQueue = stat.InputQueueLength;
        _totals.ProcessQueue = stat.ProcessQueueLength;
    }
}
