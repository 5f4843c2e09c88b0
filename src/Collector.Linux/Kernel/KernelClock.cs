using Collector.Linux.Interop;

namespace Collector.Linux.Kernel;

/// <summary>Translates the clock of BPF programs (CLOCK_MONOTONIC) to wall time.</summary>
internal static class KernelClock
{
    private const int Readings = 5;
    private const long NanosecondsPerTick = 10_000_000; // USER_HZ is 100 on every architecture of ours.

    /// <summary>Unix nanoseconds now.</summary>
    public static long UnixNow() => Read(Libc.CLOCK_REALTIME);

    /// <summary>The clock of programs now (bpf_ktime_get_ns).</summary>
    public static ulong Monotonic() => (ulong)Read(Libc.CLOCK_MONOTONIC);

    /// <summary>Unix nanoseconds of a moment of CLOCK_MONOTONIC, as the wall clock is set now.</summary>
    public static long ToUnix(ulong monotonic) =>
        Read(Libc.CLOCK_REALTIME) - (Read(Libc.CLOCK_MONOTONIC) - (long)monotonic);

    /// <summary>
    /// Nanoseconds that another clock is ahead of the one of programs: constant until somebody sets it. Of some
    /// readings the one that least came between.
    /// </summary>
    public static ulong Ahead(int clock)
    {
        var (ahead, narrowest) = (0L, long.MaxValue);
        for (var i = 0; i < Readings; i++)
        {
            var before = Read(Libc.CLOCK_MONOTONIC);
            var other = Read(clock);
            var between = Read(Libc.CLOCK_MONOTONIC) - before;
            if (between < narrowest)
                (ahead, narrowest) = (other - before - (between / 2), between);
        }
        return (ulong)ahead;
    }

    /// <summary>
    /// Clock ticks since boot, the unit of start times in /proc/PID/stat, at a recent moment of the wall clock.
    /// </summary>
    public static long BootTicks(long unix) => (Read(Libc.CLOCK_BOOTTIME) - (UnixNow() - unix)) / NanosecondsPerTick;

    /// <summary>
    /// The kernel's CONFIG_HZ: clocks that are moved by its tick are as coarse as that.
    /// </summary>
    public static uint JiffiesPerSecond()
    {
        Libc.clock_getres(Libc.CLOCK_MONOTONIC_COARSE, out var tick);
        return tick.tv_nsec > 0 ? (uint)Math.Round(1e9 / tick.tv_nsec) : 1;
    }

    private static long Read(int clock)
    {
        Libc.clock_gettime(clock, out var time);
        return (time.tv_sec * 1_000_000_000L) + time.tv_nsec;
    }
}
