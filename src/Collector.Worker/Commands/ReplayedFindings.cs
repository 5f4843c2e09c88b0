using System.Text.Json;
using Collector.Core.Findings;
using Collector.Linux;
using Collector.Linux.Findings;
using Collector.Linux.Kernel;
using Collector.Worker.Configuration;
using Collector.Worker.Findings;
using Collector.Worker.Recorder.Files;

namespace Collector.Worker.Commands;

/// <summary>Runs the rules over a recording, as the agent did when it was made.</summary>
internal static class ReplayedFindings
{
    /// <summary>No such folder: what a rule would read beside the figures is of another machine, or gone.</summary>
    private const string Nowhere = "/nowhere";

    /// <param name="file">The recording.</param>
    /// <param name="at">Unix nanoseconds at which to stop; null: at its end.</param>
    /// <param name="query">Whose packets are to be accounted for.</param>
    /// <param name="options">Which causes are looked for.</param>
    /// <returns>Null where it has no collection until then.</returns>
    public static JsonDocument? Find(RecordFile file, long? at, LedgerQuery query, AgentOptions options)
    {
        var store = new FindingStore();
        var time = Judge(file, at, options, store, static () => { });
        return time == 0 ? null : FindingJson.Document(
            store.All, file.Node, time, json => LedgerJson.Write(json, file.Collections!, at, query));
    }

    /// <summary>What was known at each of its collections.</summary>
    public static IReadOnlyList<Finding>[] Each(RecordFile file, AgentOptions options)
    {
        var each = new List<IReadOnlyList<Finding>>();
        var store = new FindingStore();
        var copies = new Dictionary<long, Finding>();
        Judge(file, null, options, store, () => each.Add(Copies(store.All, copies)));
        return [.. each];
    }

    /// <returns>When the last collection was that it judged; 0 where there is none.</returns>
    private static long Judge(RecordFile file, long? at, AgentOptions options, FindingStore store, Action judged)
    {
        using var host = new LinuxHost(new KernelPaths(Nowhere, Nowhere, true));
        using var engine = new FindingEngine(
            AllFindings.Rules(host, info => FindingChoice.Of(options.Findings, info)), store);
        engine.OnBroken = broken => Output.Error($"the rule {broken.Rule.Info.Kind} failed: {broken.Reason}");
        var (time, next) = (0L, 0);
        var replay = file.Collections?.Replay();
        while (replay?.Next() is { } snapshot && snapshot.Time <= (at ?? long.MaxValue))
        {
            time = snapshot.Time;
            for (; next < file.Events.Count && file.Events[next].Event.ObservedTime <= time; next++)
                engine.Inbox.Offer(file.Events[next].Event);
            engine.Judge(replay.Store);
            judged();
        }
        return time;
    }

    // A finding goes on to change; one that did not is its copy of before.
    private static Finding[] Copies(Finding[] findings, Dictionary<long, Finding> copies)
    {
        foreach (var finding in findings)
        {
            if (!copies.TryGetValue(finding.Number, out var copy) || IsOther(finding, copy))
            {
                copies[finding.Number] = new(
                    finding.Number, finding.Info, finding.Subject, finding.Verdict, finding.First)
                {
                    Severity = finding.Severity, Last = finding.Last, Windows = finding.Windows,
                    IsActive = finding.IsActive, Cause = finding.Cause,
                };
            }
        }
        return [.. findings.Select(f => copies[f.Number])];
    }

    private static bool IsOther(Finding finding, Finding copy) => finding.Verdict != copy.Verdict
        || (finding.Last, finding.Windows, finding.IsActive, finding.Cause?.Number)
        != (copy.Last, copy.Windows, copy.IsActive, copy.Cause?.Number);
}
