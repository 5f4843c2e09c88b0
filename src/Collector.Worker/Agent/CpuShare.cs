using System.Diagnostics;
using Collector.Core.Metrics;

namespace Collector.Worker.Agent;

/// <summary>What part of one processor this process took from one reading to the next.</summary>
internal sealed class CpuShare
{
    private long _time;
    private TimeSpan _used;

    /// <summary>Nanoseconds per second; absent at first.</summary>
    public long Read()
    {
        var (time, used) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        var share = _time == 0 || time == _time
            ? Metric.Absent
            : (long)((used - _used) / Stopwatch.GetElapsedTime(_time, time) * 1e9);
        (_time, _used) = (time, used);
        return share;
    }
}
