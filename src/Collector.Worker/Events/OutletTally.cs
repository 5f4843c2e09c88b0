using Collector.Worker.Events.Outlets;

namespace Collector.Worker.Events;

/// <summary>What became of an outlet's events since the start, whichever of its queues they went through.</summary>
/// <param name="name">Of the outlet.</param>
internal sealed class OutletTally(string name)
{
    private readonly Lock _lock = new();
    private readonly List<OutletQueue> _queues = [];
    private readonly List<SpoolFigures> _spools = [];
    private long _delivered;
    private long _dropped;
    private long _failed;

    public string Name => name;

    /// <summary>False as long as there has been no such outlet.</summary>
    public bool Used { get; private set; }

    public long Delivered => Sum(in _delivered, static q => q.Delivered);

    public long Dropped => Sum(in _dropped, static q => q.Dropped);

    public long Failed => Sum(in _failed, static q => q.Failed);

    public long Waiting => Sum(0, static q => q.Waiting);

    public void Add(OutletQueue queue)
    {
        Used = true;
        lock (_lock)
        {
            _queues.Add(queue);
            if (queue.Kept is not { } kept)
                return;
            kept.Before = _spools.FindLast(s => s.Folder == kept.Folder);
            _spools.Add(kept);
        }
    }

    /// <summary>A queue has ended: what still waits in it is lost.</summary>
    public void End(OutletQueue queue)
    {
        lock (_lock)
        {
            if (!_queues.Remove(queue))
                return;
            _delivered += queue.Delivered;
            _dropped += queue.Dropped;
            _failed += queue.Failed + queue.Waiting;
        }
    }

    /// <summary>Of what its queues keep on disk; null as long as none does.</summary>
    /// <param name="read">The figure.</param>
    /// <param name="live">Without queues that have ended: what they left behind is another's now.</param>
    public long? OfSpools(Func<SpoolFigures, long> read, bool live)
    {
        lock (_lock)
        {
            if (_spools.Count == 0)
                return null;
            // No queries: each collection asks, and what they need would be allocated.
            var sum = 0L;
            foreach (var spool in _spools)
            {
                if (!live || IsKept(spool))
                    sum += read(spool);
            }
            return sum;
        }
    }

    private bool IsKept(SpoolFigures spool)
    {
        foreach (var queue in _queues)
        {
            if (queue.Kept == spool)
                return true;
        }
        return false;
    }

    // What of queues that have ended is read while none can end: else the sum would fall.
    private long Sum(in long ended, Func<OutletQueue, long> count)
    {
        lock (_lock)
        {
            var sum = ended;
            foreach (var queue in _queues)
                sum += count(queue);
            return sum;
        }
    }
}
