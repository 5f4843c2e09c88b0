using System.Net;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Core.Tests.Findings;

/// <summary>From figures and events to findings: when one is told, when it is over, and what is kept from being told.</summary>
public sealed class FindingEngineTests : IDisposable
{
    private static readonly Metric Lost = Metric.Counter("a.lost", Units.Packets, "A loss.");
    private static readonly Metric Level = Metric.UpDownCounter("a.level", Units.Bytes, "A level.");
    private static readonly Metric Limit = Metric.UpDownCounter("a.limit", Units.Bytes, "Its limit.");
    private static readonly TableInfo Table = new("probe.part", RowScope.Namespace, [], [Lost, Level, Limit]);
    private static readonly EventInfo Happened = new()
    {
        Name = "netlens.probe.happened", Severity = EventSeverity.Warn, Description = "It happened.",
    };

    private static readonly FindingInfo Weak = Kind("weak", FindingTrigger.Grows(Lost, 100));
    private static readonly FindingInfo Strong = Kind("strong", FindingTrigger.Happens(Happened), Weak);
    private static readonly FindingInfo Pressure = Kind("pressure", FindingTrigger.Fills(Level, Limit, 0.8));

    private readonly Clock _time = new();
    private readonly SnapshotStore _store = new();
    private readonly SnapshotBuilder _builder;
    private readonly List<(string Kind, FindingChange Change)> _told = [];
    private readonly List<BrokenRule> _broken = [];
    private readonly Dictionary<Subject, Row> _rows = [];
    private FindingEngine _engine = null!;

    public FindingEngineTests()
    {
        _builder = new SnapshotBuilder(_store, _time);
        Use(
            new Rule(Weak, w => [Say(w.Growth(Lost), direct: true)]), new Rule(Strong, w => [Say(1, direct: true)]),
            new Rule(Pressure, w => [Say(w.Level(Level) ?? 0, direct: false)]));
    }

    public void Dispose() => _engine.Dispose();

    private void Use(params FindingRule[] rules)
    {
        _engine?.Dispose();
        _engine = new FindingEngine(rules, new FindingStore())
        {
            OnChange = (f, change) => _told.Add((f.Info.Kind, change)),
            OnBroken = _broken.Add,
        };
    }

    private static FindingInfo Kind(string kind, FindingTrigger trigger, params FindingInfo[] explains) =>
        Kind(kind, trigger, explains, []);

    private static FindingInfo Kind(
        string kind, FindingTrigger trigger, FindingInfo[] explains, params ProbeOption[] thresholds) => new()
        {
            Kind = kind, Title = kind, Severity = EventSeverity.Error, Condition = "When.", Advice = "Do.",
            Triggers = [trigger], Explains = explains, Thresholds = thresholds,
        };

    private static Verdict Say(long number, bool direct, FlowTuple? tuple = null, IPEndPoint? local = null) => new()
    {
        Severity = EventSeverity.Warn, Sentence = $"has {number}", Direct = direct, Tuple = tuple, Local = local,
    };

    [Fact]
    public void The_sum_over_namespaces_that_are_gone_is_judged_by_nobody()
    {
        var past = new Subject(SubjectKind.Stranger, 0, 1, 0);
        past.IsPast.ShouldBeTrue();
        var ns = Of(1);
        Collect(15, (past, 0, 0, 0), (ns, 0, 0, 0));
        Collect(15, (past, 1000, 0, 0), (ns, 0, 0, 0));
        Collect(15, (past, 2000, 0, 0), (ns, 0, 0, 0));
        _engine.Store.All.ShouldBeEmpty();
        Collect(15, (past, 3000, 0, 0), (ns, 1000, 0, 0));
        Collect(15, (past, 4000, 0, 0), (ns, 2000, 0, 0));
        _engine.Store.All.Single().Subject!.Inode.ShouldBe(1UL);
    }

    private static NetNamespace Of(ulong inode, long start = 0) => new(inode, (long)inode, false, start);

    private void Collect(double seconds, params (Subject Of, long Lost, long Level, long Limit)[] rows)
    {
        _time.Advance(TimeSpan.FromSeconds(seconds));
        _builder.Begin();
        _builder.Enter("probe");
        foreach (var (subject, lost, level, limit) in rows)
        {
            if (!_rows.TryGetValue(subject, out var row))
                _rows.Add(subject, row = new Row(Table, subject, subject.StartTime));
            var writer = _builder.Append(row);
            writer.Set(Lost, lost);
            writer.Set(Level, level);
            writer.Set(Limit, limit);
        }
        _builder.Publish();
        _engine.Judge(_store);
    }

    private void Happen(Subject subject) => _engine.Inbox.Offer(new NetworkEvent
    {
        Info = Happened, Time = 1, ObservedTime = 1, Message = "", Subject = subject,
        Rootless = subject is NetNamespace { Rootless: true },
    });

    [Fact]
    public void A_trigger_of_some_rows_does_not_look_at_others()
    {
        var dropped = Metric.Counter("a.dropped", Units.Packets, "Drops.");
        var table = new TableInfo("probe.reasons", RowScope.Namespace, [new("a.reason")], [dropped]);
        var ns = Of(7);
        var rows = new[] { "full", "closed" }.Select(r => new Row(table, ns, 0, r)).ToArray();
        var asked = 0;
        Use(new Rule(Kind("any", FindingTrigger.Grows(dropped).Of("a.reason", "full", "fuller")), _ =>
        {
            asked++;
            return [];
        }));

        Drop(0, 0);
        Drop(0, 9);
        asked.ShouldBe(0);
        Drop(1, 9);
        asked.ShouldBe(1);
        Drop(1, 19);
        asked.ShouldBe(1);

        void Drop(params long[] counts)
        {
            _time.Advance(TimeSpan.FromSeconds(15));
            _builder.Begin();
            _builder.Enter("probe");
            foreach (var (row, count) in rows.Zip(counts))
                _builder.Append(row).Set(dropped, count);
            _builder.Publish();
            _engine.Judge(_store);
        }
    }

    [Fact]
    public void A_trigger_of_some_events_does_not_look_for_others()
    {
        var info = new EventInfo
        {
            Name = "netlens.probe.dropped", Severity = EventSeverity.Warn, Description = "It dropped.",
            Fields = [new("a.reason"), new("a.place")],
        };
        var (ns, other) = (Of(7), Of(8));
        var asked = new List<Subject?>();
        Use(new Rule(Kind("any", FindingTrigger.Happens(info).Of("a.reason", "full", "fuller")), w =>
        {
            asked.Add(w.Subject);
            return [];
        }));
        Collect(15, (ns, 0, 0, 0), (other, 0, 0, 0));

        Drop(ns, "closed", "full");
        Drop(ns, null, "here");
        Collect(15, (ns, 0, 0, 0), (other, 0, 0, 0));
        asked.ShouldBeEmpty();
        Drop(ns, "closed", "here");
        Drop(other, "fuller", null);
        Drop(null, "full", null);
        Collect(15, (ns, 0, 0, 0), (other, 0, 0, 0));
        asked.ShouldBe([null, other]);

        void Drop(Subject? of, string? reason, string? place) => _engine.Inbox.Offer(new NetworkEvent
        {
            Info = info, Time = 1, ObservedTime = 1, Message = "", Subject = of,
            Fields = [reason is null ? default(TagValue?) : reason, place is null ? default(TagValue?) : place],
        });
    }

    [Fact]
    public void What_happened_before_a_window_is_kept_for_two_minutes_but_that_of_a_users_own_namespace()
    {
        var (ns, own) = (Of(7), new NetNamespace(8, 8, false, 0) { Rootless = true });
        var seen = new List<(Subject? Of, int Now, int Earlier)>();
        var any = new FindingInfo
        {
            Kind = "any", Title = "Any", Severity = EventSeverity.Warn, Condition = "When.", Advice = "Do.",
            Triggers = [FindingTrigger.Grows(Lost)], Earlier = [Happened],
        };
        Use(new Rule(any, w =>
        {
            seen.Add((w.Subject, w.Events(Happened).Count(), w.EarlierEvents(Happened).Count()));
            return [];
        }));
        Collect(15, (ns, 0, 0, 0), (own, 0, 0, 0));
        for (var i = 0; i < 2000; i++)
            Happen(ns);
        Happen(own);
        var lost = 0;
        while (lost < 11)
        {
            lost++;
            Collect(15, (ns, lost, 0, 0), (own, lost, 0, 0));
        }
        var most = FindingInbox.SubjectCapacity;
        seen.Where(s => s.Of == ns).Select(static s => (s.Now, s.Earlier)).ShouldBe(
            [(most, 0), .. Enumerable.Repeat((0, EarlierEvents.MostOfOne), 9), (0, 0)]);
        seen.Where(s => s.Of == own).Select(static s => (s.Now, s.Earlier)).ShouldBe(
            [(1, 0), .. Enumerable.Repeat((0, 0), 10)]);
    }

    [Fact]
    public void A_loss_is_told_once_and_is_over_when_it_was_not_seen_for_a_minute()
    {
        var ns = Of(7);
        Collect(15, (ns, 50, 0, 0));
        // What was counted before is nobody's news, and too little is no fault.
        Collect(15, (ns, 149, 0, 0));
        _told.ShouldBeEmpty();
        Collect(15, (ns, 249, 0, 0));
        Collect(15, (ns, 349, 0, 0));
        _told.ShouldBe([("weak", FindingChange.Raised)]);
        var finding = _engine.Store.All.ShouldHaveSingleItem();
        finding.Windows.ShouldBe(2);
        finding.Sentence.ShouldBe("network namespace 7 has 100");
        (finding.Last - finding.First).ShouldBe(30_000_000_000);
        for (var i = 0; i < 4; i++)
            Collect(15, (ns, 349, 0, 0));
        finding.IsActive.ShouldBeTrue();
        Collect(15, (ns, 349, 0, 0));
        finding.IsActive.ShouldBeFalse();
        _told.ShouldBe([("weak", FindingChange.Raised), ("weak", FindingChange.Ended)]);
        // It comes and goes: not a second one.
        Collect(15, (ns, 500, 0, 0));
        finding.IsActive.ShouldBeTrue();
        _told.Count.ShouldBe(2);
        _engine.Store.All.ShouldHaveSingleItem();
    }

    [Fact]
    public void After_ten_quiet_minutes_it_is_another()
    {
        var ns = Of(7);
        Collect(15, (ns, 0, 0, 0));
        Collect(15, (ns, 100, 0, 0));
        for (var i = 0; i < 50; i++)
            Collect(15, (ns, 100, 0, 0));
        Collect(15, (ns, 300, 0, 0));
        _engine.Store.All.Select(f => f.Number).ShouldBe([1, 2]);
        _told.Count(t => t.Change == FindingChange.Raised).ShouldBe(2);
    }

    [Fact]
    public void Pressure_must_last()
    {
        var ns = Of(7);
        Collect(15, (ns, 0, 0, 10));
        Collect(15, (ns, 0, 8, 10));
        Collect(15, (ns, 0, 7, 10));
        _told.ShouldBeEmpty();
        Collect(60, (ns, 0, 7, 10));
        Collect(15, (ns, 0, 8, 10));
        _told.ShouldBeEmpty();
        Collect(15, (ns, 0, 9, 10));
        _told.ShouldBe([("pressure", FindingChange.Raised)]);
    }

    [Fact]
    public void Short_collections_are_looked_at_together()
    {
        var ns = Of(7);
        Collect(2, (ns, 0, 9, 10));
        // 30 in each collection: 100 in ten seconds.
        for (var i = 1; i <= 3; i++)
            Collect(2, (ns, i * 30, 9, 10));
        _told.ShouldBeEmpty();
        Collect(2, (ns, 120, 9, 10));
        _told.ShouldBe([("weak", FindingChange.Raised)]);
        // Pressure is seen in two windows that do not overlap.
        Collect(2, (ns, 120, 9, 10));
        Collect(2, (ns, 120, 9, 10));
        _told.Count.ShouldBe(1);
        Collect(2, (ns, 120, 9, 10));
        _told.ShouldBe([("weak", FindingChange.Raised), ("pressure", FindingChange.Raised)]);
    }

    [Fact]
    public void What_a_stronger_cause_explains_is_not_told_of_the_same_subject()
    {
        var (ns, other) = (Of(7), Of(8));
        Collect(15, (ns, 0, 0, 0), (other, 0, 0, 0));
        Happen(ns);
        Collect(15, (ns, 100, 0, 0), (other, 100, 0, 0));
        _told.ShouldBe([("weak", FindingChange.Raised), ("strong", FindingChange.Raised)], ignoreOrder: true);
        var all = _engine.Store.All;
        all.Single(f => f.Info == Weak && f.Subject == ns).Cause.ShouldBe(all.Single(f => f.Info == Strong));
        all.Single(f => f.Info == Weak && f.Subject == other).Cause.ShouldBeNull();
        var active = new List<Finding>();
        _engine.Store.CopyActive(active);
        active.Count.ShouldBe(2);
    }

    [Fact]
    public void And_not_at_the_other_end_of_the_same_connection()
    {
        var (server, client) = (Of(7), Of(8));
        var local = new IPEndPoint(IPAddress.Any, 80);
        var tuple = new FlowTuple("tcp", IPAddress.Parse("192.0.2.1"), 4711, IPAddress.Parse("192.0.2.2"), 80);
        Use(new Rule(Weak, w => [Say(1, true, tuple)]), new Rule(Strong, w => [Say(1, true, local: local)]));
        _engine.HasAddress = (subject, address) => subject == server && address.Equals(tuple.Destination);
        Collect(15, (client, 0, 0, 0));
        Happen(server);
        Collect(15, (client, 100, 0, 0));
        _told.ShouldBe([("strong", FindingChange.Raised)]);
    }

    [Fact]
    public void A_fault_on_the_way_explains_what_the_same_client_finds_of_the_same_service()
    {
        var (router, client) = (Of(7), Of(8));
        FlowTuple From(string source, int port) =>
            new("tcp", IPAddress.Parse(source), port, IPAddress.Parse("192.0.2.2"), 80);
        Use(new Rule(Weak, w => [Say(1, true, From("192.0.2.1", 4711))]),
            new Rule(Strong, w => [Say(1, true, From("192.0.2.1", 0))]));
        Collect(15, (client, 0, 0, 0));
        Happen(router);
        Collect(15, (client, 100, 0, 0));
        _told.ShouldBe([("strong", FindingChange.Raised)]);

        _told.Clear();
        Use(new Rule(Weak, w => [Say(1, true, From("192.0.2.9", 4711))]),
            new Rule(Strong, w => [Say(1, true, From("192.0.2.1", 0))]));
        Collect(15, (client, 200, 0, 0));
        Happen(router);
        Collect(15, (client, 300, 0, 0));
        _told.Count.ShouldBe(2);
    }

    [Fact]
    public void Who_listens_at_any_address_explains_nothing_at_others_of_the_same_port()
    {
        var (server, client) = (Of(7), Of(8));
        var local = new IPEndPoint(IPAddress.Any, 80);
        var tuple = new FlowTuple("tcp", IPAddress.Parse("192.0.2.1"), 4711, IPAddress.Parse("192.0.2.9"), 80);
        Use(new Rule(Weak, w => [Say(1, true, tuple)]), new Rule(Strong, w => [Say(1, true, local: local)]));
        _engine.HasAddress = (subject, address) => subject == server && address.Equals(IPAddress.Parse("192.0.2.2"));
        Collect(15, (client, 0, 0, 0));
        Happen(server);
        Collect(15, (client, 100, 0, 0));
        _told.ShouldBe([("weak", FindingChange.Raised), ("strong", FindingChange.Raised)], ignoreOrder: true);
    }

    [Fact]
    public void What_was_wrong_with_a_subject_that_is_gone_is_over_at_once()
    {
        var (ns, other) = (Of(7), Of(8));
        Collect(15, (ns, 0, 0, 0), (other, 0, 0, 0));
        Collect(15, (ns, 100, 0, 0), (other, 0, 0, 0));
        _engine.IsGone = subject => subject == ns;
        Collect(15, (other, 0, 0, 0));
        _told.ShouldBe([("weak", FindingChange.Raised), ("weak", FindingChange.Ended)]);
        _engine.Store.All.ShouldHaveSingleItem().IsActive.ShouldBeFalse();
    }

    [Fact]
    public void Findings_are_counted_by_kind_and_subject_for_as_long_as_that_is_there()
    {
        var (ns, other) = (Of(7), Of(8));
        var counts = new List<FindingCount>();
        Collect(15, (ns, 0, 0, 0), (other, 0, 0, 0));
        Collect(15, (ns, 100, 0, 0), (other, 100, 0, 0));
        Happen(other);
        Collect(15, (ns, 200, 0, 0), (other, 100, 0, 0));
        _engine.Store.CopyCounts(counts);
        counts.ShouldBe([new(Weak, ns, 1), new(Weak, other, 1), new(Strong, other, 1)], ignoreOrder: true);
        _engine.IsGone = subject => subject == other;
        Collect(15, (ns, 200, 0, 0));
        _engine.Store.CopyCounts(counts);
        counts.ShouldBe([new(Weak, ns, 1)]);
    }

    [Fact]
    public void Nobody_tells_when_a_container_ends_and_its_count_ends_with_its_figures()
    {
        var container = new Subject(SubjectKind.Container, 7, 1, 0);
        var counts = new List<FindingCount>();
        Collect(15, (container, 0, 0, 0));
        Collect(15, (container, 100, 0, 0));
        // One look at which it is not there is no end.
        Collect(15, (Of(8), 0, 0, 0));
        _engine.Store.CopyCounts(counts);
        counts.ShouldBe([new(Weak, container, 1)]);
        Collect(15, (Of(8), 0, 0, 0));
        _engine.Store.CopyCounts(counts);
        counts.ShouldBeEmpty();
    }

    [Fact]
    public void What_was_there_long_before_its_cause_has_another()
    {
        var ns = Of(7);
        Collect(15, (ns, 0, 0, 0));
        for (var i = 1; i < 8; i++)
            Collect(15, (ns, i * 100, 0, 0));
        Happen(ns);
        Collect(15, (ns, 800, 0, 0));
        _told.ShouldBe([("weak", FindingChange.Raised), ("strong", FindingChange.Raised)]);
        _engine.Store.All.ShouldAllBe(f => f.Cause == null);
        // Once it is over and back it may be one.
        for (var i = 0; i < 5; i++)
            Collect(15, (ns, 800, 0, 0));
        Happen(ns);
        Collect(15, (ns, 900, 0, 0));
        _engine.Store.All.Single(f => f.Info == Weak).Cause.ShouldBe(_engine.Store.All.Single(f => f.Info == Strong));
    }

    [Fact]
    public void What_is_more_than_its_cause_explains_is_told()
    {
        var ns = Of(7);
        Use(new Rule(Weak, w => [Say(1, true) with { MoreThan = Strong }]), new Rule(Strong, w => [Say(1, true)]));
        Collect(15, (ns, 0, 0, 0));
        Happen(ns);
        Collect(15, (ns, 100, 0, 0));
        _told.ShouldBe([("weak", FindingChange.Raised), ("strong", FindingChange.Raised)], ignoreOrder: true);
        _engine.Store.All.ShouldAllBe(f => f.Cause == null);
    }

    [Fact]
    public void What_becomes_more_than_its_cause_explains_is_told_then()
    {
        var ns = Of(7);
        var isMore = false;
        Use(new Rule(Weak, w => [Say(1, true) with { MoreThan = isMore ? Strong : null }]), new Rule(Strong, w => [Say(1, true)]));
        Collect(15, (ns, 0, 0, 0));
        Happen(ns);
        Collect(15, (ns, 100, 0, 0));
        _told.ShouldBe([("strong", FindingChange.Raised)]);
        isMore = true;
        Happen(ns);
        Collect(15, (ns, 200, 0, 0));
        _told.ShouldContain(("weak", FindingChange.Raised));
        _engine.Store.All.ShouldAllBe(f => f.Cause == null);
    }

    [Fact]
    public void A_fault_of_one_connection_does_not_hide_one_of_another_of_the_same_subject()
    {
        var ns = Of(7);
        var local = new IPEndPoint(IPAddress.Any, 80);
        var tuple = new FlowTuple("tcp", IPAddress.Parse("192.0.2.1"), 4711, IPAddress.Parse("192.0.2.2"), 5432);
        Use(new Rule(Weak, w => [Say(1, true, tuple)]), new Rule(Strong, w => [Say(1, true, local: local)]));
        Collect(15, (ns, 0, 0, 0));
        Happen(ns);
        Collect(15, (ns, 100, 0, 0));
        _told.ShouldBe([("weak", FindingChange.Raised), ("strong", FindingChange.Raised)], ignoreOrder: true);
    }

    [Fact]
    public void A_consequence_that_was_found_before_its_cause_is_one_from_then_on()
    {
        var ns = Of(7);
        Collect(15, (ns, 0, 0, 0));
        Collect(15, (ns, 100, 0, 0));
        var weak = _engine.Store.All.Single();
        weak.Cause.ShouldBeNull();
        Happen(ns);
        // Not seen again in this window.
        Collect(15, (ns, 100, 0, 0));
        weak.Cause.ShouldBe(_engine.Store.All.Single(f => f.Info == Strong));
        _told.ShouldBe([("weak", FindingChange.Raised), ("strong", FindingChange.Raised)]);
    }

    [Fact]
    public void A_consequence_that_goes_on_without_its_cause_is_told()
    {
        var ns = Of(7);
        Collect(15, (ns, 0, 0, 0));
        Happen(ns);
        Collect(15, (ns, 100, 0, 0));
        for (var i = 2; i < 8; i++)
            Collect(15, (ns, i * 100, 0, 0));
        _told.ShouldBe([
            ("strong", FindingChange.Raised), ("strong", FindingChange.Ended), ("weak", FindingChange.Raised),
        ]);
        _engine.Store.All.ShouldAllBe(f => f.Cause == null);
    }

    [Fact]
    public void A_warning_keeps_no_error_from_being_told()
    {
        var ns = Of(7);
        Use(
            new Rule(Weak, w => [Say(1, true) with { Severity = EventSeverity.Error }]),
            new Rule(Strong, w => [Say(1, true)]));
        Collect(15, (ns, 0, 0, 0));
        Happen(ns);
        Collect(15, (ns, 100, 0, 0));
        _told.Select(t => t.Kind).ShouldBe(["weak", "strong"], ignoreOrder: true);
    }

    [Fact]
    public void What_comes_back_worse_is_told()
    {
        var (ns, severity) = (Of(7), EventSeverity.Warn);
        Use(new Rule(Weak, w => [Say(1, true) with { Severity = severity }]));
        Collect(15, (ns, 0, 0, 0));
        Collect(15, (ns, 100, 0, 0));
        for (var i = 0; i < 5; i++)
            Collect(15, (ns, 100, 0, 0));
        severity = EventSeverity.Error;
        Collect(15, (ns, 300, 0, 0));
        _told.Select(t => t.Change).ShouldBe([FindingChange.Raised, FindingChange.Ended, FindingChange.Worse]);
        _engine.Store.All.ShouldHaveSingleItem().Severity.ShouldBe(EventSeverity.Error);
    }

    [Fact]
    public void One_subject_does_not_take_the_room_of_the_others()
    {
        var (loud, other) = (Of(7), Of(8));
        Use(new Rule(Weak, w => Enumerable.Range(0, w.Subject == loud ? 2000 : 1)
            .Select(i => Say(i, true) with { Detail = $"{i}" })));
        Collect(15, (loud, 0, 0, 0), (other, 0, 0, 0));
        Collect(15, (loud, 100, 0, 0), (other, 100, 0, 0));
        _engine.Store.All.ShouldContain(f => f.Subject == other);
        _engine.Store.All.Length.ShouldBeLessThan(100);
        _engine.Store.Lost.ShouldBeGreaterThan(1900);
    }

    [Fact]
    public void Probes_that_start_again_bring_no_news()
    {
        var ns = Of(7, start: long.MaxValue / 2);
        Collect(15, (Of(1), 0, 0, 0));
        Collect(15, (Of(1), 0, 0, 0), (ns, 1_000_000, 0, 0));
        _told.Clear();
        _engine.Restart();
        _rows.Clear();
        Collect(15, (ns, 1_000_000, 0, 0));
        Collect(15, (ns, 1_000_050, 0, 0));
        _told.ShouldBeEmpty();
    }

    [Fact]
    public void A_rule_that_throws_again_and_again_is_asked_no_more_and_the_others_go_on()
    {
        var asked = 0;
        Use(
            new Rule(Weak, _ => asked++ < 0 ? [] : throw new InvalidOperationException("no such column")),
            new Rule(Strong, w => [Say(1, true)]));
        var ns = Of(7);
        Collect(15, (ns, 0, 0, 0));
        for (var i = 1; i < 6; i++)
        {
            Happen(ns);
            Collect(15, (ns, i * 1000, 0, 0));
        }
        asked.ShouldBe(3);
        _broken.ShouldHaveSingleItem().Reason.ShouldBe("InvalidOperationException: no such column");
        _told.ShouldBe([("strong", FindingChange.Raised)]);
    }

    [Fact]
    public void A_counter_that_begins_anew_a_birth_and_a_death_give_no_growth_that_was_not_there()
    {
        var growth = new List<long>();
        Use(new Rule(Kind("any", FindingTrigger.Grows(Lost)), w =>
        {
            growth.Add(w.Growth(Lost));
            return [];
        }));
        var (old, young) = (Of(7), Of(8, start: long.MaxValue / 2));
        Collect(15, (old, 1_000_000, 0, 0));
        Collect(15, (old, 30, 0, 0), (young, 40, 0, 0));
        growth.ShouldBe([30, 40], ignoreOrder: true);
        growth.Clear();
        // Found late: what it counted before nobody saw.
        Collect(15, (young, 40, 0, 0), (Of(9, start: 1), 5_000, 0, 0));
        growth.ShouldBeEmpty();
    }

    [Fact]
    public void A_clock_that_is_set_neither_ends_nor_raises_anything()
    {
        var ns = Of(7);
        Collect(15, (ns, 0, 0, 0));
        Happen(ns);
        Collect(15, (ns, 0, 0, 0));
        _time.Step(TimeSpan.FromHours(-3));
        Collect(15, (ns, 0, 0, 0));
        _time.Step(TimeSpan.FromHours(6));
        Collect(15, (ns, 0, 0, 0));
        var finding = _engine.Store.All.ShouldHaveSingleItem();
        finding.IsActive.ShouldBeTrue();
        finding.Windows.ShouldBe(1);
    }

    [Fact]
    public void Ten_thousand_subjects_are_bounded_and_counted()
    {
        var all = Enumerable.Range(1, 10_000).Select(i => Of((ulong)i)).ToArray();
        Collect(15, [.. all.Select(n => (n, 0L, 0L, 0L))]);
        Collect(15, [.. all.Select(n => (n, 100L, 0L, 0L))]);
        // Fewer where the machine is slow: the collection waits no longer.
        _engine.Unseen.ShouldBeGreaterThanOrEqualTo(10_000 - FindingEngine.MostSubjects);
        _engine.Store.All.Length.ShouldBeInRange(1, FindingEngine.MostSubjects);
    }

    [Theory]
    [InlineData("100", 0)]
    [InlineData("50", 1)]
    public void A_threshold_that_is_set_moves_the_trigger(string value, int told)
    {
        var least = Option.Count("least", 100, "packets in a window", "A reason.");
        var kind = Kind("set", FindingTrigger.Grows(Lost, least), [], least);
        Use(new Rule(kind, w => [Say(w.Growth(Lost), direct: true)], FindingSettings.Of(kind, ("least", value))));
        var ns = Of(7);
        Collect(15, (ns, 0, 0, 0));
        Collect(15, (ns, 50, 0, 0));
        _told.Count.ShouldBe(told);
    }

    [Fact]
    public void A_trigger_of_a_share_follows_its_threshold()
    {
        var share = Option.Part("share", Share.Percent(80), "its limit", "A reason.");
        var kind = Kind("filling", FindingTrigger.Fills(Level, Limit, share), [], share);
        kind.Triggers[0].Least.ShouldBe(800);
        kind.Triggers[0].By(FindingSettings.Of(kind, ("share", "12.5%"))).Least.ShouldBe(125);
        kind.Triggers[0].By(new FindingSettings(kind)).Least.ShouldBe(800);
        Should.Throw<ArgumentException>(() => new FindingSettings(Weak).Get(share));
    }

    [Fact]
    public void What_is_looked_for_no_more_is_over_after_a_minute_and_comes_back_with_its_rule()
    {
        var ns = Of(7);
        Collect(15, (ns, 0, 0, 0));
        Collect(15, (ns, 100, 0, 0));
        _engine.Use([]);
        for (var i = 2; i < 8; i++)
            Collect(15, (ns, i * 100, 0, 0));
        _told.ShouldBe([("weak", FindingChange.Raised), ("weak", FindingChange.Ended)]);
        _engine.Use([new Rule(Weak, w => [Say(w.Growth(Lost), direct: true)])]);
        Collect(15, (ns, 900, 0, 0));
        _engine.Store.All.ShouldHaveSingleItem().IsActive.ShouldBeTrue();
    }

    [Fact]
    public void Where_nothing_moves_nothing_is_allocated()
    {
        var rows = Enumerable.Range(1, 200).Select(i => ((Subject)Of((ulong)i), 5L, 1L, 10L)).ToArray();
        // For as long as it takes until what is usual is known.
        for (var i = 0; i < 60; i++)
            Collect(15, rows);
        long allocated = 0;
        for (var i = 0; i < 50; i++)
        {
            _builder.Begin();
            foreach (var (subject, lost, level, limit) in rows)
            {
                var writer = _builder.Append(_rows[subject]);
                writer.Set(Lost, lost);
                writer.Set(Level, level);
                writer.Set(Limit, limit);
            }
            _builder.Publish();
            _time.Advance(TimeSpan.FromSeconds(15));
            var before = GC.GetAllocatedBytesForCurrentThread();
            _engine.Judge(_store);
            allocated += GC.GetAllocatedBytesForCurrentThread() - before;
        }
        allocated.ShouldBe(0);
    }

    [Fact]
    public void Events_that_find_no_room_are_counted()
    {
        for (var i = 0; i < FindingInbox.Capacity + 3; i++)
            Happen(Of(1));
        _engine.Inbox.Lost.ShouldBe(3);
    }

    private sealed class Rule(
        FindingInfo info, Func<SubjectWindow, IEnumerable<Verdict>> judge, FindingSettings? own = null)
        : FindingRule(info, own)
    {
        public override IEnumerable<Verdict> Judge(SubjectWindow window) => judge(window);
    }

    /// <summary>A clock that can be set, and one beside that cannot.</summary>
    private sealed class Clock : TimeProvider
    {
        private long _ticks;
        private DateTimeOffset _wall = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public override DateTimeOffset GetUtcNow() => _wall;

        public void Advance(TimeSpan time) => (_ticks, _wall) = (_ticks + time.Ticks, _wall + time);

        public void Step(TimeSpan time) => _wall += time;
    }
}
