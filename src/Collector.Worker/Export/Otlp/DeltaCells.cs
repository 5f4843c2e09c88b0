using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// What the backend has of a row under delta temporality: per column the value, its time and the start it counted
/// from. Kept on the row and dying with it; moved forward only when a request was accepted.
/// </summary>
internal sealed class DeltaCells
{
    internal static readonly RowCacheSlot Slot = new();
    private readonly long[] _values;
    private readonly long[] _times;
    private readonly long[] _starts;

    private DeltaCells(int width)
    {
        _values = new long[width];
        _times = new long[width];
        _starts = new long[width];
        Array.Fill(_values, Metric.Absent);
    }

    public static DeltaCells Of(Row row)
    {
        if (row.GetCached(Slot) is DeltaCells cells)
            return cells;
        cells = new DeltaCells(row.Table.Width);
        row.SetCached(Slot, cells);
        return cells;
    }

    public bool Has(int column) => _values[column] != Metric.Absent;

    /// <summary>When it was accepted.</summary>
    public long TimeOf(int column) => _times[column];

    /// <summary>
    /// What came since the last accepted value. A counter that began anew since then gives all it has counted, from
    /// its new start.
    /// </summary>
    public long Since(int column, long value, ref long start)
    {
        if (!Has(column) || _starts[column] != start || value < _values[column])
            return value;
        start = _times[column];
        return value - _values[column];
    }

    public void Accept(int column, long value, long time, long start)
    {
        _values[column] = value;
        _times[column] = time;
        _starts[column] = start;
    }
}
