using Collector.Core.Metrics;

namespace Collector.Core.Snapshots;

/// <summary>All numbers of one collection. Complete and unchanging while a reader holds its lease.</summary>
public sealed class Snapshot
{
    private readonly Dictionary<TableInfo, SnapshotTable> _byInfo = [];
    private readonly List<SnapshotTable> _tables = [];
    private SnapshotTable? _latest;
    private int _readers;

    /// <summary>Number of the collection, from 1.</summary>
    public long Tick { get; internal set; }

    /// <summary>When the collection began, Unix nanoseconds: the time of every point in it.</summary>
    public long Time { get; internal set; }

    /// <summary>The same in nanoseconds of a clock that nobody sets: for how long ago that was.</summary>
    public long Moment { get; internal set; }

    /// <summary>Its series: cells that are not absent; a histogram counts once.</summary>
    public long Series { get; internal set; }

    /// <summary>The tables that have rows or had some, in the order of their probes.</summary>
    public IReadOnlyList<SnapshotTable> Tables => _tables;

    internal bool InUse => Volatile.Read(ref _readers) > 0;

    public SnapshotTable? Find(TableInfo info) => _byInfo.GetValueOrDefault(info);

    internal SnapshotTable TableFor(TableInfo info)
    {
        // A probe appends row after row to the same one.
        if (_latest?.Info == info)
            return _latest;
        if (!_byInfo.TryGetValue(info, out var table))
        {
            table = new SnapshotTable(info);
            _byInfo.Add(info, table);
            _tables.Add(table);
        }
        return _latest = table;
    }

    /// <summary>Puts an empty table in the place of one, which stays as it is.</summary>
    internal SnapshotTable Renew(TableInfo info)
    {
        var table = new SnapshotTable(info);
        if (_byInfo.TryGetValue(info, out var before))
            _tables[_tables.IndexOf(before)] = table;
        else
            _tables.Add(table);
        _latest = null;
        return _byInfo[info] = table;
    }

    internal void Clear()
    {
        foreach (var table in _tables)
            table.Clear();
    }

    internal void Retain() => Interlocked.Increment(ref _readers);

    internal void Release() => Interlocked.Decrement(ref _readers);
}
