using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Core.Tests.Snapshots;

/// <summary>Slow occurrences find the bucket that has counted them.</summary>
public sealed class ExemplarInboxTests
{
    private static readonly EventInfo Slow = new()
    {
        Name = "netlens.test.slow", Severity = EventSeverity.Warn, Description = "Slow.", IsTimed = true,
    };

    private readonly Metric _duration = Metric.Histogram("netlens.test.duration", "s", "How long.", [0.001, 1], 1e-9);
    private readonly TableInfo _table;
    private readonly SnapshotStore _store = new();
    private readonly SnapshotBuilder _builder;
    private readonly Subject _pod =
        new(SubjectKind.Namespace, 7, 1, 0, new(null, "shop", "web-0", "uid-1"));
    private readonly Subject _node = new(SubjectKind.Node, 1, 2, 0);
    private readonly Row _tcp;
    private readonly Row _udp;

    public ExemplarInboxTests()
    {
        _table = new("test", RowScope.Namespace, [new("network.transport")], [_duration]);
        _builder = new(_store, TimeProvider.System);
        _tcp = new(_table, _pod, 1, "tcp");
        _udp = new(_table, _pod, 1, "udp");
    }

    [Fact]
    public void The_newest_of_each_bucket_stays_with_its_row()
    {
        Collect().Tick.ShouldBe(1);
        var (first, second, late) = (Event(2_000_000), Event(3_000_000), Event(2_000_000_000));
        foreach (var e in (NetworkEvent[])[second with { Time = first.Time - 1 }, first, late])
            _store.Exemplars.Offer(e);
        Collect();
        Of(_tcp, 1).ShouldNotBeNull().Event.ShouldBeSameAs(first);
        Of(_tcp, 1)!.Value.ShouldBe(0.002);
        Of(_tcp, 2).ShouldNotBeNull().Event.ShouldBeSameAs(late);
        Of(_tcp, 0).ShouldBeNull();
        _udp.HasExemplars.ShouldBeFalse();

        _store.Exemplars.Offer(second);
        Collect();
        Of(_tcp, 1)!.Event.ShouldBeSameAs(second);
        // A reader of the collection before does not see it.
        _tcp.ExemplarOf(_duration.Column + 1, tick: 2).ShouldBeNull();
        _tcp.ExemplarOf(_duration.Column + 2, tick: 2).ShouldNotBeNull().Event.ShouldBeSameAs(late);
    }

    [Theory]
    [InlineData(1_000_000, 0)]
    [InlineData(1_000_001, 1)]
    [InlineData(1_000_000_000, 1)]
    [InlineData(1_000_000_001, 2)]
    public void A_bound_belongs_to_the_bucket_below_it(long nanoseconds, int bucket)
    {
        _store.Exemplars.Offer(Event(nanoseconds));
        Collect();
        Enumerable.Range(0, 3).Where(b => Of(_tcp, b) is not null).ShouldBe([bucket]);
    }

    [Fact]
    public void What_no_row_has_counted_is_forgotten_after_some_collections()
    {
        Subject other = new(SubjectKind.Namespace, 8, 3, 0);
        _store.Exemplars.Offer(Event(2_000_000) with { Subject = other });
        _store.Exemplars.Offer(Event(2_000_000) with { Measured = null });
        _store.Exemplars.Offer(Event(2_000_000) with { Start = null });
        Collect();
        _tcp.HasExemplars.ShouldBeFalse();
        Row late = new(_table, other, 1, "tcp");
        Collect(late);
        late.HasExemplars.ShouldBeTrue();

        _store.Exemplars.Offer(Event(2_000_000) with { Subject = new(SubjectKind.Namespace, 9, 4, 0) });
        for (var i = 0; i < 3; i++)
            Collect();
        Row later = new(_table, new(SubjectKind.Namespace, 9, 4, 0), 1, "tcp");
        _store.Exemplars.Lost.ShouldBe(1);
        Collect(later);
        later.HasExemplars.ShouldBeFalse();
    }

    [Fact]
    public void Who_has_the_number_of_one_that_is_gone_gets_nothing_of_it()
    {
        Subject before = new(SubjectKind.Namespace, 8, 3, 0) { Cookie = 0x1_0000_0005 };
        Subject after = new(SubjectKind.Namespace, 8, 4, 0) { Cookie = 0x1_0000_0006 };
        Subject told = new(SubjectKind.Stranger, 8, 5, 0) { Cookie = 6 };
        _store.Exemplars.Offer(Event(2_000_000) with { Subject = before });
        Row row = new(_table, after, 1, "tcp");
        Collect(row);
        row.HasExemplars.ShouldBeFalse();
        _store.Exemplars.Offer(Event(2_000_000) with { Subject = told });
        Collect(row);
        row.HasExemplars.ShouldBeTrue();
    }

    [Fact]
    public void A_pod_without_a_row_of_its_own_is_counted_with_the_node()
    {
        Row node = new(_table, _node, 1, "tcp");
        _store.Exemplars.Offer(Event(2_000_000) with
        {
            Measured = new EventMeasure(_duration, "tcp") { OfProcess = true },
            Process = new(1, 1, "db") { Pod = "shop/other" },
        });
        Collect(node);
        Collect(node);
        node.HasExemplars.ShouldBeFalse("the pod's row may come yet");
        Collect(node);
        node.HasExemplars.ShouldBeTrue();
        _store.Exemplars.Lost.ShouldBe(0);
    }

    [Fact]
    public void Namespaces_of_users_push_out_nobody_else()
    {
        _store.Exemplars.Offer(Event(2_000_000) with { Message = "kept" });
        for (var i = 0; i < ExemplarInbox.Capacity; i++)
            _store.Exemplars.Offer(Event(2_000_000_000) with { Rootless = true });
        _store.Exemplars.Lost.ShouldBe(ExemplarInbox.Capacity - ExemplarInbox.RootlessCapacity);
        Collect();
        Of(_tcp, 1)!.Event.Message.ShouldBe("kept");
        Of(_tcp, 2).ShouldNotBeNull();

        for (var i = 0; i < ExemplarInbox.Capacity; i++)
            _store.Exemplars.Offer(Event(2_000_000) with { Message = $"{i}" });
        var lost = _store.Exemplars.Lost;
        _store.Exemplars.Offer(Event(2_000_000) with { Message = "rootless", Rootless = true });
        _store.Exemplars.Lost.ShouldBe(lost + 1);
        Collect();
        Of(_tcp, 1)!.Event.Message.ShouldBe($"{ExemplarInbox.Capacity - 1}");
    }

    [Fact]
    public void An_empty_bucket_gets_none()
    {
        _store.Exemplars.Offer(Event(2_000_000));
        _builder.Begin();
        _builder.Append(_tcp).Set(_duration, [1, 0, 1], 5);
        _builder.Publish();
        _tcp.HasExemplars.ShouldBeFalse();
    }

    [Fact]
    public void Where_processes_are_counted_the_row_is_of_their_pod_or_the_node()
    {
        Row node = new(_table, _node, 1, "tcp");
        var measured = new EventMeasure(_duration, "tcp") { OfProcess = true };
        var e = Event(2_000_000) with { Measured = measured, Subject = new(SubjectKind.Namespace, 99, 5, 0) };
        _store.Exemplars.Offer(e with { Process = new(1, 1, "sync") });
        _store.Exemplars.Offer(e with { Process = new(2, 2, "db") { Pod = "shop/web-0" } });
        _store.Exemplars.Offer(e with { Process = new(3, 3, "db") { Pod = "shop/web-00" } });
        Collect(node);
        node.ExemplarOf(_duration.Column + 1, long.MaxValue)!.Event.Process!.Pid.ShouldBe(1);
        Of(_tcp, 1)!.Event.Process!.Pid.ShouldBe(2);
    }

    [Fact]
    public void No_more_wait_than_there_is_room_for_and_the_newest_stay()
    {
        for (var i = 0; i < ExemplarInbox.Capacity + 10; i++)
            _store.Exemplars.Offer(Event(2_000_000) with { Message = $"{i}" });
        Collect();
        Of(_tcp, 1)!.Event.Message.ShouldBe($"{ExemplarInbox.Capacity + 9}");
        _store.Exemplars.Lost.ShouldBe(10);
    }

    [Fact]
    public void Collections_without_slow_occurrences_allocate_nothing_more()
    {
        _store.Exemplars.Offer(Event(2_000_000));
        for (var i = 0; i < 50; i++)
            Collect();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++)
            Collect();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    private Exemplar? Of(Row row, int bucket) => row.ExemplarOf(_duration.Column + bucket, long.MaxValue);

    private Snapshot Collect() => Collect(_udp);

    private Snapshot Collect(Row another)
    {
        ReadOnlySpan<long> counts = [1, 1, 1];
        _builder.Begin();
        _builder.Append(_udp).Set(_duration, counts, 5);
        _builder.Append(_tcp).Set(_duration, counts, 5);
        if (another != _udp)
            _builder.Append(another).Set(_duration, counts, 5);
        return _builder.Publish();
    }

    // Before the next collection, in the order in which they are made.
    private NetworkEvent Event(long nanoseconds)
    {
        var now = SnapshotBuilder.UnixNanoseconds(TimeProvider.System.GetUtcNow());
        return new()
        {
            Info = Slow, Time = now, Start = now - nanoseconds, ObservedTime = now, Message = "", Subject = _pod,
            Measured = new(_duration, "tcp"),
        };
    }
}
