namespace Collector.Linux.Interop;

/// <summary>How many files the process may have open.</summary>
public static class OpenFiles
{
    /// <summary>The soft limit; null where there is none or nobody says.</summary>
    public static long? Limit { get; } = OperatingSystem.IsLinux() ? Ask() : null;

    /// <summary>
    /// What is opened after the first namespaces: eBPF programs, maps and links (180), and what the runtime loads
    /// with its first request.
    /// </summary>
    public const int ForRuntime = 232;

    /// <summary>Connections that a limit leaves room for.</summary>
    public static int ForConnections(long limit) => (int)Math.Clamp(limit / 8, 16, 256);

    private static unsafe long? Ask()
    {
        var limits = stackalloc ulong[2];
        return Libc.getrlimit(Libc.RLIMIT_NOFILE, limits) == 0 && limits[0] <= long.MaxValue ? (long)limits[0] : null;
    }
}
