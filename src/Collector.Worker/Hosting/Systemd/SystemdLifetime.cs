using System.Runtime.InteropServices;

namespace Collector.Worker.Hosting.Systemd;

/// <summary>
/// The host's life as the service manager sees it: READY=1 when everything has started, SIGTERM (and SIGINT, for
/// systemd-run on a terminal) stops, STOPPING=1 when that begins.
/// </summary>
public sealed class SystemdLifetime(IHostApplicationLifetime application, ISystemdNotifier notifier)
    : IHostLifetime, IDisposable
{
    private readonly List<IDisposable> _registrations = [];

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        _registrations.Add(application.ApplicationStarted.Register(() => notifier.Notify(ServiceState.Ready)));
        _registrations.Add(application.ApplicationStopping.Register(() => notifier.Notify(ServiceState.Stopping)));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _registrations.Clear();
    }

    private void Stop(PosixSignalContext signal)
    {
        // Without this the runtime would end the process before the last flush.
        signal.Cancel = true;
        application.StopApplication();
    }
}
