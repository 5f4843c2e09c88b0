using Collector.Core.Metrics;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Recorder.Files;

/// <summary>
/// Tables as bytes that another version of the program can read. Those that it has too are its own again, so that
/// whatever asks for a metric finds it; the others are as the file has them.
/// </summary>
internal static class RecordTables
{
    private const int Table = 1;

    // Far above what there is; of bytes that are none of ours there may be more.
    private const int MostColumns = 4096;

    public static void Write(IReadOnlyList<RecordedTable> tables, ProtoBuffer to)
    {
        foreach (var table in tables)
        {
            var start = to.Open(Table);
            to.Text(1, table.Info.Id);
            to.Integer(2, (int)table.Info.Scope);
            to.Integer(3, table.Info.SelfTelemetry ? 1 : 0);
            foreach (var key in table.Info.RowTags)
                to.Text(4, key.Key);
            foreach (var metric in table.Info.Metrics)
            {
                var its = to.Open(5);
                Write(metric, to);
                to.Close(its);
            }
            to.Close(start);
        }
    }

    /// <exception cref="InvalidDataException">They are no tables.</exception>
    public static List<RecordedTable> Read(ReadOnlySpan<byte> bytes, IEnumerable<TableInfo> known)
    {
        var own = known.SelectMany(t => new[] { t, t.Whole }).Distinct().ToLookup(t => t.Id);
        var tables = new List<RecordedTable>();
        var taken = new HashSet<TableInfo>();
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            if (reader.Field == Table && tables.Count == FrameReader.MostTables)
                throw new InvalidDataException("it has more tables than any recording has");
            if (reader.Field == Table)
                tables.Add(Known(ReadTable(reader.Bytes), own, taken));
        }
        return reader.Malformed ? throw new InvalidDataException("a table ends too early") : tables;
    }

    private static void Write(Metric metric, ProtoBuffer to)
    {
        to.Text(1, metric.Name);
        to.Text(2, metric.Unit);
        to.Integer(3, (int)metric.Kind);
        to.Text(4, metric.Description);
        to.Integer(5, BitConverter.DoubleToInt64Bits(metric.Scale));
        to.Integer(6, metric.Optional ? 1 : 0);
        to.Integer(7, metric.Hidden ? 1 : 0);
        to.Integer(8, metric.Bounds is null ? 0 : 1);
        foreach (var bound in metric.Bounds ?? [])
            to.Integer(9, BitConverter.DoubleToInt64Bits(bound));
        foreach (var tag in metric.Tags)
        {
            var start = to.Open(10);
            to.Text(1, tag.Key);
            if (tag.Value.IsNumber)
                to.Integer(2, tag.Value.Number);
            else
                to.Text(3, tag.Value.Text);
            to.Close(start);
        }
    }

    private static TableInfo ReadTable(ReadOnlySpan<byte> bytes)
    {
        var (id, scope, self) = ("", RowScope.Node, false);
        var keys = new List<TagKey>();
        var metrics = new List<Metric>();
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    id = reader.Text;
                    break;
                case 2:
                    scope = reader.Number == 0 ? RowScope.Node : RowScope.Namespace;
                    break;
                case 3:
                    self = reader.Number != 0;
                    break;
                case 4:
                    keys.Add(new(reader.Text));
                    break;
                case 5:
                    metrics.Add(ReadMetric(reader.Bytes));
                    break;
            }
        }
        if (reader.Malformed || id.Length == 0 || metrics.Sum(m => (long)m.Width) > MostColumns)
            throw new InvalidDataException("a table is none");
        return new(id, scope, keys, metrics) { SelfTelemetry = self };
    }

    private static Metric ReadMetric(ReadOnlySpan<byte> bytes)
    {
        var (name, unit, description, kind, scale) = ("", "", "", InstrumentKind.Gauge, 1.0);
        var (optional, hidden, histogram) = (false, false, false);
        var bounds = new List<double>();
        var tags = new List<Tag>();
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = reader.Text;
                    break;
                case 2:
                    unit = reader.Text;
                    break;
                case 3 when reader.Number <= (ulong)Enum.GetValues<InstrumentKind>().Max():
                    kind = (InstrumentKind)reader.Number;
                    break;
                case 4:
                    description = reader.Text;
                    break;
                case 5:
                    scale = BitConverter.Int64BitsToDouble(unchecked((long)reader.Number));
                    break;
                case 6:
                    optional = reader.Number != 0;
                    break;
                case 7:
                    hidden = reader.Number != 0;
                    break;
                case 8:
                    histogram = reader.Number != 0;
                    break;
                case 9:
                    bounds.Add(BitConverter.Int64BitsToDouble(unchecked((long)reader.Number)));
                    break;
                case 10:
                    tags.Add(ReadTag(reader.Bytes));
                    break;
            }
        }
        if (reader.Malformed || name.Length == 0 || histogram != (kind == InstrumentKind.Histogram))
            throw new InvalidDataException("a metric is none");
        return new()
        {
            Name = name, Unit = unit, Kind = kind, Description = description, Scale = scale, Optional = optional,
            Hidden = hidden, Bounds = histogram ? bounds : null, Tags = tags,
        };
    }

    private static Tag ReadTag(ReadOnlySpan<byte> bytes)
    {
        var (key, value) = ("", new TagValue(""));
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            if (reader.Field == 1)
                key = reader.Text;
            else if (reader.Field == 2)
                value = unchecked((long)reader.Number);
            else if (reader.Field == 3)
                value = reader.Text;
        }
        return new(key, value);
    }

    /// <summary>The program's own table, if it has every column of the file's and is no other's yet.</summary>
    private static RecordedTable Known(TableInfo table, ILookup<string, TableInfo> own, HashSet<TableInfo> taken)
    {
        foreach (var candidate in own[table.Id])
        {
            if (candidate.RowTags.SequenceEqual(table.RowTags) && ColumnsIn(candidate, table) is { } columns
                && taken.Add(candidate))
                return new(candidate, table.Width, columns);
        }
        return new(table, table.Width);
    }

    private static int[]? ColumnsIn(TableInfo own, TableInfo table)
    {
        var columns = new int[table.Width];
        foreach (var metric in table.Metrics)
        {
            if (own.Metrics.FirstOrDefault(m => AreSame(m, metric)) is not { } same)
                return null;
            for (var i = 0; i < metric.Width; i++)
                columns[metric.Column + i] = same.Column + i;
        }
        return columns;
    }

    private static bool AreSame(Metric a, Metric b) =>
        a.Name == b.Name && a.Unit == b.Unit && a.Kind == b.Kind && a.Scale.Equals(b.Scale)
        && a.Optional == b.Optional && a.Hidden == b.Hidden
        && a.Tags.SequenceEqual(b.Tags) && (a.Bounds ?? []).SequenceEqual(b.Bounds ?? []);
}
