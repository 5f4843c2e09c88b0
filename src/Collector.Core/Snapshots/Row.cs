using Collector.Core.Metrics;
using Collector.Core.Subjects;

namespace Collector.Core.Snapshots;

/// <summary>
/// The identity of a table row for as long as its subject lives: allocated when the subject appears, handed to the
/// builder each interval, collected by the GC when its probe lets go of it.
/// </summary>
public sealed class Row
{
    private static readonly Lock Caching = new();
    private object?[] _cache = [];
    private long[]? _resets;
    private ulong[]? _counted;
    private Exemplar?[]? _exemplars;

    /// <param name="table">The table that the row is for.</param>
    /// <param name="subject">What it is about; null in tables of node scope.</param>
    /// <param name="startTime">Unix nanoseconds from which its counters count.</param>
    /// <param name="tags">One value per <see cref="TableInfo.RowTags"/>.</param>
    public Row(TableInfo table, Subject? subject, long startTime, params TagValue[] tags)
    {
        if (tags.Length != table.RowTags.Count)
            throw new ArgumentException($"table {table.Id} has {table.RowTags.Count} row tags", nameof(tags));
        Table = table;
        Subject = subject;
        StartTime = startTime;
        Tags = tags;
    }

    public TableInfo Table { get; }

    public Subject? Subject { get; }

    /// <summary>Values of <see cref="TableInfo.RowTags"/>, in that order.</summary>
    public IReadOnlyList<TagValue> Tags { get; }

    /// <summary>Unix nanoseconds from which the counters count, unless one of them was reset since.</summary>
    public long StartTime { get; }

    /// <summary>Place of the row in the newest snapshot that has it, and that snapshot's number.</summary>
    internal int Index { get; set; }

    internal long Tick { get; set; } = -1;

    /// <summary>Start time of one column: later than <see cref="StartTime"/> once the kernel's counter fell.</summary>
    public long StartTimeOf(int column) => _resets is { } resets && resets[column] != 0 ? resets[column] : StartTime;

    internal void MarkReset(int column, long time) => (_resets ??= new long[Table.Width])[column] = time;

    /// <summary>True once the column held anything but 0. <paramref name="now"/> is what it holds.</summary>
    internal bool HasCounted(int column, long now)
    {
        var (word, bit) = (column / 64, 1UL << column);
        if (now != 0)
            (_counted ??= new ulong[(Table.Width + 63) / 64])[word] |= bit;
        return _counted is { } counted && (counted[word] & bit) != 0;
    }

    /// <summary>True once an occurrence that one of its histograms counted was slow.</summary>
    public bool HasExemplars => Volatile.Read(ref _exemplars) is not null;

    /// <summary>The newest slow occurrence of a histogram's bucket; null: none, or only later ones.</summary>
    /// <param name="column">The bucket's column.</param>
    /// <param name="tick">Number of the collection that is looked at: what came later is not in it.</param>
    public Exemplar? ExemplarOf(int column, long tick) =>
        Volatile.Read(ref _exemplars) is { } all && Volatile.Read(ref all[column]) is { } one && one.Tick <= tick
            ? one
            : null;

    internal void Keep(int column, Exemplar exemplar)
    {
        if (_exemplars is null)
            Volatile.Write(ref _exemplars, new Exemplar?[Table.Width]);
        if (_exemplars![column] is not { } before || before.Event.Time <= exemplar.Event.Time)
            Volatile.Write(ref _exemplars[column], exemplar);
    }

    /// <summary>What an exporter encoded for this row, null at first. Exporters check that it is still true.</summary>
    public object? GetCached(RowCacheSlot slot)
    {
        var cache = Volatile.Read(ref _cache);
        return slot.Index < cache.Length ? Volatile.Read(ref cache[slot.Index]) : null;
    }

    /// <summary>Keeps a value. The cache has room for every slot that there was when it last grew.</summary>
    public void SetCached(RowCacheSlot slot, object value)
    {
        // Rare, and readers take no lock: without one a value set while another thread grows the cache would be lost.
        lock (Caching)
        {
            var cache = _cache;
            if (slot.Index >= cache.Length)
                Array.Resize(ref cache, RowCacheSlot.Count);
            Volatile.Write(ref cache[slot.Index], value);
            Volatile.Write(ref _cache, cache);
        }
    }
}

/// <summary>
/// A place in every row's cache. Whoever keeps something there makes one, once per program: an exporter and naming, a
/// view. Places are never given back.
/// </summary>
public sealed class RowCacheSlot
{
    private static int _count;

    public RowCacheSlot() => Index = Interlocked.Increment(ref _count) - 1;

    internal static int Count => Volatile.Read(ref _count);

    internal int Index { get; }
}
