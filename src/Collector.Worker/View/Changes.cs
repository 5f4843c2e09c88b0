using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Worker.View;

/// <summary>
/// What a window has more of, or less, than the time before it that is four times as long: counters by how far their
/// rates are apart, weighed by how much was counted.
/// </summary>
internal static class Changes
{
    /// <summary>So many are told.</summary>
    public const int Most = 30;

    /// <summary>What one packet carries: bytes count for as much as the packets that brought them.</summary>
    private const double BytesOfPacket = 1448;

    /// <summary>Less is chance.</summary>
    private const double Least = 0.1;

    /// <param name="window">Made with what was usual.</param>
    /// <param name="subject">Of whom; null: all, and the machine.</param>
    /// <param name="catalogue">Says where metrics are from.</param>
    public static IReadOnlyList<ChangeView> Of(
        ViewWindow window, KnownSubject? subject, IReadOnlyList<ProbeInfo> catalogue)
    {
        if (window.Before is null || window.Usual is null)
            return [];
        var changes = new List<ChangeView>();
        var sources = MetricWords.Sources(catalogue);
        foreach (var table in window.After.Tables)
        {
            // Figures of the agent, and tables that leave under old names only, are nobody's question.
            if (table.Info.SelfTelemetry || !sources.TryGetValue(table.Info.Id, out var source))
                continue;
            foreach (var metric in table.Info.Metrics)
            {
                if (metric is not { Kind: InstrumentKind.Counter, Hidden: false })
                    continue;
                for (var r = 0; r < table.Count; r++)
                {
                    var whose = table.Rows[r].Subject;
                    if ((subject is null || (whose is not null && subject.Subjects.Contains(whose)))
                        && Change(window, table, r, metric, source, subject is null ? whose : null) is { } change)
                        changes.Add(change);
                }
            }
        }
        return [.. changes.OrderByDescending(static c => c.Score).ThenBy(static c => c.Metric, StringComparer.Ordinal)
            .Take(Most)];
    }

    private static ChangeView? Change(
        ViewWindow window, SnapshotTable table, int row, Metric metric, string source,
        Subject? whose)
    {
        if (window.Window.Growth(table, row, metric.Column) is not { } growth)
            return null;
        var usual = window.Window.UsualRate(table, row, metric.Column);
        var seconds = window.Window.Seconds;
        var (counted, expected) = ((double)growth, (usual ?? 0) * seconds);
        var score = Score(metric, counted, expected);
        if (score < Least)
            return null;
        var (now, before) = (Exported(growth / seconds), usual is { } rate ? Exported(rate) : (double?)null);
        return new(
            metric.Name, MetricWords.Kernel(metric), source, metric.Unit,
            MetricWords.Tags(metric, table.Rows[row]), Rounded.Of(before), Rounded.Of(now),
            before is > 0 ? Rounded.Of(now / before.Value) : null, Rounded.Of(score),
            whose is null ? null : SubjectIds.Of(whose));

        double Exported(double stored) => stored * metric.Scale;
    }

    /// <summary>
    /// The part by which two counts differ, 0 to 1, less what chance does to small ones, times the digits of the
    /// greater.
    /// </summary>
    internal static double Score(Metric metric, double counted, double expected)
    {
        var unit = metric.Unit switch
        {
            Units.Bytes => 1 / BytesOfPacket,
            // Milliseconds: a tenth of a second is as much as a hundred packets.
            Units.Seconds => metric.Scale * 1000,
            _ => 1,
        };
        var (a, b) = (counted * unit, expected * unit);
        var apart = Math.Abs(a - b) - (2 * Math.Sqrt(a + b));
        return apart <= 0 ? 0 : apart / (a + b) * Math.Log10(1 + Math.Max(a, b));
    }
}
