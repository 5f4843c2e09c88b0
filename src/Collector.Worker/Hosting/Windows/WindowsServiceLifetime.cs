namespace Collector.Worker.Hosting.Windows;

/// <summary>
/// The host's life as the Windows service control manager sees it: running when everything has started, a command to
/// stop (or the machine's shutdown) stops. That it has stopped is told at the very end, with the exit code
/// (<see cref="WindowsServiceHelpers.ReportEndAsync"/>).
/// </summary>
internal sealed class WindowsServiceLifetime(IHostApplicationLifetime application, ServiceSession session)
    : IHostLifetime, IDisposable
{
    private readonly List<IDisposable> _registrations = [];

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        _registrations.Add(application.ApplicationStarted.Register(session.Running));
        _registrations.Add(application.ApplicationStopping.Register(session.Stopping));
        return session.ConnectAsync(application.StopApplication).WaitAsync(cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _registrations.Clear();
    }
}
