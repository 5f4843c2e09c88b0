using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Tests.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Collector.Worker.Tests.Collection;

/// <summary>Probes that fail on purpose: the only place where a probe is not a real one.</summary>
public sealed class ProbeRunnerTests
{
    private readonly FakeNode _node = new("good", "bad");

    [Fact]
    public void A_failing_probe_is_started_again_with_growing_pauses_and_disturbs_no_other()
    {
        _node["bad"].Collecting = () => throw new InvalidOperationException("broken");
        using var collector = NewCollector();
        var starts = new List<int>();
        for (var tick = 1; tick <= 16; tick++)
        {
            var before = _node["bad"].Starts;
            collector.CollectOnce();
            if (_node["bad"].Starts > before)
                starts.Add(tick);
        }

        starts.ShouldBe([1, 2, 4, 8, 16]);
        collector.Runners[0].Collections.ShouldBe(16);
        collector.Runners[1].State.ShouldBe(ProbeState.Failed);
        collector.Runners[1].Reason.ShouldBe("broken");
        collector.ReadFailures()
            .ShouldContain(f => f.Key.Equals(new ValueTuple<string, string>("bad", "exception")) && f.Value == 5);
    }

    [Fact]
    public void An_unavailable_probe_says_why_and_comes_up_once_the_machine_offers_it()
    {
        _node["bad"].Starting = () => throw new ProbeUnavailableException("needs a module");
        using var collector = NewCollector();
        collector.CollectOnce();
        collector.Runners[1].State.ShouldBe(ProbeState.Unavailable);
        collector.Runners[1].Reason.ShouldBe("needs a module");
        collector.ReadFailures().ShouldBeEmpty("not to have a thing is no failure");

        _node["bad"].Starting = () => { };
        collector.CollectOnce();
        collector.Runners[1].State.ShouldBe(ProbeState.Running);
    }

    [Fact]
    public void An_unavailable_probe_is_not_tried_again_before_something_changed()
    {
        _node.Changes = 80;
        _node["bad"].Starting = () => throw new ProbeUnavailableException("needs a module");
        using var collector = NewCollector();
        Collect(collector, 200);
        _node["bad"].Starts.ShouldBe(1);

        // Another module than the one that is needed, then that.
        _node.Changes = 81;
        Collect(collector, 30);
        _node["bad"].Starts.ShouldBe(2);
        _node["bad"].Starting = () => { };
        _node.Changes = 82;
        Collect(collector, 1);
        collector.Runners[1].State.ShouldBe(ProbeState.Running);
    }

    [Fact]
    public void What_no_change_tells_of_is_looked_for_rarely_and_what_may_pass_soon()
    {
        _node.Changes = 80;
        _node["bad"].Starting = () => throw new ProbeUnavailableException("not allowed");
        using var collector = NewCollector();
        Collect(collector, 500);
        _node["bad"].Starts.ShouldBe(3);

        _node["good"].Collecting = () => throw new ProbeUnavailableException("no memory") { MayPass = true };
        Collect(collector, 8);
        _node["good"].Starts.ShouldBeGreaterThan(3);
    }

    private static void Collect(NodeCollector collector, int times)
    {
        for (var i = 0; i < times; i++)
            collector.CollectOnce();
    }

    [Fact]
    public void A_probe_that_breaks_off_leaves_no_half_of_its_rows()
    {
        _node["bad"].AppendFirst = true;
        _node["bad"].Collecting = () => throw new InvalidOperationException("broken");
        using var collector = NewCollector();
        var snapshot = collector.CollectOnce();
        snapshot.Find(_node["bad"].Table)!.Count.ShouldBe(0);
        snapshot.Find(_node["good"].Table)!.Count.ShouldBe(1);
    }

    [Fact]
    public void Reconfiguring_stops_and_starts_what_changed_and_leaves_the_rest_alone()
    {
        using var collector = NewCollector();
        collector.CollectOnce();
        var good = collector.Runners[0];
        collector.Reconfigure(new AgentOptions
        {
            Probes = new Dictionary<string, ProbeChoice> { ["bad"] = new(false, new(_node["bad"].Info)) },
        });
        collector.CollectOnce();

        collector.Runners.ShouldBe([good]);
        good.Collections.ShouldBe(2);
        _node["good"].Starts.ShouldBe(1);
        _node["bad"].Disposals.ShouldBe(1);
    }

    [Fact]
    public void The_figures_about_the_agent_tell_of_each_probe_and_each_kind_of_failure()
    {
        _node["bad"].Collecting = () => throw new InvalidOperationException("broken");
        using var collector = NewCollector();
        var figures = SelfFigures.OfCollection(collector, () => 3).Concat(SelfFigures.OfProcess()).ToArray();
        var self = new SelfProbe(collector, figures, 1);
        collector.Self = new ProbeRunner(self.Info, new(self.Info), _ => self, NullLogger.Instance);
        var snapshot = collector.CollectOnce();

        Value(snapshot, "netlens.collection.missed").ShouldBe(3);
        Value(snapshot, "netlens.namespaces").ShouldBe(1);
        Value(snapshot, "process.memory.usage").ShouldBeGreaterThan(10_000_000);
        var probes = self.Info.Tables.Single(t => t.Id == "self.probes");
        var running = snapshot.Find(probes)!;
        running.Rows.ToArray().Select(r => r.Tags[0].Text).ShouldBe(["good", "bad"]);
        running.Column(probes.Metrics.Single(m => m.Name == "netlens.probe.running")).ToArray().ShouldBe([1, 0]);
        var errors = snapshot.Find(self.Info.Tables.Single(t => t.Id == "self.errors"))!;
        errors.Rows[0].Tags.Select(t => t.Text).ShouldBe(["bad", "exception"]);
        errors.Column(0)[0].ShouldBe(1);
        var (cpu, allocated) = (collector.CpuNanoseconds, collector.Allocated);
        var next = collector.CollectOnce();
        Value(next, "netlens.collection.cpu.time").ShouldBe(cpu);
        Value(next, "netlens.collection.allocated").ShouldBe(allocated);
        cpu.ShouldBeInRange(1, Environment.CpuUsage.TotalTime.Ticks * 100);
        collector.Allocated.ShouldBeGreaterThan(allocated);

        collector.History = new(new());
        // The first record only begins; each later one compares all tables.
        for (var i = 0; i < 50; i++)
            collector.CollectOnce();
        var (recorder, finding) = (collector.RecorderCpuNanoseconds, collector.FindingCpuNanoseconds);
        // There are no rules here: no more than the clock is read.
        recorder.ShouldBeGreaterThan(finding);
        (recorder + finding).ShouldBeLessThan(collector.CpuNanoseconds);
        next = collector.CollectOnce();
        Value(next, "netlens.recorder.cpu.time").ShouldBe(recorder);
        Value(next, "netlens.finding.cpu.time").ShouldBe(finding);

        long Value(Snapshot s, string name)
        {
            var metric = self.Info.Metrics.Single(m => m.Name == name);
            return s.Find(metric.Table)!.Column(metric)[0];
        }
    }

    [Fact]
    public void A_probe_that_is_switched_on_again_is_counted_from_then()
    {
        using var collector = NewCollector();
        var self = new SelfProbe(collector, [], 1);
        collector.Self = new ProbeRunner(self.Info, new(self.Info), _ => self, NullLogger.Instance);
        collector.CollectOnce();
        var before = collector.CollectOnce().Time;
        collector.Reconfigure(new AgentOptions
        {
            Probes = new Dictionary<string, ProbeChoice> { ["bad"] = new(false, new(_node["bad"].Info)) },
        });
        collector.CollectOnce();
        collector.CollectOnce();
        collector.Reconfigure(new AgentOptions());
        var table = collector.CollectOnce().Find(self.Info.Tables.Single(t => t.Id == "self.probes"))!;

        var collections = table.Info.Metrics.Single(m => m.Name == "netlens.probe.collections");
        table.Rows[1].Tags[0].Text.ShouldBe("bad");
        table.Column(collections)[1].ShouldBe(1);
        table.Rows[1].StartTimeOf(collections.Column).ShouldBeGreaterThan(before);
        table.Rows[0].StartTimeOf(collections.Column).ShouldBe(1);
    }

    [Fact]
    public void The_end_of_the_events_is_said_once_and_is_a_figure()
    {
        var log = new LogList<NodeCollector>();
        using var collector = new NodeCollector(_node, new AgentOptions(), TimeProvider.System, log);
        var running = SelfFigures.OfCollection(collector, static () => 0)
            .Single(f => f.Metric.Name == "netlens.event_thread.running");
        collector.CollectOnce();
        running.Read().ShouldBe(1);
        log.Lines.ShouldBeEmpty();

        _node.EventFault = "the thread that reads events ended: EBADF";
        collector.CollectOnce();
        collector.CollectOnce();
        running.Read().ShouldBe(0);
        log.Lines.ShouldBe([
            "Critical: the thread that reads events ended: EBADF; probes only count until the agent is started again",
        ]);
    }

    private NodeCollector NewCollector() => new(_node, new AgentOptions(), TimeProvider.System, NullLogger.Instance);

    private sealed class FakeNode : INode
    {
        private readonly Dictionary<string, FakeProbe> _probes;

        public FakeNode(params string[] ids) => _probes = ids.ToDictionary(i => i, i => new FakeProbe(i));

        public FakeProbe this[string id] => _probes[id];

        public IReadOnlyList<ProbeInfo> Catalogue => [.. _probes.Values.Select(p => p.Info)];

        public IEnumerable<NetNamespace> Namespaces => [];

        public int NamespaceCount => 1;

        public int UnreadableNamespaces => 0;

        public string? EventFault { get; set; }

        public long? Changes { get; set; }

        public Probe Create(ProbeInfo info, ProbeSettings settings) => new Instance(_probes[info.Id]);

        public void Refresh(SnapshotBuilder snapshot)
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class FakeProbe
    {
        public FakeProbe(string id)
        {
            Metric =
                new Metric { Name = $"test.{id}", Unit = "1", Kind = InstrumentKind.Counter, Description = "A test." };
            Table = new TableInfo(id, RowScope.Node, [], [Metric]);
            Info = new ProbeInfo { Id = id, Description = "A test.", Source = "nowhere", Tables = [Table] };
            Row = new Row(Table, null, 0);
        }

        public Metric Metric { get; }

        public TableInfo Table { get; }

        public ProbeInfo Info { get; }

        public Row Row { get; }

        public Action Starting { get; set; } = () => { };

        public Action Collecting { get; set; } = () => { };

        public bool AppendFirst { get; set; }

        public int Starts { get; set; }

        public int Disposals { get; set; }
    }

    private sealed class Instance(FakeProbe fake) : Probe(fake.Info)
    {
        public override void Start()
        {
            fake.Starts++;
            fake.Starting();
        }

        public override void Collect(SnapshotBuilder snapshot)
        {
            if (fake.AppendFirst)
                snapshot.Append(fake.Row).Set(fake.Metric, 1);
            fake.Collecting();
            if (!fake.AppendFirst)
                snapshot.Append(fake.Row).Set(fake.Metric, 1);
        }

        protected override void Dispose(bool disposing)
        {
            fake.Disposals++;
            base.Dispose(disposing);
        }
    }
}
