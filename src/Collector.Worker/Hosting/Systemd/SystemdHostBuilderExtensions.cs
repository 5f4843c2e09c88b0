using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Collector.Worker.Hosting.Systemd;

/// <summary>
/// The members of Microsoft.Extensions.Hosting.Systemd that we need, under the same names: the package itself is not
/// among our dependencies.
/// </summary>
public static class SystemdHostBuilderExtensions
{
    /// <inheritdoc cref="AddSystemd"/>
    public static IHostBuilder UseSystemd(
        this IHostBuilder builder, Func<IServiceProvider, Func<bool>>? healthy = null) =>
        builder.ConfigureServices((_, services) => services.AddSystemd(healthy));

    /// <summary>
    /// Adds <see cref="ISystemdNotifier"/> always, and with a service manager that listens (NOTIFY_SOCKET) the lifetime
    /// that reports to it and the watchdog. Elsewhere the host keeps its console lifetime.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="healthy">Makes the watchdog's question; without it the process alone is proof enough.</param>
    public static IServiceCollection AddSystemd(
        this IServiceCollection services, Func<IServiceProvider, Func<bool>>? healthy = null) =>
        services.AddSystemd(Environment.GetEnvironmentVariable, healthy);

    internal static IServiceCollection AddSystemd(
        this IServiceCollection services, Func<string, string?> env, Func<IServiceProvider, Func<bool>>? healthy)
    {
        var socket = env(SystemdNotifier.SocketVariable);
        services.TryAddSingleton<ISystemdNotifier>(
            provider => new SystemdNotifier(socket, provider.GetRequiredService<ILogger<SystemdNotifier>>()));
        if (string.IsNullOrEmpty(socket))
            return services;
        services.AddSingleton<IHostLifetime, SystemdLifetime>();
        services.AddHostedService(provider => new SystemdWatchdog(
            provider.GetRequiredService<ISystemdNotifier>(),
            healthy?.Invoke(provider) ?? (static () => true),
            SystemdWatchdog.Timeout(env),
            provider.GetRequiredService<ILogger<SystemdWatchdog>>()));
        return services;
    }
}
