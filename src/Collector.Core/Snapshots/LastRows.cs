namespace Collector.Core.Snapshots;

/// <summary>A row and its cells, outside a snapshot.</summary>
internal readonly record struct KeptRow(Row Row, long[] Cells);

/// <summary>
/// Rows that a probe read between two collections, of something that is gone by the next: they are in that snapshot,
/// once, with the figures of the end. Belongs to the collection thread.
/// </summary>
public sealed class LastRows
{
    private readonly SnapshotBuilder _between = new(new SnapshotStore(), TimeProvider.System);
    private readonly List<KeptRow> _rows = [];
    private long _lastTime;

    /// <summary>Reads rows; those of a reading that breaks off are left out.</summary>
    public void Read(Action<SnapshotBuilder> collect)
    {
        _between.BeginBetween(_lastTime);
        _between.Enter("");
        try
        {
            collect(_between);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // What was counted until the last collection has been told; a fault of the probe shows in its collections.
            _between.Discard();
        }
        _between.MoveTo(_rows);
    }

    /// <summary>
    /// Appends them to the next snapshot. Ahead of the living: of equal series, exporters keep the first.
    /// </summary>
    public void AppendTo(SnapshotBuilder snapshot)
    {
        _lastTime = snapshot.Time;
        foreach (var kept in _rows)
        {
            var row = snapshot.Append(kept.Row);
            for (var column = 0; column < kept.Cells.Length; column++)
                row.Set(column, kept.Cells[column]);
        }
        _rows.Clear();
    }
}
