namespace Collector.Linux.Interop;

/// <summary>How many files the process may have open.</summary>
public static class OpenFiles
{
    /// <summary>The soft limit; null where there is none or nobody says.</summary>
    public static long? Limit { get; } = OperatingSystem.IsLinux() ? Ask() : null;

    private static unsafe long? Ask()
    {
        var limits = stackalloc ulong[2];
        return Libc.getrlimit(Libc.RLIMIT_NOFILE, limits) == 0 && limits[0] <= long.MaxValue ? (long)limits[0] : null;
    }
}
