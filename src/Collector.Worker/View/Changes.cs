using Collector.Core.Findings;
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

    /// <summary>So many are held before those beyond the bound are let go of.</summary>
    private const int MostHeld = 1000;

    /// <summary>What one packet carries: bytes count for as much as the packets that brought them.</summary>
    private const double BytesOfPacket = 1448;

    /// <summary>Less is chance.</summary>
    private const double Least = 0.1;

    /// <param name="window">Made with what was usual.</param>
    /// <param name="subject">Of whom; null: all, and the machine.</param>
    /// <param name="subjects">All that there are at its end.</param>
    /// <param name="catalogue">Says where metrics are from.</param>
    public static IReadOnlyList<ChangeView> Of(
        ViewWindow window, KnownSubject? subject, IReadOnlyDictionary<string, KnownSubject> subjects,
        IReadOnlyList<ProbeInfo> catalogue)
    {
        if (window.Before is not { } before || window.Usual is not { } usual)
            return [];
        var changes = new List<Moved>();
        var sources = MetricWords.Sources(catalogue);
        var known = new HashSet<Subject>(
            subjects.Values.SelectMany(static s => s.Subjects), ReferenceEqualityComparer.Instance);
        foreach (var table in window.After.Tables)
        {
            // Figures of the agent, and tables that leave under old names only, are nobody's question.
            if (table.Info.SelfTelemetry || !sources.ContainsKey(table.Info.Id))
                continue;
            foreach (var metric in table.Info.Metrics)
            {
                if (metric is not { Kind: InstrumentKind.Counter, Hidden: false })
                    continue;
                for (var r = 0; r < table.Count; r++)
                {
                    if (!IsWanted(table.Rows[r].Subject, subject, known)
                        || Change(window.Window, before.Time, usual.Time, table, r, metric) is not { } change)
                        continue;
                    changes.Add(change);
                    if (changes.Count == MostHeld)
                        changes = Greatest(changes);
                }
            }
        }
        return [.. Greatest(changes).Select(c => Told(c, subject is null, sources[c.Table.Info.Id]))];
    }

    // The counters of what has ended stay for a while: they are no change, and its id is nobody's, or its heir's.
    private static bool IsWanted(Subject? whose, KnownSubject? subject, HashSet<Subject> known) => subject is null
        ? whose is null || known.Contains(whose) || SubjectIds.Of(whose) is null
        : whose is not null && subject.Subjects.Contains(whose);

    private static List<Moved> Greatest(List<Moved> changes) =>
    [
        .. changes.OrderByDescending(static c => c.Score)
            .ThenBy(static c => c.Metric.Name, StringComparer.Ordinal).Take(Most),
    ];

    /// <param name="window">What happened.</param>
    /// <param name="begin">Its begin, Unix nanoseconds.</param>
    /// <param name="earlier">From then on it is usual, Unix nanoseconds.</param>
    /// <param name="table">Of its end.</param>
    /// <param name="row">Of the table.</param>
    /// <param name="metric">A counter.</param>
    /// <returns>Null where there is none, or nobody knows.</returns>
    private static Moved? Change(
        NodeWindow window, long begin, long earlier, SnapshotTable table, int row, Metric metric)
    {
        if (window.Growth(table, row, metric.Column) is not { } growth)
            return null;
        var usual = window.UsualRate(table, row, metric.Column);
        if (usual is null && window.Held(table, row, metric.Column) is { } held)
        {
            // It began between the two, or anew: what it held is what it has counted since. Of others nobody knows.
            var start = table.Rows[row].StartTimeOf(metric.Column);
            if (start <= earlier || start >= begin)
                return null;
            usual = held / ((begin - start) / 1e9);
        }
        var score = Score(metric, growth, (usual ?? 0) * window.Seconds);
        return score < Least ? null : new Moved(score, table, row, metric, growth / window.Seconds, usual);
    }

    private static ChangeView Told(Moved change, bool ofAll, string source)
    {
        var (metric, row) = (change.Metric, change.Table.Rows[change.Row]);
        var (now, before) = (change.Now * metric.Scale, change.Usual * metric.Scale);
        return new(
            metric.Name, MetricWords.Kernel(metric), source, metric.Unit, MetricWords.Tags(metric, row),
            Rounded.Of(before), Rounded.Of(now), before is > 0 ? Rounded.Of(now / before.Value) : null,
            Rounded.Of(change.Score), ofAll && row.Subject is { } whose ? SubjectIds.Of(whose) : null);
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

    /// <summary>A counter that moved; rates are in stored units.</summary>
    private readonly record struct Moved(
        double Score, SnapshotTable Table, int Row, Metric Metric, double Now, double? Usual);
}
