using System.Diagnostics;
using Collector.Core.Metrics;

namespace Collector.Core.Snapshots;

/// <summary>The rows of one table in one snapshot: a list of row identities and a column of longs per metric.</summary>
public sealed class SnapshotTable
{
    private Row[] _rows = [];
    private readonly long[][] _columns;

    internal SnapshotTable(TableInfo info)
    {
        Info = info;
        _columns = new long[info.Width][];
        Array.Fill(_columns, []);
    }

    public TableInfo Info { get; }

    /// <summary>Number of rows.</summary>
    public int Count { get; private set; }

    public ReadOnlySpan<Row> Rows => _rows.AsSpan(0, Count);

    /// <summary>One column: a value per row, <see cref="Metric.Absent"/> where there is none.</summary>
    public ReadOnlySpan<long> Column(int column) => _columns[column].AsSpan(0, Count);

    /// <summary>The column of a metric (of a histogram: its first bucket).</summary>
    public ReadOnlySpan<long> Column(Metric metric) => Column(metric.Column);

    internal int Append(Row row)
    {
        Debug.Assert(row.Table == Info, "row of another table");
        if (Count == _rows.Length)
            Grow();
        var index = Count++;
        _rows[index] = row;
        foreach (var column in _columns)
            column[index] = Metric.Absent;
        return index;
    }

    internal void Set(int row, int column, long value) => _columns[column][row] = value;

    /// <summary>Empties the table. References are cleared so that a dead row is not kept by an idle buffer.</summary>
    internal void Clear()
    {
        Array.Clear(_rows, 0, Count);
        Count = 0;
    }

    private void Grow()
    {
        var size = Math.Max(4, Count * 2);
        Array.Resize(ref _rows, size);
        for (var i = 0; i < _columns.Length; i++)
            Array.Resize(ref _columns[i], size);
    }
}
