using Collector.Core.Events;
using Collector.Worker.Configuration;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Events;

/// <summary>Makes the event outlets that the configuration asks for.</summary>
internal static class EventServices
{
    /// <summary>
    /// Adds <see cref="IEventSink"/>: the hub, or where no outlet would get them, the one that takes no events.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="options">The configuration's events section.</param>
    /// <param name="logs">Where OTLP log records go.</param>
    /// <param name="resource">Who says it; null where OTLP is off.</param>
    /// <param name="version">Version of the agent.</param>
    public static void AddEvents(
        this IServiceCollection services, EventOptions options, OtlpSignalSettings logs, ResourceAttributes? resource,
        string version)
    {
        var otlp = options.Otlp && logs.Enabled && resource is not null;
        if (!options.Enabled || (!otlp && options.Json.Length == 0))
        {
            services.AddSingleton<IEventSink>(NoEvents.Instance);
            return;
        }
        services.AddSingleton(provider =>
        {
            var log = provider.GetRequiredService<ILogger<EventHub>>();
            var outlets = new List<IEventOutlet>();
            if (otlp)
                outlets.Add(new OtlpEventOutlet(logs, resource!, version, log));
            if (options.Json.Length > 0)
                outlets.Add(JsonEventOutlet.Create(options.Json, log));
            var limiter = new EventLimiter(options.Burst, options.Window, TimeProvider.System);
            return new EventHub(limiter, outlets, options.Queue, TimeProvider.System, log);
        });
        services.AddSingleton<IEventSink>(provider => provider.GetRequiredService<EventHub>());
        services.AddHostedService(provider => provider.GetRequiredService<EventHub>());
    }
}
