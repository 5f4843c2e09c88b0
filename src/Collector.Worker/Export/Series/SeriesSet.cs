using System.Numerics;
using Collector.Worker.Memory;

namespace Collector.Worker.Export.Series;

/// <summary>
/// The series of one name that were already written: open addressing in a pooled array, emptied between names by moving
/// on to the next stamp. A series is what its row and its column say of it.
/// </summary>
internal struct SeriesSet : IDisposable
{
    private Entry[]? _entries;
    private uint _mask;
    private int _capacity;
    private uint _stamp;

    /// <summary>Starts on a name of at most <paramref name="series"/> series.</summary>
    public void Begin(int series)
    {
        if (series > _capacity)
        {
            // At most half full, so that probing ends.
            var size = BitOperations.RoundUpToPowerOf2((uint)Math.Max(series, 256) * 2);
            Dispose();
            _entries = LargeArrays<Entry>.Pool.Rent((int)size);
            Array.Clear(_entries);
            _mask = size - 1;
            _capacity = (int)size / 2;
            _stamp = 0;
        }
        _stamp++;
    }

    /// <summary>False when the series is there already.</summary>
    public readonly bool Add(AttributeSet row, AttributeSet column)
    {
        var hash = unchecked(row.Hash + column.Hash);
        for (var i = (uint)hash & _mask; ; i = (i + 1) & _mask)
        {
            ref var entry = ref _entries![i];
            if (entry.Stamp != _stamp)
            {
                entry = new() { Stamp = _stamp, Hash = hash, Row = row, Column = column };
                return true;
            }
            if (entry.Hash == hash && AttributeSet.Same(entry.Row, entry.Column, row, column))
                return false;
        }
    }

    /// <summary>Lets go of the series, dead rows among them, and keeps the array for the next time.</summary>
    public readonly void Clear() => _entries.AsSpan().Clear();

    /// <summary>Lets go of everything; the set can begin again.</summary>
    public void Dispose()
    {
        if (_entries is not null)
            LargeArrays<Entry>.Pool.Return(_entries, clearArray: true); // or dead rows would live on in the pool
        _entries = null;
        _capacity = 0;
    }

    private struct Entry
    {
        public uint Stamp;
        public ulong Hash;
        public AttributeSet Row;
        public AttributeSet Column;
    }
}
