namespace Collector.Worker.Agent;

/// <summary>Adds what takes a changed configuration over.</summary>
internal static class ReloadServices
{
    /// <summary>The reloader, and each part of the agent that can change, in the order in which they do.</summary>
    public static void AddReload(this IServiceCollection services, ConfigurationFileState file)
    {
        services.AddSingleton(file);
        services.AddSingleton(new ReloadStatus(TimeProvider.System));
        // The log first, so that the lines of the others have the new level; the listener last: it may be refused.
        services.AddSingleton<IReloadedSection, LoggingSection>();
        services.AddSingleton<IReloadedSection, InspectorSection>();
        services.AddSingleton<IReloadedSection, TelemetrySection>();
        services.AddSingleton<IReloadedSection, OtlpSection>();
        services.AddSingleton<IReloadedSection, EventsSection>();
        services.AddSingleton<IReloadedSection, CollectionSection>();
        services.AddSingleton<IReloadedSection, RecorderSection>();
        services.AddSingleton<IReloadedSection, NodeNameSection>();
        services.AddSingleton<IReloadedSection, HttpSection>();
        services.AddSingleton<ConfigurationApplier>();
        services.AddHostedService<Reloader>();
    }
}
