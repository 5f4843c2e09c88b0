using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel;
using FindingProbe = Collector.Linux.Probes.Node.Finding;

namespace Collector.Linux.Tests.Probes;

/// <summary>Findings as figures.</summary>
public sealed class FindingTests : IDisposable
{
    private static readonly EventInfo Happened = new()
    {
        Name = "netlens.test", Severity = EventSeverity.Warn, Description = "A test.",
    };

    private static readonly FindingInfo Kind = new()
    {
        Kind = "test", Title = "A test", Severity = EventSeverity.Warn, Condition = "When.", Advice = "Do.",
        Triggers = [FindingTrigger.Happens(Happened)],
    };

    private readonly LinuxHost _host = new(new KernelPaths());
    private readonly SnapshotStore _store = new();
    private readonly SnapshotBuilder _builder;
    private readonly FindingEngine _engine;
    private int _next;

    public FindingTests()
    {
        _builder = new SnapshotBuilder(_store, TimeProvider.System);
        _engine = new FindingEngine([new Rule(this)], _host.Findings) { Shortest = TimeSpan.Zero };
        Collect(null);
    }

    [Fact]
    public void A_probe_that_is_switched_off_and_on_begins_anew()
    {
        using (var first = Start())
        {
            Raise();
            Raise();
            Collect(first).ShouldBe([2]);
        }
        using var second = Start();
        // What the first one told is not told again: not as a sum, nor as a difference.
        Collect(second).ShouldBeEmpty();
        Raise();
        Collect(second).ShouldBe([1]);
        Collect(second).ShouldBe([1]);
    }

    private FindingProbe Start()
    {
        var probe = new FindingProbe(_host);
        probe.Start();
        return probe;
    }

    private void Raise()
    {
        _next++;
        _engine.Inbox.Offer(new NetworkEvent { Info = Happened, Time = 1, ObservedTime = 1, Message = "" });
        Collect(null);
    }

    private long[] Collect(FindingProbe? probe)
    {
        _builder.Begin();
        _builder.Enter("finding");
        probe?.Collect(_builder);
        var snapshot = _builder.Publish();
        _engine.Judge(_store);
        return snapshot.Tables.FirstOrDefault(static t => t.Info.Id == "finding.raised") is { } table
            ? table.Column(table.Info.Metrics[0])[..table.Count].ToArray() : [];
    }

    public void Dispose()
    {
        _engine.Dispose();
        _host.Dispose();
    }

    private sealed class Rule(FindingTests test) : FindingRule(Kind)
    {
        public override IEnumerable<Verdict> Judge(SubjectWindow window) =>
            [new() { Severity = EventSeverity.Warn, Direct = true, Detail = $"{test._next}", Sentence = "is tested" }];
    }
}
