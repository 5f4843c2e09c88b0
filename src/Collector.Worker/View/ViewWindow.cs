using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Recorder;

namespace Collector.Worker.View;

/// <summary>Two collections of a recording and what happened between them. Belongs to one thread.</summary>
internal sealed class ViewWindow
{
    private ViewWindow(Snapshot? before, Snapshot after, Snapshot? usual, NodeWindow window)
    {
        (Before, After, Usual, Window) = (before, after, usual, window);
    }

    /// <summary>The earlier one; null: the later one is the oldest.</summary>
    public Snapshot? Before { get; }

    /// <summary>The later one.</summary>
    public Snapshot After { get; }

    /// <summary>What rates before the window are told from; null: not asked for, or too little is kept.</summary>
    public Snapshot? Usual { get; }

    public NodeWindow Window { get; }

    /// <summary>Length; null: there is one collection.</summary>
    public double? Seconds => Before is null ? null : Window.Seconds;

    /// <param name="source">What there is.</param>
    /// <param name="length">How long; at least to the collection before, at most to the oldest.</param>
    /// <param name="at">Unix nanoseconds of the end; null: the newest collection.</param>
    /// <param name="usual">Whether to look four times as far back, for what was usual.</param>
    /// <returns>Null where all collections are later.</returns>
    public static ViewWindow? Of(ViewSource source, TimeSpan length, long? at = null, bool usual = false)
    {
        var recording = source.Recording;
        var after = recording.Newest;
        RecordingCursor? before = null;
        if (at is { } end)
        {
            var later = recording.Begin();
            before = recording.Begin();
            if (!later.BackTo(end) || !before.BackTo(end))
                return null;
            after = later.Frame;
        }
        before ??= recording.Begin();
        var moved = Back(before, after.Moment - (length.Ticks * 100));
        Snapshot? earliest = null;
        if (moved && usual)
        {
            var far = recording.Begin();
            Back(far, after.Moment - (5 * length.Ticks * 100));
            earliest = far.Frame.Moment < before.Frame.Moment ? far.Frame : null;
        }
        var from = moved ? before.Frame : after;
        var window = new NodeWindow
        {
            WatchedSince = source.Facts.AgentStart ?? recording.Times[0].Time,
            AbsentIsZero = source.Facts.ZerosLeftOut.Count > 0
                ? new LeftOutZeros(source.Facts.ZerosLeftOut).Has
                : null,
        };
        window.Open(earliest, from, after, []);
        return new(moved ? from : null, after, earliest, window);
    }

    // To the first collection that is not later; one at least.
    private static bool Back(RecordingCursor cursor, long moment)
    {
        var moved = cursor.Back();
        while (moved && cursor.Frame.Moment > moment && cursor.Back())
        {
        }
        return moved;
    }

    /// <summary>Growth per second in exported units, over all of a subject's objects; null: nobody tells.</summary>
    public double? Rate(Metric metric, KnownSubject subject) =>
        Growth(metric, subject) is { } growth ? Metric.Scaled(growth, metric.Scale) / Window.Seconds : null;

    /// <summary>The same of several, together: null where none is told.</summary>
    public double? Rate(IReadOnlyList<Metric> metrics, KnownSubject subject)
    {
        double? sum = null;
        foreach (var metric in metrics)
        {
            if (Rate(metric, subject) is { } rate)
                sum = (sum ?? 0) + rate;
        }
        return sum;
    }

    /// <summary>Growth in stored units, of those rows of which it is known; null: of none.</summary>
    public long? Growth(Metric metric, KnownSubject subject)
    {
        if (Before is null)
            return null;
        long? sum = null;
        foreach (var its in subject.Subjects)
        {
            foreach (var table in Window.TablesOf(metric))
            {
                var rows = Window.RowsOf(table, its);
                while (rows.Next())
                {
                    if (Window.Growth(table, rows.Row, metric.Column) is { } growth)
                        sum = (sum ?? 0) + growth;
                }
            }
        }
        return sum;
    }

    /// <summary>Value in stored units; null: nobody tells.</summary>
    public long? Level(Metric metric, KnownSubject subject)
    {
        long? sum = null;
        foreach (var its in subject.Subjects)
        {
            if (new SubjectWindow(Window, its).Level(metric) is { } level)
                sum = (sum ?? 0) + level;
        }
        return sum;
    }

    /// <summary>The rows of a table that a subject has; null: the node's.</summary>
    public IEnumerable<WindowRow> Rows(TableInfo table, KnownSubject? subject) => subject is null
        ? new SubjectWindow(Window, null).Rows(table)
        : subject.Subjects.SelectMany(s => new SubjectWindow(Window, s).Rows(table));

    /// <summary>What a histogram of a subject's counted in the window, by bucket.</summary>
    /// <param name="metric">The histogram.</param>
    /// <param name="subject">Whose; null: the node's.</param>
    /// <param name="wanted">Which rows.</param>
    public long[] Buckets(Metric metric, KnownSubject? subject, Func<Row, bool>? wanted = null)
    {
        var buckets = new long[metric.Width];
        if (Before is null)
            return buckets;
        IEnumerable<Subject?> whose = subject?.Subjects ?? Enumerable.Repeat<Subject?>(null, 1);
        foreach (var table in Window.TablesOf(metric))
        {
            foreach (var its in whose)
            {
                var rows = Window.RowsOf(table, its);
                while (rows.Next())
                {
                    if (wanted?.Invoke(table.Rows[rows.Row]) == false)
                        continue;
                    for (var i = 0; i < buckets.Length; i++)
                        buckets[i] += Window.Growth(table, rows.Row, metric.Column + i) ?? 0;
                }
            }
        }
        return buckets;
    }
}
