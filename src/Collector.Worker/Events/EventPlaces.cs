using Collector.Worker.Events.Outlets;

namespace Collector.Worker.Events;

/// <summary>Says at the start where events go: that they go nowhere, nobody would notice.</summary>
internal sealed class EventPlaces(string where, ILogger log) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        EventLog.Go(log, where);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
