using System.Diagnostics;
using Collector.Core.Events;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// Occurrences between the event thread and the one that resolves them; of the whole agent, and bounded. Thread-safe;
/// its lock is held for a copy at most.
/// </summary>
/// <param name="capacity">Occurrences that may wait.</param>
internal sealed class OccurrenceQueue(int capacity = OccurrenceQueue.DefaultCapacity)
{
    /// <summary>With the longest records half a megabyte.</summary>
    public const int DefaultCapacity = 2048;

    // Not a Lock: who takes waits for a pulse, and who awaits.
    private readonly object _gate = new();
    private readonly Occurrence[] _waiting = new Occurrence[capacity];
    private readonly Stack<Occurrence> _free = new();
    private int _first;
    private int _count;
    private long _added;
    private long _done;
    private bool _closed;

    /// <summary>
    /// Takes a copy of a record; false when it is full or closed, and for namespaces that any user can make when a
    /// quarter of it is full. Never waits.
    /// </summary>
    /// <param name="reader">Who resolves it.</param>
    /// <param name="key">What it is.</param>
    /// <param name="admitted">Whether the limiter let it through; else it is asked later.</param>
    /// <param name="time">When it happened, Unix nanoseconds.</param>
    /// <param name="record">The kernel's record.</param>
    public bool TryAdd(IOccurrenceReader reader, in EventKey key, bool admitted, long time, ReadOnlySpan<byte> record)
    {
        lock (_gate)
        {
            if (_closed || _count >= (key.Rootless ? Math.Max(1, _waiting.Length / 4) : _waiting.Length))
                return false;
            var occurrence = _free.Count > 0 ? _free.Pop() : new Occurrence();
            occurrence.Reader = reader;
            occurrence.Key = key;
            occurrence.Admitted = admitted;
            occurrence.Time = time;
            occurrence.Observed = KernelClock.UnixNow();
            occurrence.Copy(record);
            _waiting[(_first + _count) % _waiting.Length] = occurrence;
            _added++;
            if (_count++ == 0)
                Monitor.PulseAll(_gate);
            return true;
        }
    }

    /// <summary>Waits for the next one; false when the queue is closed and empty.</summary>
    public bool TryTake(out Occurrence occurrence)
    {
        lock (_gate)
        {
            while (_count == 0 && !_closed)
                Monitor.Wait(_gate);
            occurrence = _waiting[_first];
            if (_count == 0)
                return false;
            _waiting[_first] = null!;
            _first = (_first + 1) % _waiting.Length;
            _count--;
            return true;
        }
    }

    /// <summary>Takes an occurrence back that is resolved.</summary>
    public void Return(Occurrence occurrence)
    {
        lock (_gate)
        {
            _free.Push(occurrence);
            _done++;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits until all that were taken in before are resolved.</summary>
    /// <returns>False where that takes longer than the limit, or the queue is closed.</returns>
    public bool Await(TimeSpan limit)
    {
        lock (_gate)
        {
            var all = _added;
            var start = Stopwatch.GetTimestamp();
            while (_done < all && !_closed)
            {
                if (limit - Stopwatch.GetElapsedTime(start) is not { Ticks: > 0 } left || !Monitor.Wait(_gate, left))
                    break;
            }
            return _done >= all;
        }
    }

    /// <summary>Takes no more.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }
    }
}
