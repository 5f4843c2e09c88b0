using Collector.Core.Events;
using Collector.Worker.Events.Outlets;

namespace Collector.Worker.Events;

/// <summary>Makes the event outlets that the configuration asks for.</summary>
internal static class EventServices
{
    /// <summary>Adds the hub, also where no outlet is asked for: one may be later.</summary>
    public static void AddEvents(this IServiceCollection services, OutletSettings settings)
    {
        services.AddSingleton(settings.Ring);
        services.AddSingleton(provider =>
        {
            var log = provider.GetRequiredService<ILogger<EventHub>>();
            var events = settings.Options.Events;
            var limiter = new EventLimiter(events.Burst, events.Window, TimeProvider.System);
            var hub = new EventHub(limiter, [], events.Queue, TimeProvider.System, log);
            hub.Reconfigure(settings, log);
            return hub;
        });
        services.AddSingleton<IEventSink>(provider => provider.GetRequiredService<EventHub>());
        services.AddHostedService(provider => provider.GetRequiredService<EventHub>());
    }
}
