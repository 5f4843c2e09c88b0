using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Recorder;

namespace Collector.Worker.View;

/// <summary>What a chart is wanted of.</summary>
internal sealed record SeriesQuery
{
    public const int MostPoints = 2000;

    /// <summary>Metrics of one name.</summary>
    public required IReadOnlyList<Metric> Metrics { get; init; }

    /// <summary>Null: of all, and of the machine.</summary>
    public string? Subject { get; init; }

    /// <summary>What lines must have.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Tags { get; init; } = [];

    /// <summary>Unix nanoseconds; null: as long as is kept.</summary>
    public long? From { get; init; }

    /// <summary>Unix nanoseconds; null: the newest.</summary>
    public long? To { get; init; }

    public int Points { get; init; } = 300;
}

/// <summary>A metric over time. It reads one table of each collection, and keeps what it shows.</summary>
internal static class SeriesLines
{
    /// <summary>Lines of a chart that anybody can tell apart.</summary>
    private const int MostLines = 20;

    private static readonly (string Name, double Part)[] Parts = [("0.5", 0.5), ("0.99", 0.99)];

    /// <returns>Null where there is no such subject at the end.</returns>
    public static SeriesView? Of(ViewSource source, SeriesQuery query)
    {
        var first = query.Metrics[0];
        var end = source.Recording.Begin();
        if (!end.BackTo(query.To ?? long.MaxValue))
            return Empty(source, query);
        KnownSubject? subject = null;
        if (query.Subject is { } id && !SubjectIds.In(end.Frame, source.Facts).TryGetValue(id, out subject))
            return null;
        var places = TimesOf(source.Recording, query);
        var since = source.Facts.AgentStart ?? source.Recording.Times[0].Time;
        var weighed = new List<Weighed>();
        var zeros = new LeftOutZeros(source.Facts.ZerosLeftOut);
        foreach (var metric in query.Metrics)
        {
            foreach (var table in end.Frame.Tables.Where(t => t.Info.Id == metric.Table.Id && t.Count > 0))
            {
                weighed.AddRange(Weigh(
                    source.Recording, table, metric, zeros.Has(table.Info, metric.Column), places, since,
                    r => IsWanted(r, metric, subject, query)));
            }
        }
        var parts = first.Kind == InstrumentKind.Histogram ? Parts : [("", 0.0)];
        var most = MostLines / parts.Length;
        // Only what is shown is kept of each time: there may be thousands of rows, and as many times.
        var lines = weighed.OrderByDescending(static w => w.Weight).Take(most)
            .Select(w => new Line(w.Metric, w.Row, w.AbsentIsZero, places.Count, since)).ToList();
        foreach (var its in lines.GroupBy(static l => (l.Row.Table, l.Metric)))
            Read(source.Recording, its.Key.Table, places, its);
        var series = lines
            .SelectMany(l => parts.Select(p => new SeriesLine(
                TagsOf(l, subject, p.Name), l.Values(places, p.Part), l.Total)));
        return new(
            first.Name, MetricWords.Kernel(first), SourceOf(source, first), first.Unit, Promql(query, subject),
            MetricWords.KindOf(first), [.. places.Skip(1).Select(static t => t.Time / 1_000_000_000)], [.. series],
            Math.Max(0, weighed.Count - most));
    }

    private static SeriesView Empty(ViewSource source, SeriesQuery query)
    {
        var first = query.Metrics[0];
        return new(first.Name, MetricWords.Kernel(first), SourceOf(source, first), first.Unit, Promql(query, null),
            MetricWords.KindOf(first), [], [], 0);
    }

    private static string SourceOf(ViewSource source, Metric metric) =>
        MetricWords.Sources(source.Catalogue).GetValueOrDefault(metric.Table.Id, "");

    private static string? Promql(SeriesQuery query, KnownSubject? subject) => MetricWords.Promql(
        query.Metrics[0], subject?.First,
        query.Tags.Concat(query.Metrics.Count == 1
            ? query.Metrics[0].Tags.Select(static t => KeyValuePair.Create(t.Key, t.Value.Text))
            : []).DistinctBy(static t => t.Key));

    private static bool IsWanted(Row row, Metric metric, KnownSubject? subject, SeriesQuery query)
    {
        if (subject is not null && (row.Subject is null || !subject.Subjects.Contains(row.Subject)))
            return false;
        if (query.Tags.Count == 0)
            return true;
        var tags = MetricWords.Tags(metric, row);
        return query.Tags.All(t => tags.GetValueOrDefault(t.Key, "") == t.Value);
    }

    // The collections of which there is a value, the oldest first; that in front of the first is what it grew from.
    private static List<RecordedTime> TimesOf(Recording recording, SeriesQuery query)
    {
        var times = recording.Times.Where(t => t.Time <= (query.To ?? long.MaxValue)).ToList();
        var begin = query.From is { } from ? times.FindIndex(t => t.Time >= from) : 1;
        times = begin < 0 ? [] : times[Math.Max(0, begin - 1)..];
        if (times.Count <= query.Points + 1)
            return times;
        var chosen = new List<RecordedTime>(query.Points + 1);
        for (var i = 0; i <= query.Points; i++)
            chosen.Add(times[(int)((long)i * (times.Count - 1) / query.Points)]);
        return chosen;
    }

    // The rows that are told, by what there is to see of each.
    private static IEnumerable<Weighed> Weigh(
        Recording recording, SnapshotTable newest, Metric metric, bool absentIsZero, List<RecordedTime> places,
        long since, Func<Row, bool> isWanted)
    {
        var byRow = new Dictionary<Row, Weighed>(ReferenceEqualityComparer.Instance);
        foreach (var row in newest.Rows)
        {
            if (isWanted(row))
                byRow.Add(row, new Weighed(metric, row, absentIsZero));
        }
        if (byRow.Count == 0)
            return [];
        Walk(recording, newest.Info, places, (place, table) =>
        {
            for (var r = 0; r < table.Count; r++)
            {
                if (byRow.TryGetValue(table.Rows[r], out var its))
                    its.Take(place, table, r);
            }
        });
        foreach (var its in byRow.Values)
            its.End(places, since);
        return byRow.Values.Where(static w => w.IsTold);
    }

    private static void Read(
        Recording recording, TableInfo info, List<RecordedTime> places, IEnumerable<Line> lines)
    {
        var byRow = new Dictionary<Row, Line>(ReferenceEqualityComparer.Instance);
        foreach (var line in lines)
            byRow.Add(line.Row, line);
        Walk(recording, info, places, (place, table) =>
        {
            for (var r = 0; r < table.Count; r++)
            {
                if (byRow.TryGetValue(table.Rows[r], out var line))
                    line.Take(place, table, r);
            }
        });
    }

    // A table at each of the places, the newest first.
    private static void Walk(
        Recording recording, TableInfo info, List<RecordedTime> places, Action<int, SnapshotTable> take)
    {
        var cursor = recording.Begin(info);
        for (var i = places.Count - 1; i >= 0; i--)
        {
            while (cursor.Frame.Moment > places[i].Moment && cursor.Back())
            {
            }
            if (cursor.Frame.Moment == places[i].Moment && cursor.Frame.Find(info) is { } table)
                take(i, table);
        }
    }

    // What a row that is not in the collection before has counted since its start is growth: it began since then, or
    // with its first count. Of others nobody knows. (The start without what was reset later.)
    private static bool Began(Row row, int place, List<RecordedTime> places, long since) =>
        row.StartTime >= places[place - 1].Time || (row.StartTime >= since && row.Table.RowTags.Count > 0);

    private static SortedDictionary<string, string> TagsOf(Line line, KnownSubject? subject, string part)
    {
        var tags = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in MetricWords.Tags(line.Metric, line.Row))
            tags[key] = value;
        if (subject is null && line.Row.Subject is { } its)
            tags["subject"] = SubjectIds.NameOf(its);
        if (part.Length > 0)
            tags["quantile"] = part;
        return tags;
    }

    /// <summary>How much there is to see of a row: growth, or the highest level. Taken from the newest on.</summary>
    private sealed class Weighed(Metric metric, Row row, bool absentIsZero)
    {
        private long? _newest;
        private long _oldest;
        private long _highest;
        private int _first;

        /// <summary>False where this kernel does not have it.</summary>
        public bool IsTold => _newest is not null;

        public Metric Metric => metric;

        public Row Row => row;

        public bool AbsentIsZero => absentIsZero;

        public double Weight =>
            metric.Kind is InstrumentKind.Counter or InstrumentKind.Histogram ? _newest!.Value - _oldest : _highest;

        public void Take(int place, SnapshotTable table, int index)
        {
            _first = place;
            if (table.Column(metric)[index] is var held && held == Metric.Absent)
            {
                _oldest = 0; // What has never counted yet is left out of its row.
                if (absentIsZero)
                    _newest ??= 0;
                return;
            }
            if (metric.Kind == InstrumentKind.Histogram)
                held = Counted(table, index);
            _highest = _newest is null ? held : Math.Max(_highest, held);
            _newest ??= held;
            _oldest = held;
        }

        public void End(List<RecordedTime> places, long since)
        {
            if (_first > 0 && Began(row, _first, places, since))
                _oldest = 0;
        }

        // All buckets; the column behind them is the sum.
        private long Counted(SnapshotTable table, int index)
        {
            var count = 0L;
            for (var i = 0; i < metric.Width - 1; i++)
                count += Math.Max(0, table.Column(metric.Column + i)[index]);
            return count;
        }
    }

    /// <summary>What a row held at each time.</summary>
    private sealed class Line(Metric metric, Row row, bool absentIsZero, int places, long since)
    {
        private readonly long[]?[] _held = new long[]?[places];
        private readonly bool[] _there = new bool[places];

        public Metric Metric => metric;

        public Row Row => row;

        public void Take(int place, SnapshotTable table, int index)
        {
            _there[place] = true;
            if (table.Column(metric)[index] == Metric.Absent)
            {
                _held[place] = absentIsZero ? new long[metric.Width] : null;
                return;
            }
            var held = new long[metric.Width];
            for (var i = 0; i < held.Length; i++)
                held[i] = Math.Max(0, table.Column(metric.Column + i)[index]);
            if (metric.Width == 1)
                held[0] = table.Column(metric)[index];
            _held[place] = held;
        }

        /// <summary>What it has counted by the last time.</summary>
        public double? Total => metric.Kind == InstrumentKind.Counter && _held is [.., { } held]
            ? Metric.Scaled(held[0], metric.Scale)
            : null;

        /// <summary>From the second time on.</summary>
        public double?[] Values(List<RecordedTime> times, double part)
        {
            var values = new double?[Math.Max(0, times.Count - 1)];
            if (metric.Kind is InstrumentKind.Counter or InstrumentKind.Histogram)
                FillZeros(times);
            for (var i = 0; i < values.Length; i++)
                values[i] = Rounded.Of(Value(i + 1, (times[i + 1].Moment - times[i].Moment) / 1e9, part));
            return values;
        }

        // What has never counted yet is left out of its row; and a row may begin with its first count.
        private void FillZeros(List<RecordedTime> times)
        {
            for (var i = 0; i < _held.Length && _held[i] is null; i++)
                _held[i] = _there[i] ? new long[metric.Width] : null;
            var first = Array.IndexOf(_there, true);
            if (first > 0 && Began(row, first, times, since))
                _held[first - 1] = new long[metric.Width];
        }

        private double? Value(int place, double seconds, double part)
        {
            var (now, then) = (_held[place], _held[place - 1]);
            if (metric.Kind is InstrumentKind.Gauge or InstrumentKind.UpDownCounter)
                return now is null ? null : Metric.Scaled(now[0], metric.Scale);
            if (now is null || then is null || seconds <= 0)
                return null; // The row was not there, or could not be read.
            var grown = new long[now.Length];
            for (var i = 0; i < now.Length; i++)
                grown[i] = now[i] >= then[i] ? now[i] - then[i] : now[i];
            return metric.Kind == InstrumentKind.Counter
                ? Metric.Scaled(grown[0], metric.Scale) / seconds
                : Quantiles.Of(metric, grown, part);
        }
    }
}
