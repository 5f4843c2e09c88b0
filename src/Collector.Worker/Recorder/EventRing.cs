using Collector.Core.Events;

namespace Collector.Worker.Recorder;

/// <summary>An event and its place among all that there were.</summary>
/// <param name="Number">From 1, given once while the agent runs.</param>
/// <param name="Event">The event.</param>
public readonly record struct NumberedEvent(ulong Number, NetworkEvent Event);

/// <summary>A reader's place in the ring.</summary>
/// <param name="Behind">Number of the event that it is behind.</param>
/// <param name="Due">How many it was to get yet when it read last.</param>
/// <param name="Seen">Number of the newest event then.</param>
internal readonly record struct EventPlace(ulong Behind, ulong Due, ulong Seen);

/// <summary>
/// The newest events, for whoever asks. Readers are places in it and have no queue: one that is slow costs nothing and
/// is overtaken. Of namespaces that any user can make it keeps a quarter at most: those push out each other. Safe to
/// use from several threads.
/// </summary>
public sealed class EventRing
{
    private readonly Lock _lock = new();
    private NumberedEvents _ofRoot = new(0);
    private NumberedEvents _rootless = new(0);
    private int _recent;
    private ulong _last;
    private int _opened;
    private bool _isOpen;
    private TaskCompletionSource? _news;

    /// <summary>Whose the numbers are: another ring, of another run of the agent, gives the same ones.</summary>
    public string Run { get; } = Guid.NewGuid().ToString("N");

    /// <summary>False while nothing is kept.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_lock)
                return _isOpen;
        }
    }

    /// <summary>Number of the newest event; 0 before the first.</summary>
    public ulong Last
    {
        get
        {
            lock (_lock)
                return _last;
        }
    }

    /// <summary>Who reads it.</summary>
    public EventReaders Readers { get; } = new();

    private int Count => _ofRoot.Count + _rootless.Count;

    /// <summary>Keeps so many from now on; of those that it has, the newest stay.</summary>
    /// <returns>What <see cref="Close"/> takes.</returns>
    public int Open(int recent)
    {
        lock (_lock)
        {
            var kept = new NumberedEvent[Count];
            Copy(0, kept);
            Make(recent);
            foreach (var e in kept)
                Keep(e);
            _isOpen = true;
            return ++_opened;
        }
    }

    /// <summary>Forgets everything and ends all readers, unless it was opened again since.</summary>
    /// <param name="opened">By whom it was opened.</param>
    public void Close(int opened)
    {
        TaskCompletionSource? news;
        lock (_lock)
        {
            if (opened != _opened)
                return;
            Make(0);
            _isOpen = false;
            (news, _news) = (_news, null);
        }
        news?.SetResult();
    }

    /// <summary>Takes events as the newest, and wakes those who wait for them.</summary>
    public void Append(ReadOnlySpan<NetworkEvent> events)
    {
        TaskCompletionSource? news;
        lock (_lock)
        {
            if (events.IsEmpty || !_isOpen)
                return;
            foreach (var e in events)
                Keep(new(++_last, e));
            (news, _news) = (_news, null);
        }
        news?.SetResult();
    }

    /// <summary>
    /// Where a reader begins: behind the event of that number, or behind the newest without one. 0, and a number
    /// that was not given yet, which must be of an agent before this one, begin with the oldest that is kept.
    /// </summary>
    public EventCursor Begin(ulong? after)
    {
        lock (_lock)
        {
            var number = after ?? _last;
            return new(this, number is 0 || number > _last
                ? new(Math.Min(Math.Min(_ofRoot.Oldest, _rootless.Oldest) - 1, _last), (ulong)Count, _last)
                : new(number, _last - number, _last));
        }
    }

    /// <summary>Copies what follows a place, which moves on; over what is gone it jumps.</summary>
    internal int Read(ref EventPlace place, Span<NumberedEvent> into, out ulong lost)
    {
        lock (_lock)
        {
            var behind = place.Behind;
            var kept = Count - _ofRoot.CountUpTo(behind) - _rootless.CountUpTo(behind);
            lost = place.Due + (_last - place.Seen) - (ulong)kept;
            var count = Copy(behind, into);
            place = new(count < kept ? into[count - 1].Number : _last, (ulong)(kept - count), _last);
            return count;
        }
    }

    /// <summary>Done as soon as there is an event behind that place, or never will be.</summary>
    internal Task NewsAsync(ulong position)
    {
        lock (_lock)
        {
            if (_last > position || !_isOpen)
                return Task.CompletedTask;
            _news ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return _news.Task;
        }
    }

    private void Make(int recent)
    {
        _recent = recent;
        _ofRoot = new(recent);
        _rootless = new((recent + 3) / 4);
    }

    private void Keep(NumberedEvent e)
    {
        var its = e.Event.Rootless ? _rootless : _ofRoot;
        if (its.IsFull)
            its.RemoveOldest();
        else if (Count == _recent)
            (_ofRoot.Oldest < _rootless.Oldest ? _ofRoot : _rootless).RemoveOldest();
        its.Add(e);
    }

    // Both in one order.
    private int Copy(ulong behind, Span<NumberedEvent> into)
    {
        var (a, b) = (_ofRoot.CountUpTo(behind), _rootless.CountUpTo(behind));
        var count = 0;
        for (; count < into.Length && a + b < Count; count++)
        {
            into[count] = b == _rootless.Count || (a < _ofRoot.Count && _ofRoot[a].Number < _rootless[b].Number)
                ? _ofRoot[a++]
                : _rootless[b++];
        }
        return count;
    }
}
