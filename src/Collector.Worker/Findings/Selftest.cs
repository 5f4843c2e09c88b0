using System.Diagnostics;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Findings.Faults;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Links;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Events;
using Collector.Worker.Events.Outlets;
using Microsoft.Extensions.Logging.Abstractions;

namespace Collector.Worker.Findings;

/// <summary>What was seen of a fault, and after how long.</summary>
/// <param name="Fault">What was caused.</param>
/// <param name="Metric">Until the metric had grown; null: it had not.</param>
/// <param name="Event">Until there was an event; null: there was none, or none is to be.</param>
/// <param name="Finding">Until it was found; null: it was not.</param>
/// <param name="Sentence">What the finding says of the client or the server.</param>
/// <param name="Others">What else was found of both, consequences left out.</param>
/// <param name="SeenBy">How the event's probe looks into this kernel, else where the metric comes from.</param>
/// <param name="Reason">Why not all was seen; empty: it was, or no reason is known.</param>
/// <param name="IsBeyond">Not all was seen, for a reason that lies in this kernel, and nothing else was found.</param>
internal sealed record SelftestResult(
    Fault Fault, TimeSpan? Metric, TimeSpan? Event, TimeSpan? Finding, string Sentence, IReadOnlyList<string> Others,
    string SeenBy, string Reason, bool IsBeyond)
{
    /// <summary>All was seen, and nothing else was said.</summary>
    public bool Passed => Metric is not null && (Fault.Event is null || Event is not null) && Finding is not null
        && Others.Count == 0;

    /// <summary>It was not caused, for by the configuration it is not to be seen.</summary>
    public bool IsUnasked { get; init; }

    /// <summary>The collection that first showed the metric, the first after the cause being 1; 0: none did.</summary>
    public int MetricCollection { get; init; }

    /// <summary>The collection by which it was found; 0: by none.</summary>
    public int FindingCollection { get; init; }

    /// <summary>Not all was seen when the command was stopped.</summary>
    public bool IsUnfinished { get; init; }

    /// <summary>It should have been shown.</summary>
    public bool Failed => !Passed && !IsBeyond && !IsUnasked && !IsUnfinished;
}

/// <summary>
/// Causes faults in namespaces of its own on this machine's kernel and looks what an agent would say of them.
/// </summary>
internal sealed class Selftest : IDisposable
{
    /// <summary>So often more of a fault is caused.</summary>
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(500);

    private readonly SeenEvents _events = new();
    private readonly EventHub _hub;
    private readonly NodeCollector _collector;
    private readonly LinuxNode _node;
    private readonly IReadOnlyDictionary<string, FindingChoice> _chosen;
    private long _since;

    public Selftest(AgentOptions options, Func<IEventSink, NodeCollector> collect)
    {
        _chosen = options.Findings;
        _hub = new EventHub(
            new EventLimiter(1000, TimeSpan.FromSeconds(1), TimeProvider.System), [_events], options.Events.Queue,
            TimeProvider.System, NullLogger.Instance);
        _hub.StartAsync(CancellationToken.None).GetAwaiter().GetResult();
        _collector = collect(_hub);
        _node = _collector.Node as LinuxNode ?? throw new IOException("this system has no findings: they need Linux");
        _hub.Findings = _node.Findings.Inbox;
        _node.Findings.Shortest = TimeSpan.FromSeconds(1);
        _collector.CollectOnce();
    }

    /// <summary>These options, with all switched on without which some fault is not to be seen.</summary>
    public static AgentOptions WithAll(AgentOptions options)
    {
        static ProbeInfo Find(string id) => AllProbes.List.First(p => p.Info.Id == id).Info;
        return options with
        {
            Probes = new Dictionary<string, ProbeChoice>(options.Probes)
            {
                ["dns"] = new(true, ProbeSettings.Of(Find("dns"))),
                ["netdev"] = new(true, ProbeSettings.Of(Find("netdev"), (Netdev.Devices.Name, "*"))),
            },
        };
    }

    /// <summary>A fault that was not found by then is not found.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>A fault goes on for so long at least, also when it was found.</summary>
    public TimeSpan Lasting { get; init; }

    /// <summary>Beats between two collections.</summary>
    public int Beats { get; init; } = 1;

    /// <summary>How much of a fault is caused, 1 as documented.</summary>
    public double Intensity { get; set; } = 1;

    public LinuxNode Node => _node;

    /// <summary>Causes faults, some side by side, each until it was found, or for as long as patience lasts.</summary>
    /// <param name="faults">Which.</param>
    /// <param name="begun">Told of those that are caused now.</param>
    /// <param name="stop">Ends it; what was seen until then is told.</param>
    /// <exception cref="Linux.Interop.LinuxException">This user may not make namespaces.</exception>
    public IEnumerable<SelftestResult> Run(
        IEnumerable<Fault> faults, Action<IReadOnlyList<Fault>> begun, CancellationToken stop)
    {
        foreach (var group in faults.Chunk(FaultPair.MostBeside))
        {
            if (stop.IsCancellationRequested)
                yield break;
            begun(group);
            foreach (var result in RunBeside(group, stop))
                yield return result;
        }
    }

    private List<SelftestResult> RunBeside(Fault[] faults, CancellationToken stop)
    {
        // Other namespaces had the numbers before, as like as not.
        _since = _node.Findings.Store.Raised;
        _events.Clear();
        var trials = new List<FaultTrial>();
        try
        {
            foreach (var fault in faults)
                trials.Add(new FaultTrial(fault, _node.Host, trials.Count, Intensity));
            _collector.CollectOnce();
            // Once more: what is there before the fault is no sign of it.
            _collector.CollectOnce();
            trials.ForEach(Prepare);
            var start = Stopwatch.GetTimestamp();
            var collections = 0;
            TimeSpan now;
            while (!stop.IsCancellationRequested && ((now = Stopwatch.GetElapsedTime(start)) < Lasting
                || (now < Patience && trials.Exists(static t => t.Result is null))))
            {
                for (var beat = 0; beat < Beats; beat++)
                {
                    foreach (var trial in trials.Where(t => now < Lasting ? t.IsCausable : !t.IsOver))
                        trial.Cause();
                    _node.Rest(Beat, stop);
                }
                _collector.CollectOnce();
                collections++;
                foreach (var trial in trials.Where(static t => t.Result is null))
                    Look(trial, Stopwatch.GetElapsedTime(start), collections);
            }
            return [.. trials.Select(t => t.Result ?? ResultOf(t, stop.IsCancellationRequested))];
        }
        finally
        {
            trials.ForEach(static t => t.Dispose());
        }
    }

    private void Prepare(FaultTrial trial)
    {
        trial.Before = ValueOf(trial.Fault.Metric, trial.Inode);
        trial.Unasked = UnaskedOf(trial.Fault);
        LookForIdle(trial);
    }

    private void Look(FaultTrial trial, TimeSpan now, int collection)
    {
        if (trial.IsOver)
        {
            // A collection later: by then it is known what follows from what. What goes on is another fault.
            trial.Result = ResultOf(trial, isStopped: false);
            if (Lasting == TimeSpan.Zero)
                trial.Dispose();
            return;
        }
        var (fault, inode) = (trial.Fault, trial.Inode);
        if (trial.Metric is null && ValueOf(fault.Metric, inode) > trial.Before)
            (trial.Metric, trial.MetricCollection) = (now, collection);
        trial.Event ??= fault.Event is { } info && _events.Has(info, inode) ? now : null;
        if (trial.Finding is null && FindingsOf(inode).Any(f => f.Info == fault.Finding))
            (trial.Finding, trial.FindingCollection) = (now, collection);
    }

    private SelftestResult ResultOf(FaultTrial trial, bool isStopped)
    {
        var fault = trial.Fault;
        var own = FindingsOf(trial.Inode).FirstOrDefault(f => f.Info == fault.Finding);
        var others = trial.Inodes.SelectMany(FindingsOf)
            .Where(f => f.Cause is null && !Belongs(f.Info, fault)).Select(static f => f.Info.Kind).Distinct();
        var result = new SelftestResult(
            fault, trial.Metric, trial.Event, trial.Finding, own is null ? "" : Sentence(own, fault), [.. others],
            SeenBy(fault), Reason: "", IsBeyond: false)
        {
            MetricCollection = trial.MetricCollection,
            FindingCollection = trial.FindingCollection,
        };
        return result.Passed ? result : Explained(result, trial, isStopped);
    }

    private SelftestResult Explained(SelftestResult result, FaultTrial trial, bool isStopped)
    {
        if (trial.Unasked is { } setting)
            return result with { Reason = setting, IsUnasked = true };
        if (isStopped && trial is { Failure: null, Hindrance: null })
            return result with { Reason = "not finished: the command was stopped", IsUnfinished = true };
        // Something else was found.
        if (trial.IsSeen)
            return result;
        // One that ran at the beginning may have ended since.
        LookForIdle(trial);
        if (trial.Failure is { } failure)
            return result with { Reason = failure };
        if ((trial.Hindrance ?? BlindnessOf(trial.Fault)) is not { } hindrance)
            return result;
        return result.Others.Count == 0
            ? result with { Reason = hindrance, IsBeyond = true }
            : result with { Reason = $"something else was found: {string.Join(", ", result.Others)}; {hindrance}" };
    }

    // Whatever the namespaces of one process are called by: these have no names.
    private static string Sentence(Finding finding, Fault fault) => finding.Sentence.Replace(
        new EventParties(finding.Subject, null).Where, fault.AtClient ? "the client" : "the server",
        StringComparison.Ordinal);

    // The other end's finding is of the same fault, and on loopback both ends are one.
    private static bool Belongs(FindingInfo found, Fault fault) => found == fault.Finding || fault.Also.Contains(found)
        || found.Explains.Contains(fault.Finding) || fault.Finding.Explains.Contains(found);

    private IEnumerable<Finding> FindingsOf(ulong inode) => _node.Findings.Store.All
        .Where(f => f.Number > _since && f.Subject?.Inode == inode);

    private long ValueOf(Metric metric, ulong inode)
    {
        using var lease = _collector.Store.Acquire();
        var sum = 0L;
        foreach (var table in lease.Snapshot!.Tables.Where(t => t.Info.Id == metric.Table.Id))
        {
            for (var row = 0; row < table.Count; row++)
            {
                if (table.Rows[row].Subject?.Inode == inode && table.Column(metric.Column)[row] is > 0 and var value)
                    sum += value;
            }
        }
        return sum;
    }

    private ProbeRunner? RunnerOf(Fault fault) => _collector.Runners.FirstOrDefault(r => fault.Event is { } info
        ? r.Info.Events.Contains(info)
        : r.Info.Tables.Any(t => t.Id == fault.Metric.Table.Id));

    private LadderReport? LadderOf(Fault fault) => RunnerOf(fault) is { } runner
        ? _node.Host.Bpf.Reports.GetValueOrDefault(runner.Info.Id)
        : null;

    private string SeenBy(Fault fault) => LadderOf(fault) is { Hooks.Count: > 0 } ladder
        ? string.Join(", ", ladder.Hooks.Where(h => h.Taken is not null).Select(h => h.Taken!.Sections).Distinct())
        : RunnerOf(fault) is { } runner ? SourceOf(runner.Info) : "";

    // Of two ways the one that is taken here.
    private string SourceOf(ProbeInfo probe)
    {
        if (probe.Source.Split(", else ") is not [var pass, var files])
            return probe.Source;
        var part = probe.Id is "tcpsummary" or "listen" ? "sockets" : "mib";
        return _node.Parts.Any(p => p.Name == part && p.FromKernel) ? pass : files.Split(';')[0];
    }

    // The probes that have its metric, and those that tell of its event: one of each has to run.
    private static IEnumerable<Func<ProbeInfo, bool>> TellersOf(Fault fault)
    {
        yield return probe => probe.Tables.Any(t => t.Id == fault.Metric.Table.Id);
        if (fault.Event is { } info)
            yield return probe => probe.Events.Contains(info);
    }

    // The setting by which it is not to be seen; null: none.
    private string? UnaskedOf(Fault fault) => FindingChoice.Of(_chosen, fault.Finding) is null
        ? $"{ConfigurationSchema.Findings}.{fault.Finding.Kind} is off"
        : TellersOf(fault).Select(SwitchOf).FirstOrDefault(static s => s is not null) ?? SettingOf(fault);

    private string? SettingOf(Fault fault) => fault.Unasked is { } unasked
        && _collector.Runners.FirstOrDefault(r => r.Info.Tables.Any(t => t.Id == fault.Metric.Table.Id)) is { } runner
            ? unasked(runner.Settings) : null;

    private string? SwitchOf(Func<ProbeInfo, bool> tells) =>
        !_collector.Runners.Any(r => tells(r.Info)) && _node.Catalogue.FirstOrDefault(tells) is { } probe
            ? $"{ConfigurationSchema.Probes}.{probe.Id} is off"
            : null;

    // What a machine does not offer is its hindrance; a probe that broke, or cost too much, is not.
    private void LookForIdle(FaultTrial trial)
    {
        foreach (var tells in TellersOf(trial.Fault))
        {
            var runners = _collector.Runners.Where(r => tells(r.Info)).ToArray();
            if (runners.Length == 0 || Array.Exists(runners, static r => r.State == ProbeState.Running))
                continue;
            var reason = $"{runners[0].Info.Id} does not run: {runners[0].Reason}";
            if (runners[0].State == ProbeState.Unavailable)
                trial.Hindrance ??= reason;
            else
                trial.Failure ??= reason;
        }
    }

    // Only what the rule says not to see everywhere.
    private string? BlindnessOf(Fault fault) => fault.Finding.Blind.Length > 0 && RunnerOf(fault) is { } runner
        && LadderOf(fault)?.Hooks.FirstOrDefault(static h => h.Taken is null) is { } blind
            ? $"{runner.Info.Id} does not see {blind.Hook}: {(blind.Ways is [var way, ..] ? way.Reason : "")}"
            : null;

    public void Dispose()
    {
        _collector.Dispose();
        _hub.StopAsync(CancellationToken.None).GetAwaiter().GetResult();
        _hub.Dispose();
    }

    /// <summary>Remembers which kinds happened where.</summary>
    private sealed class SeenEvents : IEventOutlet
    {
        private readonly HashSet<(EventInfo Info, ulong Inode)> _seen = [];

        public string Name => "selftest";

        public bool Has(EventInfo info, ulong inode)
        {
            lock (_seen)
                return _seen.Contains((info, inode));
        }

        public void Clear()
        {
            lock (_seen)
                _seen.Clear();
        }

        public int Write(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
        {
            lock (_seen)
            {
                foreach (var e in batch)
                    _seen.Add((e.Info, e.Subject?.Inode ?? 0));
            }
            return batch.Length;
        }

        public void Dispose()
        {
        }
    }
}
