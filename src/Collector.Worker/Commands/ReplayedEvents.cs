using System.Threading.Channels;
using Collector.Worker.Hosting;
using Collector.Worker.Recorder;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary>The events of a recording.</summary>
/// <param name="events">The oldest first.</param>
/// <param name="query">Which are wanted.</param>
/// <param name="end">Unix nanoseconds: none that came later.</param>
internal sealed class ReplayedEvents(IReadOnlyList<NumberedEvent> events, EventQuery query, long end) : IWatchSource
{
    public string Name => "recording";

    public Task<int> RunAsync(ChannelWriter<WatchItem> into, CancellationToken stop)
    {
        using var outlet = new WatchOutlet(Name, query.Filter, into);
        foreach (var (number, e) in events)
        {
            if (number > (query.After ?? 0) && e.Time <= end && !stop.IsCancellationRequested)
                outlet.Write([e], stop);
        }
        return Task.FromResult(ExitCodes.Ok);
    }
}

/// <summary>A clock that stands where a recording ends.</summary>
/// <param name="end">Unix nanoseconds.</param>
internal sealed class RecordedEnd(long end) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(end / 100);
}
