using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Core.Compatibility;

/// <summary>
/// A <see cref="RowViewInfo"/> over one table. Its rows live in the cache of the rows that they are made of.
/// </summary>
internal sealed class RowView : DerivedTable
{
    // One for all: a table has one view at most.
    private static readonly RowCacheSlot Slot = new();

    private readonly int[] _tags;
    private readonly Column[] _columns;

    public RowView(RowViewInfo info, TableInfo source) : base(source, Declare(info, source))
    {
        _tags = [.. Table.RowTags.Select(t => IndexOf(source, t.Key))];
        _columns = [.. info.Columns.Select(c => new Column(
            [.. c.Of.Select(name => Find(source, name).Column)],
            c.Where is { } where ? IndexOf(source, where.Key) : -1,
            c.Where?.Value.Text ?? ""))];
    }

    /// <inheritdoc/>
    public override void Write(SnapshotTable source, SnapshotBuilder snapshot)
    {
        for (var r = 0; r < source.Count; r++)
        {
            var row = source.Rows[r];
            if (Takes(row))
                Write(source, r, snapshot.Append(RowOf(row)));
        }
    }

    private bool Takes(Row row)
    {
        foreach (var column in _columns)
        {
            if (column.Takes(row))
                return true;
        }
        return false;
    }

    private void Write(SnapshotTable source, int row, in RowWriter writer)
    {
        for (var c = 0; c < _columns.Length; c++)
        {
            if (_columns[c].Takes(source.Rows[row]))
                writer.Set(c, _columns[c].Sum(source, row));
        }
    }

    private Row RowOf(Row source) => source.GetCached(Slot) as Row ?? Make(source);

    private Row Make(Row source)
    {
        var row = new Row(Table, source.Subject, source.StartTime, [.. _tags.Select(t => source.Tags[t])]);
        source.SetCached(Slot, row);
        return row;
    }

    private static TableInfo Declare(RowViewInfo info, TableInfo source) => new(info.Id, source.Scope,
        [.. source.RowTags.Where(t => info.RowTags?.Contains(t.Key) ?? true)],
        [.. info.Columns.Select(c => Declare(c, Find(source, c.Of[0])))]);

    private static Metric Declare(ViewColumn column, Metric source) => new()
    {
        Name = column.Name,
        Unit = column.Unit ?? source.Unit,
        Kind = source.Kind,
        Description = column.Description ?? source.Description,
        Hidden = true,
    };

    private static Metric Find(TableInfo table, string name) =>
        table.Metrics.First(m => LegacyNames.KeyOf(m) == name);

    private static int IndexOf(TableInfo table, string key)
    {
        for (var i = 0; i < table.RowTags.Count; i++)
        {
            if (table.RowTags[i].Key == key)
                return i;
        }
        throw new ArgumentException($"table {table.Id} has no row tag {key}", nameof(key));
    }

    private sealed record Column(int[] Of, int Tag, string Value)
    {
        public bool Takes(Row row) => Tag < 0 || row.Tags[Tag].Text == Value;

        public long Sum(SnapshotTable source, int row)
        {
            var sum = source.Column(Of[0])[row];
            for (var i = 1; i < Of.Length && sum != Metric.Absent; i++)
            {
                if (source.Column(Of[i])[row] is var more && more != Metric.Absent)
                    sum += more;
            }
            return sum;
        }
    }
}
