using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Recorder;
using Collector.Worker.Recorder.Files;

namespace Fuzz.Tests.Targets;

/// <summary>Recordings that somebody sends in.</summary>
internal static class RecordTargets
{
    private static readonly TableInfo Table = new("fuzz", RowScope.Namespace, [new("device")],
        [Metric.Counter("netlens.fuzz.a", "1", "A."), Metric.Gauge("netlens.fuzz.b", "1", "B.")]);

    private static readonly RecordReaderOptions Reader = new("0", [Table], []);

    public static FuzzTarget Files { get; } = FuzzTarget.Of("recording", static () => [WholeFile()], static input =>
    {
        try
        {
            var file = RecordFile.Read(new MemoryStream(input), Reader);
            if (file.Collections is not { } recording)
                return;
            var replay = recording.Replay();
            while (replay.Next() is not null)
            {
            }
        }
        catch (InvalidDataException)
        {
            // It says so.
        }
    });

    /// <summary>What a checksum would keep away.</summary>
    public static FuzzTarget Records { get; } = FuzzTarget.Of("record", Samples, static input =>
    {
        var rows = Enumerable.Range(0, 20).Select(RowOf).ToArray();
        var frame = Collect(Builder(), rows[..10], 1);
        var mine = new RecordedTable(Table, Table.Width);
        try
        {
            using var recording = new Recording(
                [mine], [new(input, [new(0, input.Length, 0, rows.Length, 1, 1)], 1, rows)], frame, 0);
            recording.Begin().Back();
        }
        catch (InvalidDataException)
        {
            // It says so.
        }
        foreach (var read in (Action[])[() => RecordTables.Read(input, [Table]), () => new AddressMask().Text(
            System.Text.Encoding.Latin1.GetString(input))])
        {
            try
            {
                read();
            }
            catch (InvalidDataException)
            {
                // It says so.
            }
        }
    });

    private static Row RowOf(int number) =>
        new(Table, new NetNamespace((ulong)number + 1, number, false, 0), 1, $"eth{number}");

    private static SnapshotBuilder Builder() => new(new SnapshotStore(), TimeProvider.System);

    private static Snapshot Collect(SnapshotBuilder builder, Row[] rows, long value)
    {
        builder.Begin();
        builder.Enter("fuzz");
        foreach (var row in rows)
        {
            var cells = builder.Append(row);
            cells.Set(0, value++);
            cells.Set(1, value * 1000);
        }
        return builder.Publish();
    }

    private static History Recorded()
    {
        var rows = Enumerable.Range(0, 30).Select(RowOf).ToArray();
        var history = new History(new());
        var builder = Builder();
        history.Record(Collect(builder, rows[..10], 1));
        history.Record(Collect(builder, rows[..10], 5));
        history.Record(Collect(builder, [.. rows[3..8], .. rows[10..20]], 7));
        history.Record(Collect(builder, [.. rows[15..20], .. rows[..3]], 9));
        return history;
    }

    private static byte[] WholeFile()
    {
        using var recording = Recorded().Read()!;
        return [.. new RecordFileWriter(new("{}", recording, [])).Pieces().SelectMany(p => p)];
    }

    private static byte[][] Samples()
    {
        using var recording = Recorded().Read()!;
        var tables = new ProtoBuffer();
        RecordTables.Write(recording.Tables, tables);
        var part = recording.Parts[0];
        return [tables.Written.ToArray(), .. part.Places[..part.Count]
            .Select(p => part.Bytes.AsSpan(p.Start, p.Length).ToArray())];
    }
}
