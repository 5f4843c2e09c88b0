using System.Numerics;
using Collector.Core.Metrics;

namespace Collector.Core.Snapshots;

/// <summary>
/// Finds the cells of a table that are smaller than in the collection before: those counters begin anew.
/// </summary>
internal readonly ref struct FallenCounters
{
    private readonly SnapshotTable _table;
    private readonly SnapshotTable _before;
    private readonly long _start;
    private readonly long _tick;
    private readonly bool _same;

    /// <param name="table">The table of this collection.</param>
    /// <param name="before">The same of the one before.</param>
    /// <param name="start">When that one began: the new start of what fell.</param>
    /// <param name="tick">Number of this collection.</param>
    public FallenCounters(SnapshotTable table, SnapshotTable before, long start, long tick)
    {
        (_table, _before, _start, _tick) = (table, before, start, tick);
        // As a rule every row stands where it stood, and whole columns can be compared.
        _same = AreSame(table.Rows, before.Rows);
    }

    /// <summary>Notes in the rows what fell in a column.</summary>
    public void Mark(int column)
    {
        var now = _table.Column(column);
        var before = _before.Column(column);
        if (_same && !HasFallen(now, before))
            return;
        for (var i = 0; i < now.Length; i++)
        {
            var row = _table.Rows[i];
            // Absent is the smallest long: a cell that is absent in either snapshot is handled by the first test.
            if (row.Tick == _tick - 1 && now[i] < before[row.Index] && now[i] != Metric.Absent)
                row.MarkReset(column, _start);
        }
    }

    private static bool AreSame(ReadOnlySpan<Row> now, ReadOnlySpan<Row> before)
    {
        if (now.Length != before.Length)
            return false;
        for (var i = 0; i < now.Length; i++)
        {
            if (!ReferenceEquals(now[i], before[i]))
                return false;
        }
        return true;
    }

    /// <summary>True where a cell is there in both columns and smaller than it was.</summary>
    private static bool HasFallen(ReadOnlySpan<long> now, ReadOnlySpan<long> before)
    {
        var absent = new Vector<long>(Metric.Absent);
        var i = 0;
        for (; i <= now.Length - Vector<long>.Count; i += Vector<long>.Count)
        {
            var cells = new Vector<long>(now[i..]);
            var smaller = Vector.LessThan(cells, new Vector<long>(before[i..]));
            if (Vector.AndNot(smaller, Vector.Equals(cells, absent)) != Vector<long>.Zero)
                return true;
        }
        for (; i < now.Length; i++)
        {
            if (now[i] < before[i] && now[i] != Metric.Absent)
                return true;
        }
        return false;
    }
}
