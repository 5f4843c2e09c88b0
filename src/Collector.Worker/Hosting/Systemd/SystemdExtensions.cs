using Microsoft.Extensions.Hosting.Systemd;

namespace Collector.Worker.Hosting.Systemd;

internal static class SystemdExtensions
{
    /// <summary>
    /// Adds <see cref="ISystemdNotifier"/> always, and where somebody listens (NOTIFY_SOCKET) the lifetime that reports
    /// and the watchdog. The package's own condition is that the parent is called systemd: podman, s6, and what else
    /// takes the same messages would be told nothing.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="healthy">Makes the watchdog's question.</param>
    public static IServiceCollection AddSystemdNotify(
        this IServiceCollection services, Func<IServiceProvider, Func<bool>> healthy) =>
        services.AddSystemdNotify(
            new SystemdNotifier(), SystemdWatchdog.Timeout(Environment.GetEnvironmentVariable), healthy);

    internal static IServiceCollection AddSystemdNotify(
        this IServiceCollection services, ISystemdNotifier manager, TimeSpan? watchdog,
        Func<IServiceProvider, Func<bool>> healthy)
    {
        services.AddSingleton<ISystemdNotifier>(
            provider => new BoundedNotifier(manager, provider.GetRequiredService<ILogger<BoundedNotifier>>()));
        if (!manager.IsEnabled)
            return services;
        services.AddSingleton<IHostLifetime, SystemdLifetime>();
        if (watchdog is { } limit)
        {
            services.AddHostedService(provider => new SystemdWatchdog(
                provider.GetRequiredService<ISystemdNotifier>(), healthy(provider), limit,
                provider.GetRequiredService<ILogger<SystemdWatchdog>>()));
        }
        return services;
    }
}
