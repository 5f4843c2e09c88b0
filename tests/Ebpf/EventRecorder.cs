using Collector.Core.Events;

namespace Ebpf.Tests;

/// <summary>Keeps every event, without a limit.</summary>
internal sealed class EventRecorder : IEventSink
{
    private readonly List<NetworkEvent> _events = [];
    private readonly Dictionary<EventKey, long> _held = [];

    private readonly ManualResetEventSlim _go = new(initialState: true);

    public bool Admit(in EventKey key, long time)
    {
        _go.Wait();
        return true;
    }

    /// <summary>Whoever reads the kernel's buffer waits from now on.</summary>
    public void Hold() => _go.Reset();

    public void Go() => _go.Set();

    public void Publish(in EventKey key, NetworkEvent e)
    {
        lock (_events)
            _events.Add(e);
    }

    public void HeldBack(in EventKey key, long count)
    {
        lock (_events)
            _held[key] = _held.GetValueOrDefault(key) + count;
    }

    /// <summary>Events so far, in the order of their arrival.</summary>
    public NetworkEvent[] All
    {
        get
        {
            lock (_events)
                return [.. _events];
        }
    }

    /// <summary>Events that the kernel side held back.</summary>
    public long Held
    {
        get
        {
            lock (_events)
                return _held.Values.Sum();
        }
    }

    /// <summary>The same of one namespace.</summary>
    public long HeldOf(ulong inode)
    {
        lock (_events)
            return _held.Where(h => h.Key.Netns == inode).Sum(h => h.Value);
    }

    /// <summary>The same of one kind.</summary>
    public long HeldOf(ulong inode, EventInfo info)
    {
        lock (_events)
            return _held.Where(h => h.Key.Netns == inode && h.Key.Info == info).Sum(h => h.Value);
    }

    /// <summary>Waits until an event is there: the kernel hands it over at its own time.</summary>
    public NetworkEvent Await(Func<NetworkEvent, bool> match, int seconds = 30)
    {
        for (var i = 0; i < seconds * 50; i++)
        {
            if (Array.Find(All, e => match(e)) is { } found)
                return found;
            Thread.Sleep(20);
        }
        throw new TimeoutException(
            $"no such event; there were {All.Length}: {string.Join("; ", All.Take(20).Select(e => e.Message))}");
    }
}
