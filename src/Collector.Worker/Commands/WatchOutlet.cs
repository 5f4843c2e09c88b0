using System.Text;
using System.Threading.Channels;
using Collector.Core.Events;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Recorder;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary>Hands the hub's events to the command that runs it, as the lines that an agent would send.</summary>
internal sealed class WatchOutlet(string source, EventFilter filter, ChannelWriter<WatchItem> into) : IEventOutlet
{
    private readonly EventJson _json = new();

    public string Name => "watch";

    public int Write(ReadOnlySpan<NetworkEvent> batch, CancellationToken stop)
    {
        var done = 0;
        try
        {
            foreach (var e in batch)
            {
                if (filter.Matches(e) && WatchLine.Parse(Encoding.UTF8.GetString(_json.Write([e]))[..^1]) is { } line)
                    into.WriteAsync(new WatchedEvent(source, line), stop).AsTask().GetAwaiter().GetResult();
                done++;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ChannelClosedException)
        {
            // Nobody looks any more: the rest counts as lost.
        }
        return done;
    }

    public void Dispose() => _json.Dispose();
}
