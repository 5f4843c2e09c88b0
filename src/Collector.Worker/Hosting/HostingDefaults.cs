namespace Collector.Worker.Hosting;

/// <summary>How the host starts and stops.</summary>
public static class HostingDefaults
{
    /// <summary>
    /// For all services together: with the runtime's own end that keeps SIGTERM under two seconds, last flush included.
    /// </summary>
    public static readonly TimeSpan ShutdownTimeout = TimeSpan.FromMilliseconds(1500);

    /// <summary>
    /// Services stop side by side within <see cref="ShutdownTimeout"/>; no chatter of the console lifetime.
    /// </summary>
    public static IServiceCollection AddHostingDefaults(this IServiceCollection services)
    {
        services.Configure<HostOptions>(o =>
        {
            o.ShutdownTimeout = ShutdownTimeout;
            o.ServicesStopConcurrently = true;
        });
        services.Configure<ConsoleLifetimeOptions>(o => o.SuppressStatusMessages = true);
        return services;
    }
}
