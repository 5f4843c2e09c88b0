using System.Diagnostics;
using Collector.Core.Events;

namespace Collector.Linux.Kernel.Bpf;

/// <summary>
/// Occurrences between the event thread and the one that resolves them; of the whole agent, and bounded. Those of
/// namespaces that any user can make wait for all others. Thread-safe; its lock is held for a copy at most.
/// </summary>
/// <param name="capacity">Occurrences that may wait.</param>
internal sealed class OccurrenceQueue(int capacity = OccurrenceQueue.DefaultCapacity)
{
    /// <summary>With the longest records half a megabyte.</summary>
    public const int DefaultCapacity = 2048;

    /// <summary>Part of the patience for all that is left for those of namespaces that any user can make.</summary>
    private const int RootlessPart = 10;

    // Not a Lock: who takes waits for a pulse, and who awaits.
    private readonly object _gate = new();
    private readonly OccurrenceLane _others = new(capacity);
    private readonly OccurrenceLane _rootless = new(Math.Max(1, capacity / 4));
    private readonly Stack<Occurrence> _free = new();
    private bool _closed;

    private int Count => _others.Count + _rootless.Count;

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
            var lane = key.Rootless ? _rootless : _others;
            if (_closed || Count >= lane.Capacity)
                return false;
            var occurrence = _free.Count > 0 ? _free.Pop() : new Occurrence();
            occurrence.Reader = reader;
            occurrence.Key = key;
            occurrence.Lane = lane;
            occurrence.Admitted = admitted;
            occurrence.Time = time;
            occurrence.Observed = KernelClock.UnixNow();
            occurrence.Copy(record);
            lane.Add(occurrence);
            if (Count == 1)
                Monitor.PulseAll(_gate);
            return true;
        }
    }

    /// <summary>Waits for the next one; false when the queue is closed and empty.</summary>
    public bool TryTake(out Occurrence occurrence)
    {
        lock (_gate)
        {
            while (Count == 0 && !_closed)
                Monitor.Wait(_gate);
            occurrence = null!;
            if (Count == 0)
                return false;
            occurrence = (_others.Count > 0 ? _others : _rootless).Take();
            return true;
        }
    }

    /// <summary>Takes an occurrence back that is resolved.</summary>
    public void Return(Occurrence occurrence)
    {
        lock (_gate)
        {
            _free.Push(occurrence);
            // Who awaits is woken once, not by each.
            if (occurrence.Lane.EndOne())
                Monitor.PulseAll(_gate);
        }
    }

    /// <summary>
    /// Waits until all that were taken in before are resolved; a tenth of the limit at most for those of namespaces
    /// that any user can make, which so delay nobody by more.
    /// </summary>
    /// <returns>False where that takes longer, or the queue is closed.</returns>
    public bool Await(TimeSpan limit)
    {
        lock (_gate)
        {
            var (others, rootless) = (_others.Added, _rootless.Added);
            return Await(_others, others, limit) && Await(_rootless, rootless, limit / RootlessPart);
        }
    }

    private bool Await(OccurrenceLane lane, long all, TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        while (lane.Done < all && !_closed)
        {
            lane.Awaited = Math.Min(lane.Awaited, all);
            if (limit - Stopwatch.GetElapsedTime(start) is not { Ticks: > 0 } left || !Monitor.Wait(_gate, left))
                break;
        }
        return lane.Done >= all;
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
