using Collector.Core.Metrics;

namespace Collector.Worker.View;

/// <summary>Quantiles of histograms: within a bucket values are taken to be spread evenly.</summary>
internal static class Quantiles
{
    /// <summary>How many values there are; the last column is their sum.</summary>
    public static long Count(ReadOnlySpan<long> columns)
    {
        var count = 0L;
        foreach (var bucket in columns[..^1])
            count += bucket;
        return count;
    }

    /// <summary>In the exported unit; null without values. Of the last bucket it is the lower bound.</summary>
    public static double? Of(Metric histogram, ReadOnlySpan<long> columns, double part)
    {
        var bounds = histogram.Bounds!;
        var rank = Count(columns) * part;
        var below = 0L;
        for (var i = 0; i < bounds.Count && rank > 0; i++)
        {
            if (below + columns[i] >= rank)
            {
                var low = i == 0 ? 0 : bounds[i - 1];
                return low + ((bounds[i] - low) * (rank - below) / columns[i]);
            }
            below += columns[i];
        }
        return rank > 0 ? bounds[^1] : null;
    }

    /// <summary>The same of seconds, in milliseconds.</summary>
    public static double? Milliseconds(Metric histogram, ReadOnlySpan<long> columns, double part) =>
        Rounded.Of(Of(histogram, columns, part) * 1000);
}

/// <summary>Numbers as views tell them: five figures are more than anybody can use.</summary>
internal static class Rounded
{
    public static double? Of(double? value) => value is { } number ? Of(number) : null;

    public static double Of(double value)
    {
        if (value == 0 || !double.IsFinite(value))
            return 0;
        var digits = 4 - (int)Math.Floor(Math.Log10(Math.Abs(value)));
        return digits < 0 ? Math.Round(value) : Math.Round(value, Math.Min(digits, 15));
    }
}
