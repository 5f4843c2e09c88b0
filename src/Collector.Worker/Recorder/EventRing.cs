using Collector.Core.Events;

namespace Collector.Worker.Recorder;

/// <summary>An event and its place among all that there were.</summary>
/// <param name="Number">From 1, given once while the agent runs.</param>
/// <param name="Event">The event.</param>
public readonly record struct NumberedEvent(ulong Number, NetworkEvent Event);

/// <summary>
/// The newest events, for whoever asks. Readers are places in it and have no queue: one that is slow costs nothing and
/// is overtaken. Safe to use from several threads.
/// </summary>
public sealed class EventRing
{
    private readonly Lock _lock = new();
    private NetworkEvent[] _kept = [];
    private ulong _last;
    private int _count;
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

    /// <summary>Keeps so many from now on; of those that it has, the newest stay.</summary>
    /// <returns>What <see cref="Close"/> takes.</returns>
    public int Open(int recent)
    {
        lock (_lock)
        {
            var kept = new NetworkEvent[recent];
            var count = Math.Min(_count, recent);
            for (var number = _last - (ulong)count + 1; number <= _last; number++)
                kept[Place(number, recent)] = _kept[Place(number, _kept.Length)];
            (_kept, _count, _isOpen) = (kept, count, true);
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
            (_kept, _count, _isOpen) = ([], 0, false);
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
                _kept[Place(++_last, _kept.Length)] = e;
            _count = Math.Min(_count + events.Length, _kept.Length);
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
            var oldest = _last - (ulong)_count;
            return new(this, after switch
            {
                null => _last,
                0 => oldest,
                { } number => number > _last ? oldest : number,
            });
        }
    }

    /// <summary>Copies what follows a place, which moves on; over what is gone it jumps.</summary>
    internal int Read(ref ulong position, Span<NumberedEvent> into, out ulong lost)
    {
        lock (_lock)
        {
            var oldest = _last - (ulong)_count;
            lost = position < oldest ? oldest - position : 0;
            position += lost;
            var count = (int)Math.Min(_last - position, (ulong)into.Length);
            for (var i = 0; i < count; i++)
            {
                position++;
                into[i] = new(position, _kept[Place(position, _kept.Length)]);
            }
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

    private static int Place(ulong number, int length) => (int)(number % (ulong)length);
}
