using System.Diagnostics;
using Collector.Core.Snapshots;

namespace Collector.Worker.Collection;

/// <summary>When the process was started, and how long that is ago whatever the clock is set to meanwhile.</summary>
/// <remarks>
/// Asked for once: a process looked at anew opens files, and there may be no descriptor left for them.
/// </remarks>
internal static class ProcessStart
{
    private static readonly DateTimeOffset At = new(Process.GetCurrentProcess().StartTime);
    private static readonly TimeSpan AgeAtFirst = DateTimeOffset.UtcNow - At;
    private static readonly long First = Stopwatch.GetTimestamp();

    /// <summary>Unix nanoseconds.</summary>
    public static long Time { get; } = SnapshotBuilder.UnixNanoseconds(At);

    public static TimeSpan Age => AgeAtFirst + Stopwatch.GetElapsedTime(First);
}
