using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Core.Findings;

/// <summary>Which rows of a large table are whose: one pass for all subjects that are asked about.</summary>
internal sealed class RowIndex
{
    private readonly Dictionary<Subject, int> _first = [];
    private readonly int[] _next;
    private readonly int _firstOfNode = -1;

    public RowIndex(SnapshotTable table)
    {
        _next = new int[table.Count];
        // From the end, so that each subject's rows come in their order.
        for (var row = table.Count - 1; row >= 0; row--)
        {
            if (table.Rows[row].Subject is not { } subject)
            {
                (_next[row], _firstOfNode) = (_firstOfNode, row);
                continue;
            }
            _next[row] = _first.GetValueOrDefault(subject, -1);
            _first[subject] = row;
        }
    }

    public int FirstOf(Subject? subject) => subject is null ? _firstOfNode : _first.GetValueOrDefault(subject, -1);

    public int NextOf(int row) => _next[row];
}

/// <summary>The rows of one subject in a table, in their order.</summary>
/// <param name="table">The table.</param>
/// <param name="subject">Null: rows without a subject.</param>
/// <param name="index">Of that table; null: it is small.</param>
internal struct SubjectRows(SnapshotTable table, Subject? subject, RowIndex? index)
{
    private int _row = -1;
    private bool _begun;

    /// <summary>The row that was stepped to.</summary>
    public readonly int Row => _row;

    /// <summary>Steps to the next row; false: there is none.</summary>
    public bool Next()
    {
        if (index is not null)
        {
            _row = _begun ? index.NextOf(_row) : index.FirstOf(subject);
            _begun = true;
            return _row >= 0;
        }
        while (++_row < table.Count)
        {
            if (table.Rows[_row].Subject == subject)
                return true;
        }
        return false;
    }
}
