using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Core.Findings;

/// <summary>A collection in which the rows of a later one are looked up. Used again for each window.</summary>
internal sealed class PastSnapshot
{
    /// <summary>Rows that are looked through sooner than an index is made.</summary>
    private const int Small = 64;

    private readonly Dictionary<string, List<SnapshotTable>> _tables = [];
    private readonly Dictionary<SnapshotTable, Dictionary<Row, int>> _places = [];
    private readonly Dictionary<SnapshotTable, RowIndex> _indexes = [];

    /// <summary>Start of that collection, Unix nanoseconds, and by a clock that nobody sets.</summary>
    public long Time { get; private set; }

    /// <inheritdoc cref="Time"/>
    public long Moment { get; private set; }

    /// <summary>False while there is none.</summary>
    public bool IsOpen { get; private set; }

    public void Open(Snapshot snapshot)
    {
        (Time, Moment, IsOpen) = (snapshot.Time, snapshot.Moment, true);
        for (var i = 0; i < snapshot.Tables.Count; i++)
        {
            var table = snapshot.Tables[i];
            if (table.Count == 0)
                continue;
            ref var tables = ref CollectionsMarshal.GetValueRefOrAddDefault(_tables, table.Info.Id, out _);
            (tables ??= []).Add(table);
        }
    }

    /// <summary>Lets go of the snapshot: its buffers may be filled for a later collection.</summary>
    public void Close()
    {
        IsOpen = false;
        _places.Clear();
        _indexes.Clear();
        foreach (var (_, tables) in _tables)
            tables.Clear();
    }

    /// <summary>All tables of an id: a probe that exports everything writes into a wider one.</summary>
    public ReadOnlySpan<SnapshotTable> TablesOf(string id) => CollectionsMarshal.AsSpan(_tables.GetValueOrDefault(id));

    /// <summary>The rows of a subject.</summary>
    public SubjectRows RowsOf(SnapshotTable table, Subject? subject)
    {
        if (table.Count <= Small)
            return new(table, subject, null);
        if (!_indexes.TryGetValue(table, out var index))
            _indexes.Add(table, index = new RowIndex(table));
        return new(table, subject, index);
    }

    /// <summary>What a cell held; null where the row was not there.</summary>
    /// <param name="row">The row.</param>
    /// <param name="index">Where it stands now: as a rule where it stood.</param>
    /// <param name="column">Of its table.</param>
    public long? ValueOf(Row row, int index, int column) =>
        // A cell of a row that was there: it was 0, and zeros are left out.
        CellOf(row, index, column) is { } held ? Math.Max(0, held) : null;

    /// <summary>The same of a level: null also where it was absent.</summary>
    /// <inheritdoc cref="ValueOf"/>
    public long? LevelOf(Row row, int index, int column) =>
        CellOf(row, index, column) is { } held && held != Metric.Absent ? held : null;

    private long? CellOf(Row row, int index, int column)
    {
        foreach (var table in TablesOf(row.Table.Id))
        {
            if (PlaceOf(row, index, table) is >= 0 and var place)
                return table.Column(column)[place];
        }
        return null;
    }

    private int PlaceOf(Row row, int index, SnapshotTable table)
    {
        if (table.Info != row.Table)
            return -1;
        if (index < table.Count && table.Rows[index] == row)
            return index;
        if (!_places.TryGetValue(table, out var places))
        {
            _places.Add(table, places = []);
            for (var i = 0; i < table.Count; i++)
                places.TryAdd(table.Rows[i], i);
        }
        return places.GetValueOrDefault(row, -1);
    }
}
