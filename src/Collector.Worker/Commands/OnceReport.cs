using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Findings.Common;
using Collector.Worker.Collection;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary>
/// What the numbers of <c>netlens once</c> do not say, on standard error: what could not be read, and what was asked
/// for and is not there. A short list is never taken for a whole one, nor an empty one for good news.
/// </summary>
/// <param name="collector">Where the numbers are from.</param>
/// <param name="asked">The probes that were asked for by name.</param>
/// <param name="watched">How long was watched, as it was written; null: not at all.</param>
internal sealed class OnceReport(NodeCollector collector, string[] asked, string? watched)
{
    /// <summary>What a probe without a single row tells; doctor says the same.</summary>
    public const string NothingToTell = "the kernel has nothing to tell";

    /// <summary>
    /// False where no row is no lack: of what is counted only while it is watched, and of what rules find.
    /// </summary>
    public static bool IsOfKernel(ProbeInfo probe) => !probe.Watches && !probe.Events.Contains(FindingEvents.Raised);

    /// <param name="whole">All numbers.</param>
    /// <param name="shown">Those that were printed.</param>
    /// <returns>The exit code.</returns>
    public int Print(Snapshot whole, Snapshot shown)
    {
        var failures = collector.ReadFailures();
        foreach (var ((probe, reason), count) in failures)
            Output.Error($"{probe}: {Output.Counted(count, "read")} failed ({reason})");
        foreach (var limit in collector.Node.Limits.Where(l => l.LeftOut > 0))
            Output.Error(limit.ToString());
        foreach (var runner in collector.Runners.Where(r => r.State == ProbeState.Failed))
            Output.Error($"{runner.Info.Id} failed: {runner.Reason}");
        var unreadable = failures.Select(f => f.Key.Probe).ToHashSet();
        var missing = false;
        foreach (var runner in collector.Runners.Where(r => asked.Contains(r.Info.Id) && !HasNumbers(shown, r)))
            missing |= Explain(runner, unreadable.Contains(runner.Info.Id), HasRows(whole, runner));
        return collector.Runners.Any(r => r.State == ProbeState.Failed) ? ExitCodes.Failure
            : missing ? ExitCodes.Unavailable
            : ExitCodes.Ok;
    }

    /// <summary>Says why a probe that was asked for has no numbers.</summary>
    /// <returns>True when this machine or this user cannot give them.</returns>
    private bool Explain(ProbeRunner runner, bool unreadable, bool elsewhere)
    {
        var id = runner.Info.Id;
        if (runner.State == ProbeState.Unavailable)
            Output.Error($"{id} is unavailable here: {runner.Reason}");
        else if (runner.State != ProbeState.Failed && !unreadable && Quiet(runner, elsewhere) is { } text)
            Output.Error($"{id}: {text}");
        return runner.State == ProbeState.Unavailable || unreadable;
    }

    // Null where it was said already that watching takes time.
    private string? Quiet(ProbeRunner runner, bool elsewhere) => (runner.Info.Watches, watched) switch
    {
        (true, null) => null,
        (true, _) => $"nothing seen in {watched}",
        _ => elsewhere ? "nothing of what was chosen"
            : IsOfKernel(runner.Info) ? NothingToTell : "nothing was found",
    };

    // Of a probe that counts what happens while it runs, rows of nothing but 0 are nothing.
    private static bool HasNumbers(Snapshot snapshot, ProbeRunner runner) => runner.Info.Watches
        ? TablesOf(snapshot, runner).Any(t => t.Info.Metrics.Any(m => Has(t, m)))
        : HasRows(snapshot, runner);

    private static bool Has(SnapshotTable table, Metric metric)
    {
        for (var column = metric.Column; column < metric.Column + metric.Width; column++)
        {
            if (table.Column(column).ContainsAnyExcept(0, Metric.Absent))
                return true;
        }
        return false;
    }

    private static bool HasRows(Snapshot snapshot, ProbeRunner runner) =>
        TablesOf(snapshot, runner).Any(t => t.Count > 0);

    // By id: with include: all a probe writes to wider tables than the catalogue's.
    private static IEnumerable<SnapshotTable> TablesOf(Snapshot snapshot, ProbeRunner runner) =>
        snapshot.Tables.Where(t => runner.Info.Tables.Any(i => i.Id == t.Info.Id));
}
