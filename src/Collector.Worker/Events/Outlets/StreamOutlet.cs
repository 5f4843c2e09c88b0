using Collector.Core.Events;
using Collector.Worker.Recorder;

namespace Collector.Worker.Events.Outlets;

/// <summary>Events for whoever asks the agent: the ring that GET /events reads. It takes all of them at once.</summary>
internal sealed class StreamOutlet(EventRing ring, int recent) : IEventOutlet
{
    private readonly int _opened = ring.Open(recent);

    public string Name => "stream";

    public int Write(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
    {
        ring.Append(batch);
        return batch.Length;
    }

    public void Dispose() => ring.Close(_opened);
}
