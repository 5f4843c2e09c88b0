using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Otlp;

/// <summary>Smaller requests in the place of one that the server found too large.</summary>
internal sealed partial class SnapshotEncoder
{
    /// <summary>
    /// Takes back the request made last and makes those that follow half as large. False where it cannot be halved.
    /// </summary>
    public bool Halve()
    {
        if (_points < 2 || _buffer.Position / 2 < MinMaxRequestBytes)
            return false;
        _maxBytes = _buffer.Position / 2;
        _at = _from;
        _requests--;
        (Duplicates, Oversized) = _before;
        BeginGroup();
        RecallSeries();
        return true;
    }

    /// <summary>Notes again what earlier requests have of the group that the next one begins in.</summary>
    private void RecallSeries()
    {
        var group = _plan.Groups[_at.Group];
        for (var c = 0; c <= _at.Column && c < group.Columns.Count; c++)
        {
            var column = group.Columns[c];
            if (_snapshot!.Find(column.Metric.Table) is not { } table)
                continue;
            var rows = c < _at.Column ? table.Count : Math.Min(_at.Row, table.Count);
            for (var row = 0; row < rows; row++)
            {
                if (IsThere(group, table, column.Metric, row))
                    _seen.Add(SetOf(group, table.Rows[row]), column.Tags.Set);
            }
        }
    }

    private static bool IsThere(MetricGroup group, SnapshotTable table, Metric metric, int row) =>
        group.Kind == InstrumentKind.Histogram
            ? Cells.IsWhole(table, metric, row)
            : table.Column(metric)[row] != Metric.Absent;

    private static AttributeSet SetOf(MetricGroup group, Row row) => RowAttributes.Of(row).Set;
}
