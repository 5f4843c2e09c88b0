using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Core.Findings;

/// <summary>A row of a window: its tags, what its columns hold and by how much they grew.</summary>
public readonly struct WindowRow
{
    private readonly NodeWindow _window;
    private readonly SnapshotTable _table;
    private readonly int _row;

    internal WindowRow(NodeWindow window, SnapshotTable table, int row) =>
        (_window, _table, _row) = (window, table, row);

    public Row Row => _table.Rows[_row];

    /// <summary>Value of a row tag; empty where the table has none of that key.</summary>
    public string Tag(string key)
    {
        var tags = _table.Info.RowTags;
        for (var i = 0; i < tags.Count; i++)
        {
            if (tags[i].Key == key)
                return Row.Tags[i].Text;
        }
        return "";
    }

    /// <summary>What a column holds, in stored units; null where it is absent.</summary>
    public long? Level(Metric metric) => _window.Level(_table, _row, metric.Column);

    /// <summary>By how much it grew; 0 also where that is not known.</summary>
    public long Growth(Metric metric) => Grown(metric) ?? 0;

    /// <summary>By how much it grew; null where that is not known.</summary>
    public long? Grown(Metric metric) => _window.Growth(_table, _row, metric.Column);

    /// <summary>What a column held at the window's begin, in stored units; null where that is not known.</summary>
    public long? LevelBefore(Metric metric) => _window.LevelBefore(_table, _row, metric.Column);
}

/// <summary>
/// What one subject did in a window. For the node as a whole the subject is null, and figures are those of rows without
/// a subject.
/// </summary>
public sealed class SubjectWindow
{
    private readonly NodeWindow _window;

    internal SubjectWindow(NodeWindow window, Subject? subject) => (_window, Subject) = (window, subject);

    /// <summary>Null: the node.</summary>
    public Subject? Subject { get; }

    /// <inheritdoc cref="NodeWindow.Seconds"/>
    public double Seconds => _window.Seconds;

    /// <inheritdoc cref="NodeWindow.Begin"/>
    public long Begin => _window.Begin;

    /// <inheritdoc cref="NodeWindow.Begin"/>
    public long End => _window.End;

    /// <summary>Its end by a clock that nobody sets, in nanoseconds.</summary>
    public long EndMoment => _window.EndMoment;

    /// <summary>The rows without a subject: of the machine.</summary>
    public SubjectWindow Node => new(_window, null);

    /// <summary>The same window for another subject.</summary>
    public SubjectWindow Of(Subject? subject) => new(_window, subject);

    /// <summary>Everything that happened, whoever it concerned.</summary>
    public NodeWindow All => _window;

    /// <summary>Growth summed over the subject's rows; 0 also where nobody counts it.</summary>
    public long Growth(Metric metric)
    {
        var sum = 0L;
        foreach (var table in _window.TablesOf(metric))
        {
            var rows = _window.RowsOf(table, Subject);
            while (rows.Next())
                sum += _window.Growth(table, rows.Row, metric.Column) ?? 0;
        }
        return sum;
    }

    /// <summary>Values summed over the subject's rows, in stored units; null where nobody tells it.</summary>
    public long? Level(Metric metric)
    {
        long? sum = null;
        foreach (var table in _window.TablesOf(metric))
        {
            var rows = _window.RowsOf(table, Subject);
            while (rows.Next())
            {
                if (_window.Level(table, rows.Row, metric.Column) is { } value)
                    sum = (sum ?? 0) + value;
            }
        }
        return sum;
    }

    /// <summary>Growth per second.</summary>
    public double Rate(Metric metric) => Growth(metric) / Seconds;

    /// <summary>
    /// Growth per second in the five to ten minutes before the window, over those rows that were there then; null where
    /// none was.
    /// </summary>
    public double? UsualRate(Metric metric)
    {
        double? sum = null;
        foreach (var table in _window.TablesOf(metric))
        {
            var rows = _window.RowsOf(table, Subject);
            while (rows.Next())
            {
                if (_window.UsualRate(table, rows.Row, metric.Column) is { } rate)
                    sum = (sum ?? 0) + rate;
            }
        }
        return sum;
    }

    /// <summary>True where somebody tells the metric of this subject.</summary>
    public bool Knows(Metric metric) => Level(metric) is not null;

    /// <summary>The subject's rows of the table that has a metric.</summary>
    public IEnumerable<WindowRow> Rows(Metric metric) => Rows(metric.Table);

    /// <summary>The subject's rows of a table.</summary>
    public IEnumerable<WindowRow> Rows(TableInfo info)
    {
        var tables = _window.TablesOf(info.Metrics[0]).ToArray();
        foreach (var table in tables)
        {
            var rows = _window.RowsOf(table, Subject);
            while (rows.Next())
                yield return new(_window, table, rows.Row);
        }
    }

    /// <summary>The subject's events of a kind, oldest first; of the node: those of nobody.</summary>
    public IEnumerable<NetworkEvent> Events(EventInfo info) => _window.EventsOf(info, Subject);

    /// <summary>
    /// Those of the two minutes before the window, oldest first: the last <see cref="EarlierEvents.MostOfOne"/> of the
    /// subject's of kinds that are in a rule's <see cref="FindingInfo.Earlier"/>, and none of namespaces that any user
    /// can make.
    /// </summary>
    public IEnumerable<NetworkEvent> EarlierEvents(EventInfo info) => _window.Earlier.Of(info, Subject);

    /// <summary>"+16 in 10 s", as evidence.</summary>
    public Evidence Grew(string source, Metric metric) => Grew(source, Growth(metric));

    /// <inheritdoc cref="Grew(string, Metric)"/>
    public Evidence Grew(string source, long growth) => new(source, $"+{growth} in {Span}");

    /// <summary>Length of the window: "10 s".</summary>
    public string Span => $"{Math.Max(1, Math.Round(Seconds)):0} s";
}
