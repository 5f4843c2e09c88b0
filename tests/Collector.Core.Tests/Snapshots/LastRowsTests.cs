using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Core.Tests.Snapshots;

/// <summary>How long the last figures of what is gone are told.</summary>
public sealed class LastRowsTests
{
    private static readonly Metric Count = Metric.Counter("a.count", Units.Bytes, "A counter.");
    private static readonly Metric Level = Metric.UpDownCounter("a.level", Units.Bytes, "A level.");
    private static readonly TableInfo Table = new("probe.part", RowScope.Namespace, [], [Count, Level]);
    private static readonly TableInfo Levels = new(
        "probe.levels", RowScope.Namespace, [], [Metric.UpDownCounter("b.level", Units.Bytes, "Another.")]);

    private readonly Clock _time = new();
    private readonly SnapshotStore _store = new();
    private readonly List<string> _failures = [];
    private readonly HashSet<Subject> _replaced = [];
    private readonly SnapshotBuilder _builder;
    private readonly LastRows _last;

    public LastRowsTests()
    {
        _builder = new SnapshotBuilder(_store, _time) { OnReadFailed = (_, reason) => _failures.Add(reason) };
        _last = new LastRows(_replaced.Contains);
    }

    [Fact]
    public void Counters_stay_for_the_longest_pause_of_a_reader_and_levels_are_told_once()
    {
        _store.AddReader(static () => TimeSpan.FromSeconds(60));
        _store.AddReader(static () => TimeSpan.FromSeconds(10));
        Collect();
        End(Of(1), 7, 3);
        Collect().ShouldBe([(1, 7, 3)]);
        for (var i = 0; i < 3; i++)
            Collect(15).ShouldBe([(1, 7, Metric.Absent)]);
        Collect(14.9).ShouldBe([(1, 7, Metric.Absent)]);
        Collect(0.1).ShouldBeEmpty();
        _failures.ShouldBeEmpty();
    }

    [Fact]
    public void Where_nobody_lets_a_snapshot_pass_they_are_told_once()
    {
        Collect();
        End(Of(1), 7, 3);
        Collect(0).ShouldBe([(1, 7, 3)]);
        Collect(0).ShouldBeEmpty();
    }

    [Fact]
    public void They_come_ahead_of_the_living_at_first_and_behind_them_later_the_latest_first()
    {
        _store.AddReader(static () => TimeSpan.FromSeconds(60));
        var living = new Row(Table, Of(9), 0);
        End(Of(1), 1, 0);
        Collect(1, living).Select(r => r.Inode).ShouldBe([1, 9]);
        End(Of(2), 2, 0);
        Collect(1, living).Select(r => r.Inode).ShouldBe([2, 9, 1]);
        Collect(1, living).Select(r => r.Inode).ShouldBe([9, 2, 1]);
    }

    [Fact]
    public void What_is_replaced_by_something_that_lives_is_told_no_more()
    {
        _store.AddReader(static () => TimeSpan.FromSeconds(60));
        var gone = Of(1);
        End(gone, 7, 3);
        Collect().ShouldBe([(1, 7, 3)]);
        _replaced.Add(gone);
        Collect().ShouldBeEmpty();
        _replaced.Clear();
        Collect().ShouldBeEmpty();
    }

    [Fact]
    public void What_counts_nothing_is_told_once()
    {
        _store.AddReader(static () => TimeSpan.FromSeconds(60));
        _last.Read(snapshot => snapshot.Append(new Row(Levels, Of(1), 0)).Set(0, 5));
        Collect().ShouldBeEmpty();
        _store.Acquire().Snapshot!.Find(Levels)!.Count.ShouldBe(1);
        Collect();
        _store.Acquire().Snapshot!.Find(Levels)?.Count.ShouldBe(0);
    }

    [Fact]
    public void There_are_only_so_many_and_the_oldest_give_way_aloud()
    {
        _store.AddReader(static () => TimeSpan.FromSeconds(60));
        var most = LastRows.MostCells / Table.Width;
        for (var i = 0; i < most; i++)
            End(Of(1), i, 0);
        Collect().Count.ShouldBe(most);
        _failures.ShouldBeEmpty();
        for (var i = 0; i < 10; i++)
            End(Of(2), i, 0);
        Collect().Count.ShouldBe(most + 10);
        _failures.ShouldBe(Enumerable.Repeat("last_rows_full", 10));
        var left = Collect();
        left.Count.ShouldBe(most);
        left.Where(r => r.Inode == 1).Min(r => r.Count).ShouldBe(10);
        left.Count(r => r.Inode == 2).ShouldBe(10);
    }

    [Fact]
    public void Those_of_namespaces_that_any_user_can_make_have_a_quarter()
    {
        _store.AddReader(static () => TimeSpan.FromSeconds(60));
        var most = LastRows.MostCells / Table.Width;
        End(Of(1), 7, 0);
        for (var i = 0; i < most; i++)
            End(new NetNamespace(2, 2, isHost: false, 0) { Rootless = true }, i, 0);
        Collect().Count.ShouldBe(1 + most);
        _failures.Count.ShouldBe(most - (most / 4));
        var left = Collect();
        left.ShouldContain((1UL, 7L, Metric.Absent));
        left.Count.ShouldBe(1 + (most / 4));
        left.Where(r => r.Inode == 2).Min(r => r.Count).ShouldBe(most - (most / 4));
    }

    private static Subject Of(ulong inode) => new(SubjectKind.Namespace, inode, 1, 0);

    private void End(Subject subject, long count, long level)
    {
        _last.Read(snapshot =>
        {
            var row = snapshot.Append(new Row(Table, subject, 0));
            row.Set(Count, count);
            row.Set(Level, level);
        });
    }

    private List<(ulong Inode, long Count, long Level)> Collect(double seconds = 15, params Row[] living)
    {
        _time.Now += TimeSpan.FromSeconds(seconds);
        _builder.Begin();
        _last.AppendTo(_builder);
        foreach (var row in living)
            _builder.Append(row).Set(Count, 0);
        _last.AppendHeldTo(_builder);
        var rows = new List<(ulong, long, long)>();
        if (_builder.Publish().Find(Table) is { } table)
        {
            for (var i = 0; i < table.Count; i++)
                rows.Add((table.Rows[i].Subject!.Inode, table.Column(Count)[i], table.Column(Level)[i]));
        }
        return rows;
    }

    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; } = TimeSpan.FromHours(1);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
