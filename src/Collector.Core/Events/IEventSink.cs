namespace Collector.Core.Events;

/// <summary>What the limiter counts together.</summary>
/// <param name="Info">Kind.</param>
/// <param name="Netns">Inode of the network namespace; 0 where the kernel could not tell.</param>
/// <param name="Reason">What else tells like events apart: a drop reason, a vector, a state.</param>
/// <param name="Rootless">Any user can make such namespaces: all of them have one share of what is bounded.</param>
public readonly record struct EventKey(EventInfo Info, ulong Netns, long Reason, bool Rootless = false);

/// <summary>
/// Takes events from probes. Never blocks and never throws; what cannot be taken is counted. Called from several
/// threads. In steady state only <see cref="Publish"/> allocates.
/// </summary>
public interface IEventSink
{
    /// <summary>
    /// Asks before an event is built: true lets it through; false counted it as held back.
    /// </summary>
    /// <param name="key">What it is.</param>
    /// <param name="time">When it happened, Unix nanoseconds.</param>
    bool Admit(in EventKey key, long time);

    /// <summary>Takes an event that <see cref="Admit"/> let through.</summary>
    void Publish(in EventKey key, NetworkEvent e);

    /// <summary>Notes events of this key that the kernel side held back itself.</summary>
    void HeldBack(in EventKey key, long count);
}

/// <summary>Takes nothing: for runs without event outlets.</summary>
public sealed class NoEvents : IEventSink
{
    public static NoEvents Instance { get; } = new();

    private NoEvents()
    {
    }

    public bool Admit(in EventKey key, long time) => false;

    public void Publish(in EventKey key, NetworkEvent e)
    {
    }

    public void HeldBack(in EventKey key, long count)
    {
    }
}
