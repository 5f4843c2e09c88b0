namespace Collector.Worker.Hosting.Windows;

/// <summary>
/// The members of Microsoft.Extensions.Hosting.WindowsServices that we need, under the same names: the package itself
/// is not among our dependencies.
/// </summary>
public static class WindowsServiceLifetimeHostBuilderExtensions
{
    /// <inheritdoc cref="AddWindowsService"/>
    public static IHostBuilder UseWindowsService(this IHostBuilder builder) =>
        builder.ConfigureServices((_, services) => services.AddWindowsService());

    /// <summary>
    /// In a process that the service control manager started: the lifetime that reports to it, and the log to the
    /// event log. Elsewhere nothing.
    /// </summary>
    public static IServiceCollection AddWindowsService(this IServiceCollection services)
    {
        if (!WindowsServiceHelpers.IsWindowsService())
            return services;
        services.AddLogging(static logging => logging.AddServiceEventLog());
        return services.AddWindowsService(WindowsServiceHelpers.Session);
    }

    internal static IServiceCollection AddWindowsService(this IServiceCollection services, ServiceSession session) =>
        services.AddSingleton<IHostLifetime>(provider => new WindowsServiceLifetime(
            provider.GetRequiredService<IHostApplicationLifetime>(), session));
}
