using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Worker.Export.Series;

/// <summary>What happened between two collections, for <c>netlens once --for</c>.</summary>
internal static class SnapshotGrowth
{
    /// <summary>
    /// A copy of the later snapshot in which counters and histograms have what was added to them since the earlier
    /// one, and start there; all else is as it is at the end.
    /// </summary>
    public static Snapshot Between(Snapshot earlier, Snapshot later, TimeProvider time)
    {
        var builder = new SnapshotBuilder(new SnapshotStore(), time);
        builder.Begin(later.Tick, later.Time, later.Moment);
        foreach (var table in later.Tables)
        {
            var before = earlier.Find(table.Info);
            var places = PlacesIn(before);
            for (var r = 0; r < table.Count; r++)
            {
                var row = table.Rows[r];
                var start = Math.Max(row.StartTime, earlier.Time);
                var copy = builder.Append(new Row(table.Info, row.Subject, start, [.. row.Tags]));
                var place = places.GetValueOrDefault(row, -1);
                foreach (var metric in table.Info.Metrics)
                {
                    for (var column = metric.Column; column < metric.Column + metric.Width; column++)
                    {
                        var now = table.Column(column)[r];
                        var was = place < 0 ? Metric.Absent : before!.Column(column)[place];
                        copy.Set(column, metric.Kind is InstrumentKind.Counter or InstrumentKind.Histogram
                            ? Growth(now, was, isNew: row.StartTimeOf(column) >= earlier.Time)
                            : now);
                    }
                }
            }
        }
        return builder.Publish();
    }

    private static Dictionary<Row, int> PlacesIn(SnapshotTable? table)
    {
        var places = new Dictionary<Row, int>();
        for (var r = 0; r < table?.Count; r++)
            places[table.Rows[r]] = r;
        return places;
    }

    // A counter that fell, or that was not there, counts from its new start; what one that came with a past has done
    // since is not known.
    private static long Growth(long now, long was, bool isNew)
    {
        if (now == Metric.Absent || (was == Metric.Absent && !isNew))
            return Metric.Absent;
        return was == Metric.Absent || (ulong)now < (ulong)was ? now : now - was;
    }
}
