using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Probes;
using Collector.Worker.Recorder;

namespace Collector.Worker.View;

/// <summary>
/// Packets lost and segments sent again per second, of every subject and each of the last collections. It looks at
/// three tables only, not at whole collections.
/// </summary>
internal sealed class Sparks
{
    /// <summary>Collections that are told.</summary>
    public const int Length = 60;

    private readonly Dictionary<Subject, double?[]> _bySubject = new(ReferenceEqualityComparer.Instance);

    /// <param name="recording">The collections.</param>
    /// <param name="window">Its end is the end.</param>
    public static Sparks Of(Recording recording, ViewWindow window)
    {
        var sparks = new Sparks();
        var watched = window.After.Tables.Any(t => t.Info.Id == NodeFigures.LossWatched.Table.Id
            && (t.Column(NodeFigures.LossWatched).ContainsAnyExcept(Metric.Absent)
                || window.Window.AbsentIsZero?.Invoke(t.Info, NodeFigures.LossWatched.Column) == true));
        Metric[] metrics = watched
            ? [NodeFigures.Dropped, NodeFigures.ListenDrops, NodeFigures.SentAgain]
            : [NodeFigures.LostByCounters, NodeFigures.SentAgain];
        foreach (var metric in metrics)
        {
            foreach (var table in window.After.Tables.Where(t => t.Info.Id == metric.Table.Id && t.Count > 0))
                sparks.Add(recording, table.Info, metric, window.After.Time);
        }
        return sparks;
    }

    /// <summary>One value per collection, the newest last; fewer where fewer are kept.</summary>
    public IReadOnlyList<double?> Of(KnownSubject subject)
    {
        double?[] sum = [];
        foreach (var its in subject.Subjects)
        {
            if (!_bySubject.TryGetValue(its, out var values))
                continue;
            if (sum.Length == 0)
                sum = new double?[Length];
            for (var i = 0; i < Length; i++)
                sum[i] = values[i] is { } value ? (sum[i] ?? 0) + value : sum[i];
        }
        var first = Array.FindIndex(sum, static v => v is not null);
        return first < 0 ? [] : [.. sum.Skip(first).Select(Rounded.Of)];
    }

    private void Add(Recording recording, TableInfo info, Metric metric, long end)
    {
        var cursor = recording.Begin(info);
        if (!cursor.BackTo(end))
            return;
        for (var i = Length - 1; i >= 0; i--)
        {
            // A step changes the numbers in a table, and where rows came or went puts another in its place.
            var (later, moment) = (cursor.Frame.Find(info), cursor.Frame.Moment);
            var now = later?.Column(metric).ToArray() ?? [];
            if (!cursor.Back())
                break;
            if (later is not null && cursor.Frame.Find(info) is { } earlier)
                Add(later.Rows, now, earlier, metric, i, (moment - cursor.Frame.Moment) / 1e9);
        }
    }

    private void Add(
        ReadOnlySpan<Row> rows, long[] now, SnapshotTable earlier, Metric metric, int place, double seconds)
    {
        var then = earlier.Column(metric);
        var beginsWithFirst = metric == NodeFigures.Dropped;
        Dictionary<Row, int>? places = null;
        for (var r = 0; r < now.Length; r++)
        {
            var row = rows[r];
            if (row.Subject is not { } subject || seconds <= 0)
                continue;
            var past = r < earlier.Count && ReferenceEquals(earlier.Rows[r], row) ? r : Find(row);
            // Of a row that is new nobody knows since when it counts, unless it began with its first count.
            // What listeners dropped is told by them.
            if (beginsWithFirst ? !NodeFigures.IsLost(row) || NodeFigures.IsListenOverflow(row) : past < 0)
                continue;
            if (!_bySubject.TryGetValue(subject, out var values))
                _bySubject.Add(subject, values = new double?[Length]);
            // What is absent in a row that is there is 0.
            var growth = Math.Max(0, now[r]) - (past < 0 ? 0 : Math.Max(0, then[past]));
            values[place] = (values[place] ?? 0) + (Math.Max(0, growth) / seconds);
        }

        int Find(Row row)
        {
            if (places is null)
            {
                places = new(ReferenceEqualityComparer.Instance);
                for (var i = 0; i < earlier.Count; i++)
                    places[earlier.Rows[i]] = i;
            }
            return places.GetValueOrDefault(row, -1);
        }
    }
}
