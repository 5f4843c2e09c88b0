using Collector.Worker.Logging;
using Microsoft.Extensions.Hosting.Systemd;

namespace Collector.Worker.Hosting.Systemd;

/// <summary>
/// The package's notifier for a manager that may have gone away or read no more: neither is the service's fault. Does
/// not throw and waits a second at most; says the first failure and counts the others. Thread-safe.
/// </summary>
internal sealed partial class BoundedNotifier(ISystemdNotifier manager, ILogger<BoundedNotifier> log) : ISystemdNotifier
{
    // The manager reads within milliseconds; a queue that stays full must not hold up whoever tells.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    private readonly Lock _lock = new();
    private Thread? _sending;
    private long _errors;

    public bool IsEnabled => manager.IsEnabled;

    /// <summary>States that were not sent, or not in time.</summary>
    public long Errors => Interlocked.Read(ref _errors);

    public void Notify(ServiceState state)
    {
        if (!IsEnabled)
            return;
        lock (_lock)
        {
            // One that still waits keeps the next ones from being sent, so that threads do not pile up.
            if (_sending is null || _sending.Join(Patience))
            {
                // Not of the pool: that may be busy, which is not the manager's fault.
                _sending = new Thread(() => Send(state)) { IsBackground = true, Name = "notify" };
                _sending.Start();
                if (_sending.Join(Patience))
                    return;
            }
        }
        Fail("it does not read");
    }

    // Of an address that is none (too long, neither path nor abstract name) the package tells when it sends.
    private void Send(ServiceState state)
    {
        try
        {
            manager.Notify(state);
        }
        catch (Exception e)
        {
            Fail(e.Message);
        }
    }

    private void Fail(string reason)
    {
        if (Interlocked.Increment(ref _errors) == 1)
            LogFailed(log, reason);
    }

    [LoggerMessage(EventId = LogEvents.NotifyFailed, Level = LogLevel.Warning,
        Message = "The service manager could not be told a state ({Reason}); further failures are only counted")]
    private static partial void LogFailed(ILogger logger, string reason);
}
