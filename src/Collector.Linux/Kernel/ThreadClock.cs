using System.Runtime.CompilerServices;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel;

/// <summary>Processor time of the calling thread, user and system together.</summary>
public static class ThreadClock
{
    /// <summary>Nanoseconds; 0 where the system has no such clock.</summary>
    public static long CpuNanoseconds() => OperatingSystem.IsLinux() ? Read() : 0;

    // Not compiled elsewhere: the package has no file for Windows.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Read()
    {
        return Libc.clock_gettime(Libc.CLOCK_THREAD_CPUTIME_ID, out var time) == 0
            ? (time.tv_sec * 1_000_000_000) + time.tv_nsec
            : 0;
    }
}
