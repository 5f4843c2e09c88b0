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
        using var host = new LinuxHost(new KernelPaths(Nowhere, Nowhere, true));
        var store = new FindingStore();
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
        }
        return time == 0 ? null : FindingJson.Document(
            store.All, file.Node, time, json => LedgerJson.Write(json, file.Collections!, at, query));
    }
}
