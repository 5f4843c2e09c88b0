using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Recorder;

namespace Collector.Worker.Tests.Recorder;

/// <summary>A node of made-up numbers, what was published of it, and a clock that a test sets.</summary>
internal sealed class RecordedNode
{
    public static readonly Metric Packets = Metric.Counter("netlens.test.packets", "{packet}", "Packets.");
    public static readonly Metric Level = Metric.UpDownCounter("netlens.test.level", "1", "A level.");
    public static readonly Metric Times = Metric.Histogram("netlens.test.times", "s", "Times.", [0.1, 1], 1e-9);
    public static readonly Metric Load = Metric.Gauge("netlens.test.load", "1", "A gauge.", scale: 1e-3);

    /// <summary>By namespace and device.</summary>
    public static readonly TableInfo Devices = new(
        "test", RowScope.Namespace, [new("device"), new("address")], [Packets, Level, Times]);

    /// <summary>One row of the machine.</summary>
    public static readonly TableInfo Machine = new("test.machine", RowScope.Node, [], [Load]);

    private readonly SnapshotBuilder _builder;
    private long _number;

    public RecordedNode(RecorderOptions? options = null)
    {
        _builder = new(Store, Clock);
        History = new(options ?? new());
    }

    public StepClock Clock { get; } = new();

    public SnapshotStore Store { get; } = new();

    public History History { get; }

    /// <summary>Rows with their cells, as they are to be published; a test changes them.</summary>
    public List<(Row Row, long[] Cells)> Rows { get; } = [];

    /// <summary>What was published, the oldest first.</summary>
    public List<Published> All { get; } = [];

    public Row Add(TableInfo table, long first = 0, string device = "eth0", string address = "10.1.2.3")
    {
        var number = ++_number;
        var subject = table == Machine ? null : new NetNamespace(
            4026532000 + (ulong)number, number, false, 17, new($"cni-{number}", "shop", $"web-{number}", $"uid-{number}"))
        {
            Rootless = number % 3 == 0,
        };
        TagValue[] tags = table == Machine ? [] : [device, address];
        var row = new Row(table, subject, 1_000 + number, tags);
        var cells = new long[table.Width];
        Array.Fill(cells, first);
        Rows.Add((row, cells));
        return row;
    }

    /// <summary>Publishes what there is and records it.</summary>
    public Snapshot Publish(bool keep = true)
    {
        _builder.Begin();
        _builder.Enter("test");
        foreach (var (row, cells) in Rows)
        {
            var writer = _builder.Append(row);
            for (var column = 0; column < cells.Length; column++)
                writer.Set(column, cells[column]);
        }
        var snapshot = _builder.Publish();
        if (keep)
            All.Add(Published.Of(snapshot));
        History.Record(snapshot);
        return snapshot;
    }
}

/// <summary>A snapshot as it was, written out.</summary>
internal sealed record Published(long Tick, long Time, long Moment, long Series, string Rows)
{
    public static Published Of(Snapshot snapshot) => new(
        snapshot.Tick, snapshot.Time, snapshot.Moment, snapshot.Series,
        string.Join('\n', snapshot.Tables.Where(t => t.Count > 0).OrderBy(t => t.Info.Id, StringComparer.Ordinal)
            .SelectMany(t => t.Rows.ToArray().Select((row, i) => Line(t, row, i)))));

    private static string Line(SnapshotTable table, Row row, int index)
    {
        var cells = Enumerable.Range(0, table.Info.Width)
            .Select(c => table.Column(c)[index] is var v && v == Metric.Absent ? "-" : $"{v}");
        return $"{table.Info.Id} {row.Subject} {row.Subject?.Names.PodUid} {row.StartTime} "
            + $"{string.Join(',', row.Tags)}: {string.Join(' ', cells)}";
    }
}

/// <summary>A clock that a test sets: the time of day and the time that passes are two things.</summary>
internal sealed class StepClock : TimeProvider
{
    private long _moment = 1;

    public DateTimeOffset Now { get; set; } = new(2026, 3, 4, 12, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Pass(TimeSpan time)
    {
        Now += time;
        _moment += time.Ticks;
    }

    public override DateTimeOffset GetUtcNow() => Now;

    public override long GetTimestamp() => _moment;
}
