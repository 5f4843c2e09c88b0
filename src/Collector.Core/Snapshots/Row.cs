using Collector.Core.Metrics;
using Collector.Core.Subjects;

namespace Collector.Core.Snapshots;

/// <summary>
/// The identity of a table row for as long as its subject lives: allocated when the subject appears, handed to the
/// builder each interval, collected by the GC when its probe lets go of it.
/// </summary>
public sealed class Row
{
    private readonly object?[] _cache = new object?[RowCacheSlot.Count];
    private long[]? _resets;

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

    /// <summary>What an exporter encoded for this row, null at first. Exporters check that it is still true.</summary>
    public object? GetCached(RowCacheSlot slot) => Volatile.Read(ref _cache[slot.Index]);

    public void SetCached(RowCacheSlot slot, object value) => Volatile.Write(ref _cache[slot.Index], value);
}

/// <summary>A place in every row's cache; one per exporter and naming.</summary>
public sealed class RowCacheSlot
{
    public static readonly RowCacheSlot Otlp = new(0);
    public static readonly RowCacheSlot OtlpDelta = new(1);
    public static readonly RowCacheSlot PrometheusOtel = new(2);
    public static readonly RowCacheSlot PrometheusKubeSkoop = new(3);
    public static readonly RowCacheSlot PrometheusInspector = new(4);
    internal const int Count = 5;

    private RowCacheSlot(int index) => Index = index;

    internal int Index { get; }
}
