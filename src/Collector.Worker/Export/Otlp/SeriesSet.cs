using System.Numerics;
using Collector.Core.Snapshots;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// The series of one metric that were already written. Holds places in the snapshot, never rows: nothing dead is kept.
/// Emptied by counting up, so that clearing costs nothing, and grown to twice the largest metric.
/// </summary>
internal sealed class SeriesSet
{
    private Slot[] _slots = new Slot[64];
    private long _epoch;

    /// <summary>Empties the set and makes room for <paramref name="count"/> series.</summary>
    public void Begin(int count)
    {
        _epoch++;
        if (_slots.Length < count * 2)
            _slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)count * 2)];
    }

    /// <summary>False when a series with the same attributes is there already.</summary>
    public bool Add(Snapshot snapshot, MetricGroup group, int column, int row, EncodedAttributes attributes)
    {
        var tags = group.Columns[column].Tags;
        var hash = unchecked(attributes.Hash + tags.Hash);
        var mask = _slots.Length - 1;
        for (var i = (int)hash & mask; ; i = (i + 1) & mask)
        {
            ref var slot = ref _slots[i];
            if (slot.Epoch != _epoch)
            {
                slot = new Slot(_epoch, hash, column, row);
                return true;
            }
            if (slot.Hash == hash && Same(snapshot, group.Columns[slot.Column], slot.Row, attributes, tags))
                return false;
        }
    }

    private static bool Same(
        Snapshot snapshot, MetricColumn column, int row, EncodedAttributes attributes, EncodedAttributes tags)
    {
        var other = snapshot.Find(column.Metric.Table)!.Rows[row];
        return EncodedAttributes.SameSet(RowAttributes.Of(other), column.Tags, attributes, tags);
    }

    private readonly record struct Slot(long Epoch, ulong Hash, int Column, int Row);
}
