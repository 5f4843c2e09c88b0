using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Series;

/// <summary>
/// One number with everything that tells what it is. For people and JSON; the outlets never make these.
/// </summary>
/// <param name="Metric">Its descriptor.</param>
/// <param name="Name">Its name in the naming asked for.</param>
/// <param name="Row">Its row; the subject is there.</param>
/// <param name="Attributes">Attributes in the naming asked for.</param>
/// <param name="OfSubject">How many of these, the first, say whose it is.</param>
/// <param name="Raw">Stored value of the metric's first column.</param>
/// <param name="Scale">Factor to the exported unit.</param>
/// <param name="Cells">All cells of a histogram, bucket counts and then the sum; empty otherwise.</param>
internal sealed record SeriesPoint(
    Metric Metric, string Name, Row Row, IReadOnlyList<Tag> Attributes, int OfSubject, long Raw, double Scale,
    long[] Cells)
{
    /// <summary>A long where the stored value is the exported one, else a double.</summary>
    public object Value => Scale is 1 ? (object)Raw : Metric.Scaled(Raw, Scale);
}

/// <summary>Turns a snapshot into single series for the commands.</summary>
internal static class SeriesReader
{
    public static IEnumerable<SeriesPoint> Read(Snapshot snapshot, MetricNaming naming, string nodeName)
    {
        foreach (var table in snapshot.Tables)
        {
            for (var r = 0; r < table.Count; r++)
            {
                var row = table.Rows[r];
                foreach (var metric in table.Info.Metrics)
                {
                    var raw = table.Column(metric)[r];
                    if (raw == Metric.Absent)
                        continue;
                    var cells = metric.Width == 1 ? [] : CellsOf(table, metric, r);
                    foreach (var name in Names(metric, naming))
                    {
                        var legacy = naming != MetricNaming.Otel && name != metric.Name;
                        var tags = Attributes(row, metric, naming, legacy, nodeName, out var whose);
                        var scale = legacy ? metric.LegacyScale : metric.Scale;
                        yield return new SeriesPoint(metric, name, row, tags, whose, raw, scale, cells);
                    }
                }
            }
        }
    }

    private static long[] CellsOf(SnapshotTable table, Metric metric, int row)
    {
        var cells = new long[metric.Width];
        for (var i = 0; i < cells.Length; i++)
            cells[i] = table.Column(metric.Column + i)[row];
        return cells;
    }

    /// <summary>A legacy naming has its own names where KubeSkoop had the metric, and our names for the rest.</summary>
    private static IReadOnlyList<string> Names(Metric metric, MetricNaming naming)
    {
        var legacy = naming switch
        {
            MetricNaming.KubeSkoop => metric.KubeSkoop,
            MetricNaming.Inspector => metric.Inspector,
            _ => [],
        };
        if (legacy.Count > 0)
            return legacy;
        return metric.Named ? [metric.Name] : [];
    }

    private static List<Tag> Attributes(
        Row row, Metric metric, MetricNaming naming, bool legacy, string nodeName, out int whose)
    {
        var tags = new List<Tag>();
        SubjectNamings.Of(naming).Add(tags, SubjectFacts.Of(row.Subject, nodeName));
        whose = tags.Count;
        for (var i = 0; i < row.Tags.Count; i++)
        {
            var key = row.Table.RowTags[i];
            if ((legacy ? key.LegacyKey : key.Key) is not { } name)
                continue;
            var value = name == LegacyLabels.NodeName ? nodeName : row.Tags[i];
            if (value.Text.Length > 0)
                tags.Add(new Tag(name, value));
        }
        if (!legacy)
            tags.AddRange(metric.Tags);
        return tags;
    }
}
