using Collector.Core.Metrics;
using Collector.Core.Subjects;

namespace Collector.Core.Snapshots;

/// <summary>A row and its cells, outside a snapshot.</summary>
/// <param name="Row">What it is about.</param>
/// <param name="Cells">One per column of its table.</param>
/// <param name="Told">Moment of the snapshot that had it first.</param>
/// <param name="Rootless">It is of a namespace that any user could have made.</param>
internal readonly record struct KeptRow(Row Row, long[] Cells, long Told = 0, bool Rootless = false);

/// <summary>
/// Rows that a probe read between two collections, of something that is gone by the next: they are in that snapshot,
/// with the figures of the end. What they counted stays in the following ones until every reader has had time to look
/// (<see cref="SnapshotStore.LongestPause"/>): one that takes a snapshot of four must not miss it. Belongs to the
/// collection thread.
/// </summary>
/// <param name="isReplaced">True where something that lives has its series.</param>
public sealed class LastRows(Func<Subject, bool> isReplaced)
{
    /// <summary>Reason of what was in one snapshot only, because too many ended at once.</summary>
    public const string Full = "last_rows_full";

    /// <summary>
    /// Cells that are held: half a megabyte, some hundred namespaces. Of those that any user can make, a quarter.
    /// </summary>
    internal const int MostCells = 65_536;

    private readonly SnapshotBuilder _between = new(new SnapshotStore(), TimeProvider.System);
    private readonly List<KeptRow> _rows = [];
    private readonly List<KeptRow> _held = [];
    private int _cells;
    private int _rootlessCells;
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
    /// Appends the new ones. Ahead of the living: of equal series, exporters keep the first.
    /// </summary>
    public void AppendTo(SnapshotBuilder snapshot)
    {
        _lastTime = snapshot.Time;
        foreach (var kept in _rows)
            Append(kept, snapshot);
    }

    /// <summary>Appends what was told before and somebody may not have seen. Behind the living.</summary>
    public void AppendHeldTo(SnapshotBuilder snapshot)
    {
        Forget(snapshot);
        // The latest first, should one have had the series of another.
        for (var i = _held.Count - 1; i >= 0; i--)
            Append(_held[i], snapshot);
        Hold(snapshot);
    }

    private static void Append(in KeptRow kept, SnapshotBuilder snapshot)
    {
        var row = snapshot.Append(kept.Row);
        for (var column = 0; column < kept.Cells.Length; column++)
            row.Set(column, kept.Cells[column]);
    }

    private void Forget(SnapshotBuilder snapshot)
    {
        if (_held.Count == 0)
            return;
        var oldest = snapshot.Moment - (snapshot.LongestPause.Ticks * 100);
        var kept = 0;
        for (var i = 0; i < _held.Count; i++)
        {
            var one = _held[i];
            if (one.Told > oldest && !(one.Row.Subject is { } subject && isReplaced(subject)))
                _held[kept++] = one;
            else
                Count(one, -1);
        }
        _held.RemoveRange(kept, _held.Count - kept);
        if (kept == 0)
            _held.Capacity = 0; // or a burst would be remembered for ever
    }

    private void Hold(SnapshotBuilder snapshot)
    {
        var wanted = _rows.Count > 0 && snapshot.LongestPause > TimeSpan.Zero;
        foreach (var (row, cells, _, _) in _rows)
        {
            if (!wanted || !KeepCounters(row.Table, cells))
                continue;
            var rootless = row.Subject is NetNamespace { Rootless: true };
            _held.Add(new KeptRow(row, cells, snapshot.Moment, rootless));
            Count(_held[^1], 1);
        }
        _rows.Clear();
        // Those first that have more than their share: then there may be room for all others.
        Shrink(snapshot, static (self, one) => one.Rootless && self._rootlessCells > MostCells / 4);
        Shrink(snapshot, static (self, _) => self._cells > MostCells);
    }

    // The oldest go.
    private void Shrink(SnapshotBuilder snapshot, Func<LastRows, KeptRow, bool> goes)
    {
        if (_rootlessCells <= MostCells / 4 && _cells <= MostCells)
            return;
        var kept = 0;
        for (var i = 0; i < _held.Count; i++)
        {
            var one = _held[i];
            if (goes(this, one))
            {
                Count(one, -1);
                snapshot.ReadFailed(Full);
            }
            else
            {
                _held[kept++] = one;
            }
        }
        _held.RemoveRange(kept, _held.Count - kept);
    }

    private void Count(in KeptRow one, int sign)
    {
        _cells += sign * one.Cells.Length;
        if (one.Rootless)
            _rootlessCells += sign * one.Cells.Length;
    }

    /// <summary>Levels are those of nothing by now.</summary>
    private static bool KeepCounters(TableInfo table, long[] cells)
    {
        var some = false;
        foreach (var metric in table.Metrics)
        {
            var column = cells.AsSpan(metric.Column, metric.Width);
            if (metric.Kind is InstrumentKind.Counter or InstrumentKind.Histogram)
                some |= column.ContainsAnyExcept(Metric.Absent);
            else
                column.Fill(Metric.Absent);
        }
        return some;
    }
}
