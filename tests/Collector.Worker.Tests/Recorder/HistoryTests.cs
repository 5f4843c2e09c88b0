using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Recorder;
using Xunit.Abstractions;

namespace Collector.Worker.Tests.Recorder;

public sealed class HistoryTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Every_collection_is_read_back_as_it_was(int seed)
    {
        var node = new RecordedNode(new() { Span = TimeSpan.FromDays(1) });
        Live(node, seed, 500);

        using var recording = node.History.Read()!;
        recording.Times.Count.ShouldBe(500);
        recording.Times.Select(t => t.Time).ShouldBe(node.All.Select(p => p.Time));
        Back(recording).ShouldBe(Enumerable.Reverse(node.All));
        Forth(recording).ShouldBe(node.All);
        node.History.Dropped.ShouldBe(0);
        output.WriteLine($"{node.History.Bytes} B, {node.All.Count} collections");
    }

    [Fact]
    public void Rows_are_the_same_objects_that_were_published()
    {
        var node = new RecordedNode();
        var first = node.Add(RecordedNode.Devices);
        node.Publish();
        node.Rows.Clear();
        var second = node.Add(RecordedNode.Devices);
        node.Publish();

        using var recording = node.History.Read()!;
        var cursor = recording.Begin();
        cursor.Frame.Find(RecordedNode.Devices)!.Rows.ToArray().ShouldBe([second]);
        cursor.Back().ShouldBeTrue();
        cursor.Frame.Find(RecordedNode.Devices)!.Rows.ToArray().ShouldBe([first]);
        cursor.Back().ShouldBeFalse();
    }

    [Fact]
    public void A_steady_collection_allocates_nothing()
    {
        var node = new RecordedNode(new() { Memory = 1 << 20 });
        for (var i = 0; i < 50; i++)
            node.Add(RecordedNode.Devices, i);
        // Enough for segments to be reused.
        for (var i = 0; i < 20_000 && node.History.Dropped == 0; i++)
            Grow(node, i);
        var snapshots = new List<SnapshotLease>();
        for (var i = 0; i < 2; i++)
        {
            Grow(node, i + 7);
            snapshots.Add(node.Store.Acquire());
        }
        Record(10);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Record(1000);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);

        void Record(int times)
        {
            for (var i = 0; i < times; i++)
                node.History.Record(snapshots[i % 2].Snapshot!);
        }
    }

    [Fact]
    public void Memory_is_bounded_and_what_gave_way_is_counted()
    {
        const int Collections = 3000;
        var node = new RecordedNode(new() { Memory = 1 << 20, Span = TimeSpan.FromDays(1) });
        for (var i = 0; i < 200; i++)
            node.Add(RecordedNode.Devices, i);
        for (var i = 0; i < Collections; i++)
        {
            Grow(node, i, keep: true);
            node.History.Bytes.ShouldBeLessThanOrEqualTo(1 << 20);
        }
        node.History.Dropped.ShouldBeGreaterThan(0);
        (node.History.Dropped + node.History.Collections).ShouldBe(Collections);
        using var recording = node.History.Read()!;
        recording.Times.Count.ShouldBe(node.History.Collections);
        Back(recording).ShouldBe(Enumerable.Reverse(node.All).Take(recording.Times.Count));
    }

    [Fact]
    public void A_row_that_died_costs_memory_as_long_as_it_is_known()
    {
        var node = new RecordedNode(new() { Memory = 1 << 20, Span = TimeSpan.FromDays(1) });
        for (var i = 0; i < 5000; i++)
        {
            node.Rows.Clear();
            for (var k = 0; k < 5; k++)
                node.Add(RecordedNode.Devices, i);
            node.Clock.Pass(Interval);
            node.Publish();
            node.History.Bytes.ShouldBeLessThanOrEqualTo(1 << 20);
        }
        node.History.Dropped.ShouldBeGreaterThan(0);
        using var recording = node.History.Read()!;
        Back(recording).ShouldBe(Enumerable.Reverse(node.All).Take(recording.Times.Count));
    }

    [Fact]
    public void What_is_older_than_the_span_is_not_there_and_no_loss()
    {
        var node = new RecordedNode(new() { Span = TimeSpan.FromMinutes(10) });
        for (var i = 0; i < 200; i++)
            node.Add(RecordedNode.Devices, i);
        for (var i = 0; i < 1000; i++)
            Grow(node, i);
        node.History.Collections.ShouldBe(41);
        node.History.Span.ShouldBe(TimeSpan.FromMinutes(10).Ticks * 100);
        node.History.Dropped.ShouldBe(0);
        node.History.Bytes.ShouldBeLessThan(1 << 20, "old segments are used again");
        using var recording = node.History.Read()!;
        recording.Times.Count.ShouldBe(41);
        Back(recording).Count.ShouldBe(41);
    }

    [Fact]
    public void A_clock_that_is_set_changes_neither_order_nor_span()
    {
        var node = new RecordedNode(new() { Span = TimeSpan.FromHours(1) });
        node.Add(RecordedNode.Devices);
        for (var i = 0; i < 40; i++)
        {
            if (i == 20)
                node.Clock.Now -= TimeSpan.FromDays(30);
            if (i == 30)
                node.Clock.Now += TimeSpan.FromDays(60);
            Grow(node, i, keep: true);
        }
        using var recording = node.History.Read()!;
        Back(recording).ShouldBe(Enumerable.Reverse(node.All));
        Forth(recording).ShouldBe(node.All);
        // The last that was not later: of the time that came twice, the second.
        recording.IndexAt(node.All[25].Time).ShouldBe(25);
        recording.IndexAt(node.All[5].Time).ShouldBe(29);
        recording.IndexAt(node.All[20].Time - 1).ShouldBe(-1);
        recording.IndexAt(long.MaxValue).ShouldBe(39);
    }

    [Fact]
    public void A_counter_that_fell_starts_anew_in_a_replay()
    {
        var node = new RecordedNode();
        node.Add(RecordedNode.Devices, 100);
        for (var i = 0; i < 10; i++)
        {
            if (i == 5)
                node.Rows[0].Cells[RecordedNode.Packets.Column] = 1;
            Grow(node, i);
        }
        using var recording = node.History.Read()!;
        var replay = recording.Replay();
        var starts = new List<long>();
        while (replay.Next() is { } snapshot)
            starts.Add(snapshot.Find(RecordedNode.Devices)!.Rows[0].StartTimeOf(RecordedNode.Packets.Column));
        starts[^1].ShouldBe(recording.Times[4].Time);
    }

    [Fact]
    public void A_series_is_followed_through_births_and_deaths()
    {
        var node = new RecordedNode();
        var row = node.Add(RecordedNode.Devices, 5);
        node.Publish();
        var mine = node.Rows[0];
        node.Rows.Clear();
        node.Add(RecordedNode.Devices, 1);
        node.Publish();
        mine.Cells[0] = 9;
        node.Rows.Add(mine);
        node.Publish();
        using var recording = node.History.Read()!;
        recording.Series(RecordedNode.Packets, row, 0).Select(v => v.Value).ShouldBe([9, Metric.Absent, 5]);
        recording.Series(RecordedNode.Packets, row, long.MaxValue).ShouldBeEmpty();
    }

    [Fact]
    public void A_series_is_that_of_whole_collections()
    {
        var node = new RecordedNode(new() { Span = TimeSpan.FromDays(1) });
        Live(node, 9, 300);
        using var recording = node.History.Read()!;
        var rows = new HashSet<Row>();
        var all = new List<Dictionary<Row, long>>();
        var cursor = recording.Begin();
        do
        {
            all.Add([]);
            foreach (var table in cursor.Frame.Tables)
            {
                for (var r = 0; r < table.Count; r++)
                    all[^1].Add(table.Rows[r], table.Column(0)[r]);
            }
            rows.UnionWith(all[^1].Keys);
        }
        while (cursor.Back());
        foreach (var row in rows)
        {
            recording.Series(row.Table.Metrics[0], row, 0).Select(v => v.Value)
                .ShouldBe(all.Select(frame => frame.GetValueOrDefault(row, Metric.Absent)));
        }
    }

    [Fact]
    public void Ten_thousand_subjects_that_die_at_once_are_read_back()
    {
        var node = new RecordedNode(new() { Memory = 64 << 20 });
        node.Add(RecordedNode.Machine, 1);
        for (var i = 0; i < 10_000; i++)
            node.Add(RecordedNode.Devices, i);
        Grow(node, 1, keep: true);
        Grow(node, 2, keep: true);
        var some = node.Rows.Where((_, i) => i % 7 == 3).ToArray();
        node.Rows.RemoveAll(r => !some.Contains(r));
        Grow(node, 3, keep: true);
        node.Rows.Clear();
        Grow(node, 4, keep: true);
        using var recording = node.History.Read()!;
        Back(recording).ShouldBe(Enumerable.Reverse(node.All));
        output.WriteLine($"{node.History.Bytes} B");
    }

    [Fact]
    public void A_record_that_has_no_room_begins_a_new_history()
    {
        var node = new RecordedNode(new() { Memory = 1 << 20 });
        Grow(node, 0);
        for (var i = 0; i < 50_000; i++)
            node.Add(RecordedNode.Devices, i);
        Grow(node, 1);
        node.Rows.Clear();
        Grow(node, 2, keep: true);
        Grow(node, 3, keep: true);
        node.History.Bytes.ShouldBeLessThanOrEqualTo(1 << 20);
        node.History.Dropped.ShouldBe(2);
        using var recording = node.History.Read()!;
        Back(recording).ShouldBe(Enumerable.Reverse(node.All));
    }

    [Fact]
    public void Off_keeps_nothing_and_on_begins_again()
    {
        var node = new RecordedNode();
        node.Add(RecordedNode.Devices);
        Grow(node, 1);
        Grow(node, 2);
        node.History.Options = new() { Memory = 0 };
        Grow(node, 3);
        node.History.Read().ShouldBeNull();
        node.History.Bytes.ShouldBe(0);
        node.History.Collections.ShouldBe(0);
        node.History.Options = new();
        Grow(node, 4, keep: true);
        Grow(node, 5, keep: true);
        using var recording = node.History.Read()!;
        Back(recording).ShouldBe(Enumerable.Reverse(node.All));
    }

    [Fact]
    public async Task Readers_see_whole_collections_while_others_are_recorded()
    {
        var node = new RecordedNode(new() { Memory = 1 << 20, Span = TimeSpan.FromDays(1) });
        for (var i = 0; i < 100; i++)
            node.Add(RecordedNode.Devices, i);
        Grow(node, 0);
        using var end = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 3).Select(_ => Task.Run(() => ReadOn(node, end.Token))).ToArray();
        // All cells of a collection are the same number of steps on.
        while (node.History.Dropped < 200)
        {
            foreach (var (_, cells) in node.Rows)
            {
                for (var c = 0; c < cells.Length; c++)
                    cells[c]++;
            }
            if (node.Rows.Count > 1 && node.History.Collections % 5 == 0)
                node.Rows.RemoveAt(node.Rows.Count / 2);
            if (node.Rows.Count < 50)
                node.Add(RecordedNode.Devices, node.Rows[0].Cells[0]);
            node.Clock.Pass(Interval);
            node.Publish(keep: false);
        }
        await end.CancelAsync();
        (await Task.WhenAll(readers)).Sum().ShouldBeGreaterThan(0);
    }

    private static long ReadOn(RecordedNode node, CancellationToken stop)
    {
        var read = 0L;
        do
        {
            using var recording = node.History.Read()!;
            var cursor = recording.Begin();
            var tick = cursor.Frame.Tick + 1;
            do
            {
                cursor.Frame.Tick.ShouldBe(--tick);
                var table = cursor.Frame.Find(RecordedNode.Devices)!;
                for (var row = 0; row < table.Count; row++)
                {
                    for (var c = 1; c < table.Info.Width; c++)
                        table.Column(c)[row].ShouldBe(table.Column(0)[row]);
                }
                read++;
            }
            while (cursor.Back());
        }
        while (!stop.IsCancellationRequested);
        return read;
    }

    internal static void Grow(RecordedNode node, int step, bool keep = false)
    {
        for (var i = 0; i < node.Rows.Count; i++)
        {
            var cells = node.Rows[i].Cells;
            cells[(step + i) % cells.Length] += step % 100;
        }
        node.Clock.Pass(Interval);
        node.Publish(keep);
    }

    /// <summary>So many collections in which rows come, go, come back and change places, and counters fall.</summary>
    internal static void Live(RecordedNode node, int seed, int collections)
    {
        var random = new Random(seed);
        var gone = new List<(Row, long[])>();
        node.Add(RecordedNode.Machine, 1);
        for (var i = 0; i < collections; i++)
        {
            for (var births = random.Next(random.Next(4) == 0 ? 6 : 1); births > 0; births--)
                node.Add(RecordedNode.Devices, random.Next(100), $"veth{random.Next(100)}", $"10.7.{i % 250}.{births}");
            if (random.Next(5) == 0 && node.Rows.Count > 0)
            {
                var one = random.Next(node.Rows.Count);
                gone.Add(node.Rows[one]);
                node.Rows.RemoveAt(one);
            }
            if (random.Next(20) == 0)
                node.Rows.RemoveAll(_ => random.Next(3) == 0);
            if (random.Next(10) == 0 && gone.Count > 0)
            {
                node.Rows.Insert(random.Next(node.Rows.Count + 1), gone[^1]);
                gone.RemoveAt(gone.Count - 1);
            }
            if (random.Next(25) == 0)
                node.Rows.Reverse();
            foreach (var (_, cells) in node.Rows)
                Change(cells, random);
            node.Clock.Pass(Interval);
            node.Publish();
        }
    }

    private static void Change(long[] cells, Random random)
    {
        for (var c = 0; c < cells.Length; c++)
        {
            cells[c] = random.Next(12) switch
            {
                0 => cells[c] == Metric.Absent ? 1 : cells[c] + random.Next(1000),
                1 when random.Next(20) == 0 => 0,
                2 when random.Next(20) == 0 => Metric.Absent,
                3 when random.Next(50) == 0 => long.MaxValue,
                _ => cells[c],
            };
        }
    }

    internal static List<Published> Back(Recording recording)
    {
        var all = new List<Published>();
        var cursor = recording.Begin();
        do
            all.Add(Published.Of(cursor.Frame));
        while (cursor.Back());
        return all;
    }

    internal static List<Published> Forth(Recording recording)
    {
        var all = new List<Published>();
        var replay = recording.Replay();
        while (replay.Next() is { } snapshot)
            all.Add(Published.Of(snapshot));
        return all;
    }
}
