using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Otlp;

/// <summary>Delta temporality: differences to what the backend accepted last.</summary>
internal sealed partial class SnapshotEncoder
{
    /// <summary>
    /// Notes that the backend has the points of the request made last. Without it the next differences are taken to
    /// the same values as before, so that nothing is lost with a failed request.
    /// </summary>
    public void Accept()
    {
        _requests--;
        for (var at = new Cursor(_from.Group, 0, 0); at.Before(_at); at = new Cursor(at.Group + 1, 0, 0))
        {
            if (at.Group < _plan.Groups.Count && _plan.Groups[at.Group].IsDelta)
                Accept(_plan.Groups[at.Group], at.Group);
        }
    }

    private void Accept(MetricGroup group, int index)
    {
        for (var column = 0; column < group.Columns.Count; column++)
        {
            var metric = group.Columns[column].Metric;
            if (_snapshot!.Find(metric.Table) is not { } table)
                continue;
            for (var row = 0; row < table.Count; row++)
            {
                var at = new Cursor(index, column, row);
                if (!at.Before(_from) && at.Before(_at))
                    Accept(table, metric, row);
            }
        }
    }

    private void Accept(SnapshotTable table, Metric metric, int row)
    {
        if (!Cells.IsWhole(table, metric, row))
            return;
        var subject = table.Rows[row];
        var cells = DeltaCells.Of(subject);
        var start = StartOf(subject, metric);
        for (var i = metric.Column; i < metric.Column + metric.Width; i++)
            cells.Accept(i, table.Column(i)[row], _snapshot!.Time, start);
    }

    /// <summary>Turns a total into what came since. False when a counter older than us is first seen.</summary>
    private bool TryDelta(Row row, int column, ref long value, ref long start)
    {
        var cells = DeltaCells.Of(row);
        if (!cells.Has(column) && start < _since)
        {
            cells.Accept(column, value, _snapshot!.Time, start);
            return false;
        }
        // A baseline of this snapshot already: the request was made before, larger.
        if (cells.Has(column) && cells.TimeOf(column) == _snapshot!.Time)
            return false;
        value = cells.Since(column, value, ref start);
        return true;
    }

    /// <summary>The same for a histogram, whose differences are taken while it is written.</summary>
    private bool TryBaseline(Row row, Metric metric, SnapshotTable table, long start)
    {
        var cells = DeltaCells.Of(row);
        if (cells.Has(metric.Column) || start >= _since)
            return !cells.Has(metric.Column) || cells.TimeOf(metric.Column) != _snapshot!.Time;
        Accept(table, metric, _at.Row);
        return false;
    }

    private bool BeganAnew(DeltaCells cells, Metric metric, SnapshotTable table, long start)
    {
        for (var i = metric.Column; i < metric.Column + metric.Width; i++)
        {
            var began = start;
            cells.Since(i, table.Column(i)[_at.Row], ref began);
            if (began == start)
                return true;
        }
        return false;
    }
}
