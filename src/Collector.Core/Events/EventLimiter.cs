namespace Collector.Core.Events;

/// <summary>
/// Lets the first events of a key through in each window and counts the others, so that a flood is a few events and a
/// number. Each count is reported once: by the next event of the key that gets through, or by a summary when the
/// window ends first. Namespaces that anybody can make share one lane: however many there are, all together let
/// so many through per window, and take no place from the others. Thread-safe; <see cref="Admit"/> allocates only for
/// keys that it has not seen for a while.
/// </summary>
public sealed class EventLimiter
{
    /// <summary>Keys told apart by default; what comes on top shares one key per kind.</summary>
    public const int DefaultKeys = 4096;

    // A key that the kernel side goes on counting for should still know its last event.
    private const int IdleWindows = 3;

    // Stands for all keys of a kind that found no room.
    private const long OverflowReason = long.MinValue;

    // Stands for all keys of a kind for which the lane had nothing left.
    private const long LaneReason = long.MinValue + 1;

    /// <summary>Keys that may spend their whole burst in the lane, per window.</summary>
    private const int KeysOfLane = 10;

    /// <summary>Of all keys told apart, those of the lane are one part in so many.</summary>
    private const int LanesInAll = 4;

    private readonly Lock _lock = new();
    private readonly Dictionary<EventKey, Entry> _entries = [];
    private readonly Stack<Entry> _free = [];
    private readonly TimeProvider _time;
    private readonly int _keys;
    private int _burst;
    private long _window;
    private long _laneEnd = long.MinValue;
    private int _laneLet;
    private int _laneKeys;
    private long _heldBack;
    private long _summaries;

    /// <param name="burst">Events of a key let through per window.</param>
    /// <param name="window">Begins with the first event of a key.</param>
    /// <param name="time">Measures the windows.</param>
    /// <param name="keys">Keys told apart.</param>
    public EventLimiter(int burst, TimeSpan window, TimeProvider time, int keys = DefaultKeys)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(keys);
        _time = time;
        _keys = keys;
        Reconfigure(burst, window);
    }

    /// <summary>Events held back since the start, those of the kernel side included.</summary>
    public long HeldBack => Interlocked.Read(ref _heldBack);

    /// <summary>Summaries made since the start.</summary>
    public long Summaries => Interlocked.Read(ref _summaries);

    /// <summary>Keys known now.</summary>
    public int Keys
    {
        get
        {
            lock (_lock)
                return _entries.Count;
        }
    }

    /// <summary>Other bounds: windows that have begun end as they were to.</summary>
    public void Reconfigure(int burst, TimeSpan window)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(burst);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(window, TimeSpan.Zero);
        lock (_lock)
        {
            _burst = burst;
            _window = (long)(window.TotalSeconds * _time.TimestampFrequency);
        }
    }

    /// <summary>True lets the event through; false has counted it as held back.</summary>
    /// <param name="key">What it is.</param>
    /// <param name="time">When it happened, Unix nanoseconds.</param>
    public bool Admit(in EventKey key, long time)
    {
        var now = _time.GetTimestamp();
        lock (_lock)
        {
            var entry = Find(key, now);
            if (entry.Let < _burst && (!key.Rootless || TakeOfLane(now)))
            {
                entry.Let++;
                return true;
            }
            entry = Holder(key, entry, now);
            entry.Held++;
            entry.LastHeld = time;
        }
        Interlocked.Increment(ref _heldBack);
        return false;
    }

    /// <summary>Notes events that the kernel side held back itself.</summary>
    public void HoldBack(in EventKey key, long count)
    {
        if (count <= 0)
            return;
        var now = _time.GetTimestamp();
        lock (_lock)
        {
            // These spend nothing of the lane, so they must not make keys either.
            var known = key.Rootless && !_entries.ContainsKey(key) ? LaneOf(key) : key;
            Holder(known, Find(known, now), now).Held += count;
        }
        Interlocked.Add(ref _heldBack, count);
    }

    /// <summary>Takes note of an event that was let through.</summary>
    /// <returns>The event, with the count that was not reported yet.</returns>
    public NetworkEvent Pass(in EventKey key, NetworkEvent e)
    {
        var now = _time.GetTimestamp();
        lock (_lock)
        {
            var entry = Find(key, now);
            var held = entry.Held;
            entry.Held = 0;
            entry.LastHeld = 0;
            entry.Last = e;
            return held == 0 ? e : e with { HeldBack = e.HeldBack + held };
        }
    }

    /// <summary>Adds a summary for each key whose window has ended with events held back; forgets idle keys.</summary>
    /// <param name="into">Gets the summaries.</param>
    /// <param name="all">Does not wait for the end of the window: the agent stops.</param>
    public void Summarise(List<NetworkEvent> into, bool all = false)
    {
        var now = _time.GetTimestamp();
        var before = into.Count;
        lock (_lock)
        {
            foreach (var (key, entry) in _entries)
            {
                if (now < entry.WindowEnd && !all)
                    continue;
                if (entry.Held > 0)
                    into.Add(Summary(key, entry));
                else if (now - entry.WindowEnd >= IdleWindows * _window)
                    Forget(key, entry);
                entry.Held = 0;
                entry.LastHeld = 0;
            }
        }
        Interlocked.Add(ref _summaries, into.Count - before);
    }

    // With its window begun anew if the last one is over. What was held back in that one stays to be reported.
    private Entry Find(in EventKey key, long now)
    {
        if (!_entries.TryGetValue(key, out var entry))
            entry = Make(key, now);
        if (now >= entry.WindowEnd)
        {
            entry.WindowEnd = now + _window;
            entry.Let = 0;
        }
        return entry;
    }

    private static EventKey LaneOf(in EventKey key) => new(key.Info, 0, LaneReason, Rootless: true);

    private bool HasLane(long now)
    {
        if (now >= _laneEnd)
        {
            _laneEnd = now + _window;
            _laneLet = 0;
        }
        return _laneLet < KeysOfLane * _burst;
    }

    private bool TakeOfLane(long now)
    {
        if (!HasLane(now))
            return false;
        _laneLet++;
        return true;
    }

    // Where events are counted: those of the lane one by one only where some got through, for each is a summary.
    private Entry Holder(in EventKey key, Entry entry, long now) =>
        key.Rootless && entry is { Let: 0, Held: 0 } ? Find(LaneOf(key), now) : entry;

    private Entry Make(EventKey key, long now)
    {
        var full = _entries.Count >= _keys;
        if (key.Rootless ? full || _laneKeys >= _keys / LanesInAll || !HasLane(now) : full)
        {
            key = key.Rootless ? LaneOf(key) : new(key.Info, 0, OverflowReason);
            if (_entries.TryGetValue(key, out var shared))
                return shared;
        }
        var entry = _free.Count > 0 ? _free.Pop() : new Entry();
        _entries.Add(key, entry);
        _laneKeys += key.Rootless ? 1 : 0;
        return entry;
    }

    // A dictionary may lose entries while it is enumerated, since .NET Core 3.0.
    private void Forget(in EventKey key, Entry entry)
    {
        _entries.Remove(key);
        _laneKeys -= key.Rootless ? 1 : 0;
        entry.Last = null;
        entry.Let = 0;
        entry.WindowEnd = long.MinValue;
        _free.Push(entry);
    }

    private NetworkEvent Summary(in EventKey key, Entry entry)
    {
        var now = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
        if (entry.Last is { } last && key.Reason is not (OverflowReason or LaneReason))
        {
            return last with
            {
                Time = Math.Max(last.Time, entry.LastHeld),
                ObservedTime = now,
                Message = $"{last.Message} ({entry.Held} more held back)",
                HeldBack = entry.Held,
                IsSummary = true,
                // Many happenings have no common beginning.
                Start = null,
                Stations = [],
                Measured = null,
                Trace = null,
            };
        }
        // Nothing to repeat: none was let through, or those held back are of many namespaces.
        return new NetworkEvent
        {
            Info = key.Info,
            Time = entry.LastHeld > 0 ? entry.LastHeld : now,
            ObservedTime = now,
            Message = $"{entry.Held} held back",
            HeldBack = entry.Held,
            IsSummary = true,
            Rootless = key.Rootless,
        };
    }

    private sealed class Entry
    {
        /// <summary>In ticks of the clock.</summary>
        public long WindowEnd { get; set; } = long.MinValue;

        /// <summary>Let through in this window.</summary>
        public int Let { get; set; }

        /// <summary>Held back and not reported yet.</summary>
        public long Held { get; set; }

        /// <summary>When the last one that was held back happened, Unix nanoseconds; 0 where nobody said.</summary>
        public long LastHeld { get; set; }

        public NetworkEvent? Last { get; set; }
    }
}
