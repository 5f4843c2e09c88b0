using System.Globalization;
using Collector.Worker.Logging;
using Microsoft.Extensions.Hosting.Systemd;

namespace Collector.Worker.Hosting.Systemd;

/// <summary>
/// Feeds the manager's watchdog while the service is healthy. When it is not fed for WatchdogSec the manager kills and
/// restarts the service, which is the point: a loop that hangs does not come back by itself.
/// </summary>
internal sealed partial class SystemdWatchdog(
    ISystemdNotifier notifier, Func<bool> healthy, TimeSpan limit, ILogger<SystemdWatchdog> logger)
    : BackgroundService
{
    private bool _fed = true;

    /// <summary>What the manager waits for at most; null when it does not, or not for this process.</summary>
    public static TimeSpan? Timeout(Func<string, string?> env)
    {
        // WATCHDOG_PID names the process that is meant (sd_watchdog_enabled(3)); it is left out in older versions.
        if (env("WATCHDOG_PID") is { Length: > 0 } pid
            && pid != Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            return null;
        return ulong.TryParse(env("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out var usec)
            && usec is > 0 and <= long.MaxValue / TimeSpan.TicksPerMicrosecond
            ? TimeSpan.FromTicks((long)usec * TimeSpan.TicksPerMicrosecond)
            : null;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Half of the limit is what sd_watchdog_enabled(3) recommends; a timer takes no less than a millisecond and no
        // more than 49 days.
        var half = TimeSpan.FromMilliseconds(Math.Clamp(limit.TotalMilliseconds / 2, 1, int.MaxValue));
        using var timer = new PeriodicTimer(half);
        try
        {
            do
                Feed();
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // Stopping: the manager's own stop timeout counts from here.
        }
    }

    private void Feed()
    {
        var alive = IsHealthy();
        if (alive)
            notifier.Notify(ServiceState.Watchdog);
        else if (_fed)
            LogHungry(logger);
        _fed = alive;
    }

    private bool IsHealthy()
    {
        try
        {
            return healthy();
        }
        catch (Exception e)
        {
            LogCheckFailed(logger, e);
            return false;
        }
    }

    [LoggerMessage(EventId = LogEvents.WatchdogNotFed, Level = LogLevel.Error,
        Message = "The collection does not come round any more: the watchdog is not fed until it does")]
    private static partial void LogHungry(ILogger logger);

    [LoggerMessage(EventId = LogEvents.HealthCheckFailed, Level = LogLevel.Error,
        Message = "The health check itself failed")]
    private static partial void LogCheckFailed(ILogger logger, Exception exception);
}
