using Collector.Core.Events;

namespace Collector.Worker.Events.Outlets;

/// <summary>Where events leave. Used by one thread, which it may hold up for as long as it takes.</summary>
internal interface IEventOutlet : IDisposable
{
    /// <summary>One word for self-metrics and the log.</summary>
    string Name { get; }

    /// <summary>False for what it has no form for: that is not offered to it, and not counted.</summary>
    bool Takes(NetworkEvent e) => true;

    /// <summary>
    /// Hands events on. An empty batch, which comes first, only opens what has to be open, so that a fault shows at the
    /// start.
    /// </summary>
    /// <param name="batch">In the order in which they were published.</param>
    /// <param name="stop">Ends waiting and trying again: the agent stops.</param>
    /// <returns>How many have arrived; the others are lost.</returns>
    int Write(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop);

    /// <summary>Comes after the last batch, where there is time: delivers what the outlet itself holds back.</summary>
    void Finish(CancellationToken stop)
    {
    }
}
