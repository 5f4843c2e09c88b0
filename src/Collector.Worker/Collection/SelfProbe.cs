using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;

namespace Collector.Worker.Collection;

/// <summary>A figure about the agent itself: what it is called and how it is read.</summary>
/// <param name="Metric">Its descriptor.</param>
/// <param name="Read">Its value in stored units, or <see cref="Metric.Absent"/>.</param>
internal sealed record SelfFigure(Metric Metric, Func<long> Read);

/// <summary>
/// What Netlens says about itself: one row of figures, one row per probe, one per kind of read failure. Prometheus
/// gets them with everything else; over OTLP they leave through the OpenTelemetry SDK.
/// </summary>
internal sealed class SelfProbe : Probe
{
    private static readonly TagKey ProbeKey = new("netlens.probe");

    private static readonly Metric Running = Metric.UpDownCounter("netlens.probe.running", Units.One,
        "1 while the probe runs; 0 while it is unavailable on this machine or failed.");

    private static readonly Metric SwitchedOff = Metric.UpDownCounter("netlens.probe.switched_off", Units.One,
        "1 while the probe is off because eBPF programs took more than budget.cpu; only of probes with programs.");

    private static readonly Metric Duration = Metric.Gauge("netlens.probe.duration", Units.Seconds,
        "Time that the probe's part of the last collection took.", scale: 1e-9);

    private static readonly Metric CpuTime = Metric.Counter("netlens.probe.cpu.time", Units.Seconds,
        "Processor time that the probe used, kernel included.", scale: 1e-9);

    private static readonly Metric Collections = Metric.Counter("netlens.probe.collections", "{collection}",
        "Collections that the probe ended well.");

    private static readonly Metric Failures = Metric.Counter("netlens.probe.failures", "{failure}",
        "Times that the probe could not start or broke off.");

    private static readonly Metric LastSuccess = Metric.Gauge("netlens.probe.last_success", Units.Seconds,
        "Unix time of the last collection that the probe ended well.", scale: 1e-9);

    private static readonly Metric Errors = Metric.Counter("netlens.probe.errors", Units.Errors,
        "Reads that failed; what they would have given is missing from the snapshot.");

    private static readonly TableInfo Probes = new("self.probes", RowScope.Node, [ProbeKey],
        [Running, SwitchedOff, Duration, CpuTime, Collections, Failures, LastSuccess])
    { SelfTelemetry = true };

    private static readonly TableInfo ReadErrors = new("self.errors", RowScope.Node,
        [ProbeKey, new("error.type")], [Errors])
    { SelfTelemetry = true };

    private readonly NodeCollector _collector;
    private readonly IReadOnlyList<SelfFigure> _figures;
    private readonly Row _agent;
    private readonly Dictionary<ProbeRunner, Row> _probes = [];
    private readonly Dictionary<(string, string), Row> _errors = [];
    private readonly List<KeyValuePair<(string Probe, string Reason), long>> _failures = [];
    private readonly long _started;

    /// <param name="collector">The collection that it tells about.</param>
    /// <param name="figures">The single figures.</param>
    /// <param name="started">Unix nanoseconds of the process's start.</param>
    public SelfProbe(NodeCollector collector, IReadOnlyList<SelfFigure> figures, long started)
        : base(Describe(figures, out var agent))
    {
        _collector = collector;
        _figures = figures;
        _started = started;
        _agent = new Row(agent, null, started);
    }

    private static ProbeInfo Describe(IReadOnlyList<SelfFigure> figures, out TableInfo agent)
    {
        agent = new TableInfo("self", RowScope.Node, [], [.. figures.Select(f => f.Metric)]) { SelfTelemetry = true };
        return new ProbeInfo
        {
            Id = "self",
            Description = "The agent itself: probes, collection, exports, processor, memory.",
            Source = "the agent",
            Tables = [agent, Probes, ReadErrors],
        };
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        var agent = snapshot.Append(_agent);
        // By index: the enumerators of interfaces would be allocated.
        for (var i = 0; i < _figures.Count; i++)
            agent.Set(_figures[i].Metric, _figures[i].Read());
        var runners = _collector.Runners;
        for (var i = 0; i < runners.Count; i++)
            Append(snapshot, runners[i]);
        if (_probes.Count > runners.Count)
            DropSwitchedOff(runners);
        _collector.CopyReadFailures(_failures);
        foreach (var ((probe, reason), count) in _failures)
        {
            if (!_errors.TryGetValue((probe, reason), out var row))
                _errors.Add((probe, reason), row = new Row(ReadErrors, null, _started, probe, reason));
            snapshot.Append(row).Set(Errors, count);
        }
    }

    private void DropSwitchedOff(IReadOnlyList<ProbeRunner> runners)
    {
        foreach (var runner in _probes.Keys)
        {
            if (!runners.Contains(runner))
                _probes.Remove(runner);
        }
    }

    private void Append(SnapshotBuilder snapshot, ProbeRunner runner)
    {
        // By runner: a probe that is switched on again counts from zero, and that from then.
        if (!_probes.TryGetValue(runner, out var identity))
            _probes.Add(runner, identity = new Row(Probes, null, snapshot.StartTimeOfNew(_started), runner.Info.Id));
        var row = snapshot.Append(identity);
        row.Set(Running, runner.State == ProbeState.Running ? 1 : 0);
        row.Set(SwitchedOff, runner.State == ProbeState.Off ? 1 : runner.Info.Watches ? 0 : Metric.Absent);
        row.Set(Duration, runner.LastDuration.Ticks * 100);
        row.Set(CpuTime, runner.CpuNanoseconds);
        row.Set(Collections, runner.Collections);
        row.Set(Failures, runner.Failures);
        row.Set(LastSuccess, runner.LastSuccess == 0 ? Metric.Absent : runner.LastSuccess);
    }
}
