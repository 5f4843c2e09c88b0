using System.Globalization;

namespace Collector.Linux.Kernel;

/// <summary>When the machine was started: the time from which the kernel's counters count.</summary>
public static class BootTime
{
    /// <summary>Unix nanoseconds from the <c>btime</c> line of /proc/stat; 0 where there is none.</summary>
    public static long Read(KernelPaths paths)
    {
        try
        {
            foreach (var line in File.ReadLines(Path.Combine(paths.Proc, "stat")))
            {
                if (line.StartsWith("btime ", StringComparison.Ordinal))
                    return long.Parse(
                        line.AsSpan(6), NumberStyles.Integer, CultureInfo.InvariantCulture) * 1_000_000_000;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return 0;
        }
        return 0;
    }
}
