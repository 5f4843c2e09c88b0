using Collector.Linux.Interop;

namespace Collector.Linux.Kernel;

/// <summary>Translates the clock of BPF programs (CLOCK_MONOTONIC) to wall time.</summary>
internal static class KernelClock
{
    private const int CLOCK_REALTIME = 0;
    private const int CLOCK_MONOTONIC = 1;

    /// <summary>Unix nanoseconds now.</summary>
    public static long UnixNow() => Read(CLOCK_REALTIME);

    /// <summary>The clock of programs now (bpf_ktime_get_ns).</summary>
    public static ulong Monotonic() => (ulong)Read(CLOCK_MONOTONIC);

    /// <summary>Unix nanoseconds of a moment of CLOCK_MONOTONIC, as the wall clock is set now.</summary>
    public static long ToUnix(ulong monotonic) => Read(CLOCK_REALTIME) - (Read(CLOCK_MONOTONIC) - (long)monotonic);

    private static long Read(int clock)
    {
        Libc.clock_gettime(clock, out var time);
        return (time.tv_sec * 1_000_000_000L) + time.tv_nsec;
    }
}
