using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Core.Tests.Snapshots;

public sealed class SnapshotTests
{
    private readonly Metric _packets = new()
    {
        Name = "test.packets", Unit = Units.Packets, Kind = InstrumentKind.Counter, Description = "Packets.",
    };

    private readonly Metric _queue = new()
    {
        Name = "test.queue", Unit = Units.Bytes, Kind = InstrumentKind.Gauge, Description = "Bytes queued.",
    };

    private readonly Metric _latency = new()
    {
        Name = "test.latency", Unit = Units.Seconds, Kind = InstrumentKind.Histogram, Description = "Latency.",
        Bounds = [0.001, 0.01], Scale = 1e-9,
    };

    private readonly TableInfo _table;
    private readonly SnapshotStore _store = new();
    private readonly StepTime _time = new();
    private readonly SnapshotBuilder _builder;
    private readonly NetNamespace _ns = new(4026531840, 1, isHost: false, startTime: 7);

    public SnapshotTests()
    {
        _table = new TableInfo("test", RowScope.Namespace, [new("device")], [_packets, _queue, _latency]);
        _builder = new SnapshotBuilder(_store, _time);
    }

    [Fact]
    public void Columns_follow_each_other_and_a_histogram_takes_one_per_bucket_and_one_for_its_sum()
    {
        _packets.Column.ShouldBe(0);
        _queue.Column.ShouldBe(1);
        _latency.Column.ShouldBe(2);
        _latency.Width.ShouldBe(4);
        _table.Width.ShouldBe(6);
    }

    [Fact]
    public void A_metric_belongs_to_one_table_only() =>
        Should.Throw<ArgumentException>(() => new TableInfo("other", RowScope.Node, [], [_packets]))
            .Message.ShouldContain("already a column of test");

    [Fact]
    public void A_cell_that_was_not_set_is_absent_and_not_zero()
    {
        _builder.Begin();
        _builder.Append(NewRow("eth0")).Set(_queue, 5);
        var table = _builder.Publish().Find(_table)!;

        table.Column(_packets)[0].ShouldBe(Metric.Absent);
        table.Column(_queue)[0].ShouldBe(5);
    }

    [Fact]
    public async Task Readers_of_a_new_snapshot_know_how_many_series_it_has()
    {
        var published = _store.NextPublished;
        _builder.Begin();
        _builder.Append(NewRow("eth0")).Set(_queue, 5);
        var second = _builder.Append(NewRow("eth1"));
        second.Set(_queue, 6);
        second.Set(_packets, 7);
        _builder.Publish();

        await published;
        using var lease = _store.Acquire();
        lease.Snapshot!.Series.ShouldBe(3);
    }

    [Fact]
    public void Room_for_a_burst_of_rows_is_let_go_and_that_of_the_usual_rows_is_kept()
    {
        var rows = Enumerable.Range(0, 20_000).Select(i => NewRow($"eth{i}")).ToArray();
        // Each of the three buffers has to come round once after the burst.
        var burst = AllocatedBy(() => Collect(rows, times: 3));
        burst.ShouldBeGreaterThan(3 * 20_000 * _table.Width * sizeof(long));
        Collect(rows.AsSpan(0, 10), times: 4);
        AllocatedBy(() => Collect(rows.AsSpan(0, 10), times: 20)).ShouldBeLessThan(20 * 1_024);

        AllocatedBy(() => Collect(rows, times: 3)).ShouldBeGreaterThan(3 * 20_000 * _table.Width * sizeof(long));
    }

    private static long AllocatedBy(Action action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private void Collect(ReadOnlySpan<Row> rows, int times)
    {
        for (var i = 0; i < times; i++)
        {
            _builder.Begin();
            foreach (var row in rows)
                _builder.Append(row).Set(_queue, 5);
            _builder.Publish();
        }
    }

    [Fact]
    public void A_reader_keeps_its_snapshot_while_newer_ones_are_published()
    {
        var row = NewRow("eth0");
        Collect(row, 1);
        using var lease = _store.Acquire();
        for (var value = 2; value < 10; value++)
            Collect(row, value);

        lease.Snapshot!.Tick.ShouldBe(1);
        lease.Snapshot.Find(_table)!.Column(_packets)[0].ShouldBe(1);
        using var newest = _store.Acquire();
        newest.Snapshot!.Find(_table)!.Column(_packets)[0].ShouldBe(9);
    }

    [Fact]
    public void Buffers_are_reused_once_nobody_reads_them()
    {
        var row = NewRow("eth0");
        var seen = new HashSet<Snapshot>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < 20; i++)
        {
            Collect(row, i);
            using var lease = _store.Acquire();
            seen.Add(lease.Snapshot!);
        }
        seen.Count.ShouldBe(2);
    }

    [Fact]
    public void A_steady_collection_allocates_nothing()
    {
        var rows = Enumerable.Range(0, 200).Select(i => NewRow($"eth{i}")).ToArray();
        var value = 0L;
        void Hundred()
        {
            for (var i = 0; i < 100; i++)
                CollectAll(rows, ++value);
        }
        // What the runtime has not compiled anew yet boxes here and there.
        var taken = 1L;
        for (var i = 0; i < 500 && taken > 0; i++)
            taken = AllocatedBy(Hundred);
        taken.ShouldBe(0);
    }

    [Fact]
    public void A_counter_that_falls_starts_anew_at_the_collection_before_and_others_keep_their_start()
    {
        var row = NewRow("eth0");
        Collect(row, 100);
        Collect(row, 150);
        var before = _builder.Time;
        Collect(row, 3);

        row.StartTimeOf(_packets.Column).ShouldBe(before);
        row.StartTimeOf(_latency.Column).ShouldBe(row.StartTime);
    }

    [Fact]
    public void A_gauge_may_fall()
    {
        var row = NewRow("eth0");
        Collect(row, 1, queue: 9);
        Collect(row, 1, queue: 2);
        row.StartTimeOf(_queue.Column).ShouldBe(row.StartTime);
    }

    [Fact]
    public void A_counter_that_was_absent_in_between_is_not_taken_for_fallen()
    {
        var row = NewRow("eth0");
        Collect(row, 100);
        Collect(row, Metric.Absent);
        Collect(row, 101);
        row.StartTimeOf(_packets.Column).ShouldBe(row.StartTime);
    }

    [Fact]
    public void Falling_is_noticed_when_rows_change_places()
    {
        var (a, b) = (NewRow("a"), NewRow("b"));
        _builder.Begin();
        _builder.Append(a).Set(_packets, 10);
        _builder.Append(b).Set(_packets, 1000);
        _builder.Publish();
        _builder.Begin();
        _builder.Append(b).Set(_packets, 1001);
        _builder.Append(a).Set(_packets, 11);
        _builder.Publish();

        a.StartTimeOf(0).ShouldBe(a.StartTime);
        b.StartTimeOf(0).ShouldBe(b.StartTime);
    }

    [Fact]
    public void Falling_is_noticed_in_whichever_of_many_rows_it_is_and_the_absent_have_not_fallen()
    {
        var rows = Enumerable.Range(0, 67).Select(i => NewRow($"eth{i}")).ToArray();
        CollectAll(rows, 100);
        for (var fallen = 0; fallen < rows.Length; fallen++)
        {
            _builder.Begin();
            for (var i = 0; i < rows.Length; i++)
            {
                var writer = _builder.Append(rows[i]);
                if (i != fallen - 1)
                    writer.Set(_packets, i <= fallen ? 99 : 100);
            }
            _builder.Publish();
            rows[fallen].StartTimeOf(_packets.Column).ShouldBe(_builder.PreviousTime);
            rows.Count(r => r.StartTimeOf(_packets.Column) != r.StartTime).ShouldBe(fallen + 1);
        }
    }

    [Fact]
    public void A_row_has_nothing_of_the_one_that_had_its_place()
    {
        var (a, b) = (NewRow("a"), NewRow("b"));
        for (var i = 0; i < 4; i++)
        {
            _builder.Begin();
            _builder.Enter("test");
            _builder.Append(a).Set(_queue, 7);
            _builder.Discard();
            _builder.Append(b).Set(_packets, 8);
            var table = _builder.Publish().Find(_table)!;
            (table.Column(_packets)[0], table.Column(_queue)[0]).ShouldBe((8, Metric.Absent));
            Collect(a, Metric.Absent, queue: 9);
        }
    }

    [Fact]
    public void What_a_broken_probe_appended_is_taken_back()
    {
        _builder.Begin();
        _builder.Enter("test");
        _builder.Append(NewRow("eth0")).Set(_packets, 1);
        _builder.Discard();
        _builder.Publish().Find(_table)!.Count.ShouldBe(0);
    }

    [Fact]
    public void A_dead_row_is_not_kept_by_the_buffers()
    {
        var dead = AppendOnce();
        for (var i = 0; i < 4; i++)
        {
            _builder.Begin();
            _builder.Publish();
        }
        GC.Collect();
        dead.IsAlive.ShouldBeFalse();

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        WeakReference AppendOnce()
        {
            var row = NewRow("eth0");
            Collect(row, 1);
            return new WeakReference(row);
        }
    }

    [Fact]
    public void A_histogram_is_set_whole()
    {
        _builder.Begin();
        _builder.Append(NewRow("eth0")).Set(_latency, [3, 2, 1], sum: 12_000_000);
        var table = _builder.Publish().Find(_table)!;
        table.Column(2)[0].ShouldBe(3);
        table.Column(3)[0].ShouldBe(2);
        table.Column(4)[0].ShouldBe(1);
        table.Column(5)[0].ShouldBe(12_000_000);
        Should.Throw<ArgumentException>(() =>
        {
            _builder.Begin();
            _builder.Append(NewRow("eth1")).Set(_latency, [1, 2], sum: 3);
        });
    }

    [Fact]
    public void The_start_of_what_is_new_is_the_collection_before_and_at_first_what_the_caller_knows()
    {
        _builder.Begin();
        _builder.StartTimeOfNew(42).ShouldBe(42);
        var first = _builder.Time;
        _builder.Publish();
        _builder.Begin();
        _builder.StartTimeOfNew(42).ShouldBe(first);
    }

    [Fact]
    public void A_clock_that_was_set_back_gives_no_start_after_the_points_time()
    {
        var row = NewRow("eth0");
        Collect(row, 10);
        _time.Set(_time.GetUtcNow().AddHours(-1));
        Collect(row, 3);
        row.StartTimeOf(_packets.Column).ShouldBe(_builder.Time);
        _builder.StartTimeOfNew(42).ShouldBe(_builder.Time);
        Collect(row, 2);
        row.StartTimeOf(_packets.Column).ShouldBe(_builder.PreviousTime);
    }

    [Fact]
    public async Task Waiters_are_woken_by_the_next_publication()
    {
        var next = _store.NextPublished;
        next.IsCompleted.ShouldBeFalse();
        Collect(NewRow("eth0"), 1);
        await next.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private Row NewRow(string device) => new(_table, _ns, _ns.StartTime, device);

    private void Collect(Row row, long packets, long queue = 0)
    {
        _builder.Begin();
        var writer = _builder.Append(row);
        if (packets != Metric.Absent)
            writer.Set(_packets, packets);
        writer.Set(_queue, queue);
        _builder.Publish();
    }

    private void CollectAll(Row[] rows, long value)
    {
        _builder.Begin();
        foreach (var row in rows)
            _builder.Append(row).Set(_packets, value);
        _builder.Publish();
    }

    /// <summary>Time that goes on a second at each look.</summary>
    private sealed class StepTime : TimeProvider
    {
        private DateTimeOffset _now = DateTimeOffset.UnixEpoch.AddDays(20_000);

        public void Set(DateTimeOffset now) => _now = now;

        public override DateTimeOffset GetUtcNow() => _now = _now.AddSeconds(1);
    }
}
