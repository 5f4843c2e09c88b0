using System.Diagnostics;
using Collector.Core.Metrics;

namespace Collector.Core.Snapshots;

/// <summary>The rows of one table in one snapshot: a list of row identities and a column of longs per metric.</summary>
public sealed class SnapshotTable
{
    /// <summary>Rows that there may be room for however few there are.</summary>
    private const int Roomy = 64;

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

    /// <summary>Adds a row; its cells are absent, as all are in which no row is.</summary>
    internal int Append(Row row)
    {
        Debug.Assert(row.Table == Info, "row of another table");
        if (Count == _rows.Length)
            Grow();
        _rows[Count] = row;
        return Count++;
    }

    internal void Set(int row, int column, long value) => _columns[column][row] = value;

    /// <summary>One column, to be written as a whole.</summary>
    internal Span<long> Cells(int column) => _columns[column].AsSpan(0, Count);

    /// <summary>
    /// Empties the table. References are cleared so that a dead row is not kept by an idle buffer, and room for many
    /// more rows than there were is let go.
    /// </summary>
    internal void Clear()
    {
        if (_rows.Length > Roomy && Count < _rows.Length / 8)
            SetRoom(Math.Max(Roomy, Count * 2));
        Array.Clear(_rows, 0, Count);
        foreach (var column in _columns)
            column.AsSpan(0, Count).Fill(Metric.Absent);
        Count = 0;
    }

    private void Grow()
    {
        SetRoom(Math.Max(4, Count * 2));
    }

    private void SetRoom(int rows)
    {
        Array.Resize(ref _rows, rows);
        for (var i = 0; i < _columns.Length; i++)
        {
            var before = _columns[i].Length;
            Array.Resize(ref _columns[i], rows);
            if (rows > before)
                _columns[i].AsSpan(before).Fill(Metric.Absent);
        }
    }
}
