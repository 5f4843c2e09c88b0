using System.Buffers;
using System.Numerics;

namespace Collector.Worker.Export.Prometheus;

/// <summary>
/// The series of one family that were already written: open addressing in a pooled array, emptied between families by
/// moving on to the next stamp.
/// </summary>
internal ref struct SeriesSet
{
    private Entry[] _entries;
    private uint _mask;
    private int _capacity;
    private uint _stamp;

    /// <summary>Starts on a family of at most <paramref name="series"/> series.</summary>
    public void Begin(int series)
    {
        if (series > _capacity)
        {
            // At most half full, so that probing ends.
            var size = BitOperations.RoundUpToPowerOf2((uint)Math.Max(series, 256) * 2);
            Dispose();
            _entries = ArrayPool<Entry>.Shared.Rent((int)size);
            Array.Clear(_entries);
            _mask = size - 1;
            _capacity = (int)size / 2;
            _stamp = 0;
        }
        _stamp++;
    }

    /// <summary>False when the series is there already.</summary>
    public readonly bool Add(LabelBlock labels, LabelBlock tags)
    {
        var hash = labels.Hash + tags.Hash;
        for (var i = (uint)hash & _mask; ; i = (i + 1) & _mask)
        {
            ref var entry = ref _entries[i];
            if (entry.Stamp != _stamp)
            {
                entry = new() { Stamp = _stamp, Hash = hash, Labels = labels, Tags = tags };
                return true;
            }
            if (entry.Hash == hash && LabelBlock.SameSet(entry.Labels, entry.Tags, labels, tags))
                return false;
        }
    }

    public void Dispose()
    {
        if (_entries is not null)
            ArrayPool<Entry>.Shared.Return(_entries, clearArray: true); // or dead rows would live on in the pool
        _entries = null!;
        _capacity = 0;
    }

    private struct Entry
    {
        public uint Stamp;
        public ulong Hash;
        public LabelBlock Labels;
        public LabelBlock Tags;
    }
}
