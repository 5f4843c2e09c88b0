using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Worker.Export.Series;

/// <summary>What all exporters ask of a metric's cells.</summary>
internal static class Cells
{
    /// <summary>
    /// True when every bucket and the sum are there: a histogram with one missing would be a lie, so the whole point is
    /// absent.
    /// </summary>
    public static bool IsWhole(SnapshotTable table, Metric metric, int row)
    {
        for (var column = metric.Column; column < metric.Column + metric.Width; column++)
        {
            if (table.Column(column)[row] == Metric.Absent)
                return false;
        }
        return true;
    }
}
