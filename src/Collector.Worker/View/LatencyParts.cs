using Collector.Core.Metrics;
using Collector.Core.Probes;

namespace Collector.Worker.View;

/// <summary>How long things took in a window: every histogram of seconds that a subject has.</summary>
internal static class LatencyParts
{
    private const int Most = 60;

    public static IReadOnlyList<LatencyView> Of(
        ViewWindow window, KnownSubject subject, IReadOnlyList<ProbeInfo> catalogue)
    {
        var stations = new List<LatencyView>();
        foreach (var metric in catalogue.SelectMany(p => p.Metrics)
            .Where(static m => m is { Kind: InstrumentKind.Histogram, Unit: Units.Seconds, Hidden: false }
                && m.Table.Scope == RowScope.Namespace))
        {
            foreach (var row in window.Rows(metric.Table, subject))
            {
                var its = row.Row;
                var columns = window.Buckets(metric, subject, r => ReferenceEquals(r, its));
                if (stations.Count == Most || Quantiles.Count(columns) is not (> 0 and var count))
                    continue;
                stations.Add(new(
                    NameOf(metric, its.Tags), Quantiles.Milliseconds(metric, columns, 0.5),
                    Quantiles.Milliseconds(metric, columns, 0.99), count));
            }
        }
        return stations;
    }

    // "receive socket tcp": the metric's name without what all have, and the row's tags.
    private static string NameOf(Metric metric, IReadOnlyList<TagValue> tags)
    {
        const string Ours = "netlens.";
        const string Time = ".duration";
        var name = metric.Name.StartsWith(Ours, StringComparison.Ordinal) ? metric.Name[Ours.Length..] : metric.Name;
        name = name.EndsWith(Time, StringComparison.Ordinal) ? name[..^Time.Length] : name;
        return string.Join(' ', [name, .. tags.Select(static t => t.Text).Where(static t => t.Length > 0)]);
    }
}
