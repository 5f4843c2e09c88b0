using System.Globalization;
using Collector.Core.Metrics;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Commands;

/// <summary>A histogram in a line: how much the half, 99 of a hundred and all of its values were at most.</summary>
internal static class Distribution
{
    /// <summary>"p50&lt;=4.1us p99&lt;=33us highest&lt;=67ms": bounds of buckets, for no more is known.</summary>
    public static string Of(SeriesPoint series)
    {
        var counts = series.Cells[..^1];
        var all = counts.Sum();
        return all == 0
            ? ""
            : $"p50{At(series.Metric, counts, (all + 1) / 2)} p99{At(series.Metric, counts, all - (all / 100))} "
                + $"highest{At(series.Metric, counts, all)}";
    }

    // Where the value stands that is the nth from below.
    private static string At(Metric metric, long[] counts, long nth)
    {
        var bucket = 0;
        for (var seen = counts[0]; seen < nth; seen += counts[bucket])
            bucket++;
        var bounds = metric.Bounds!;
        return bucket < bounds.Count ? $"<={Text(bounds[bucket], metric.Unit)}" : $">{Text(bounds[^1], metric.Unit)}";
    }

    private static string Text(double value, string unit) => (unit, value) switch
    {
        (Units.Seconds, < 1e-6) => $"{Number(value * 1e9)}ns",
        (Units.Seconds, < 1e-3) => $"{Number(value * 1e6)}us",
        (Units.Seconds, < 1) => $"{Number(value * 1e3)}ms",
        (Units.Seconds, _) => $"{Number(value)}s",
        _ => Number(value),
    };

    private static string Number(double value) => value.ToString("G3", CultureInfo.InvariantCulture);
}
