using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Probes.Cgroups;

/// <summary>
/// What the kernel did to keep a cgroup within its CPU quota, since the cgroup was made: <c>cpu.stat</c>.
/// </summary>
internal struct CpuBandwidth
{
    /// <summary>Periods in which it had something to run.</summary>
    public long Periods;

    /// <summary>Those in which its quota was used up and it had to wait.</summary>
    public long Throttled;

    /// <summary>Nanoseconds that its run queues waited so, summed over processors.</summary>
    public long Time;

    /// <summary>Periods in which it ran for longer than its quota with what it had saved (Linux 5.14).</summary>
    public long Bursts;

    /// <summary>Nanoseconds beyond the quota.</summary>
    public long BurstTime;

    /// <summary>From the lines of version 2 (microseconds) or 1 (nanoseconds).</summary>
    /// <returns>False where the file has no such lines: it is another, or empty.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, out CpuBandwidth parsed)
    {
        parsed = default;
        var found = 0;
        var lines = new LineReader(text);
        while (lines.TryNext(out var line))
        {
            var fields = new FieldReader(line);
            if (!fields.TryNext(out var key) || !fields.TryNextNumber(out var value) || value < 0)
                continue;
            found += Set(ref parsed, key, value) ? 1 : 0;
        }
        return found >= 3;
    }

    private static bool Set(ref CpuBandwidth parsed, ReadOnlySpan<byte> key, long value)
    {
        const long Microsecond = 1000;
        if (key.SequenceEqual("nr_periods"u8))
            parsed.Periods = value;
        else if (key.SequenceEqual("nr_throttled"u8))
            parsed.Throttled = value;
        else if (key.SequenceEqual("throttled_usec"u8))
            parsed.Time = value * Microsecond;
        else if (key.SequenceEqual("throttled_time"u8))
            parsed.Time = value;
        else if (key.SequenceEqual("nr_bursts"u8))
            parsed.Bursts = value;
        else if (key.SequenceEqual("burst_usec"u8))
            parsed.BurstTime = value * Microsecond;
        else if (key.SequenceEqual("burst_time"u8))
            parsed.BurstTime = value;
        else
            return false;
        return true;
    }

    /// <summary>Adds what was counted from <paramref name="before"/> to <paramref name="now"/>.</summary>
    public void AddSince(in CpuBandwidth before, in CpuBandwidth now)
    {
        // No kernel takes anything back; if one did, it would have begun anew.
        var from = now.Periods < before.Periods ? default : before;
        Periods += now.Periods - from.Periods;
        Throttled += Math.Max(0, now.Throttled - from.Throttled);
        Time += Math.Max(0, now.Time - from.Time);
        Bursts += Math.Max(0, now.Bursts - from.Bursts);
        BurstTime += Math.Max(0, now.BurstTime - from.BurstTime);
    }
}
