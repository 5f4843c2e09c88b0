using Collector.Core.Events;
using Collector.Worker.Events.Outlets;

namespace Collector.Worker.Events;

/// <summary>Makes the event outlets that the configuration asks for.</summary>
internal static class EventServices
{
    /// <summary>
    /// Adds <see cref="IEventSink"/>: the hub, or where no outlet would get them, the one that takes no events.
    /// </summary>
    public static void AddEvents(this IServiceCollection services, OutletSettings settings)
    {
        services.AddSingleton(settings.Ring);
        var kinds = AllOutlets.Asked(settings).ToArray();
        if (kinds.Length == 0)
        {
            services.AddSingleton<IEventSink>(NoEvents.Instance);
            return;
        }
        services.AddSingleton(provider =>
        {
            var log = provider.GetRequiredService<ILogger<EventHub>>();
            var events = settings.Options.Events;
            var limiter = new EventLimiter(events.Burst, events.Window, TimeProvider.System);
            return new EventHub(
                limiter, kinds.Select(k => k.Make(settings, log)), events.Queue, TimeProvider.System, log);
        });
        services.AddSingleton<IEventSink>(provider => provider.GetRequiredService<EventHub>());
        services.AddHostedService(provider => provider.GetRequiredService<EventHub>());
    }
}
