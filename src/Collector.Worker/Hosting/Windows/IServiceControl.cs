namespace Collector.Worker.Hosting.Windows;

/// <summary>
/// What the Windows service control manager is told of a service: SERVICE_STATUS, as far as it varies.
/// </summary>
internal readonly record struct ServiceStatus(ServiceRunState State)
{
    /// <summary>0, or one of <see cref="ExitCodes"/> in a service that stopped.</summary>
    public int ExitCode { get; init; }

    /// <summary>How long the manager is to wait for the next state; zero in a lasting one.</summary>
    public TimeSpan WaitHint { get; init; }
}

/// <summary>Values of winsvc.h.</summary>
internal enum ServiceRunState
{
    Stopped = 1,
    StartPending = 2,
    StopPending = 3,
    Running = 4,
}

/// <summary>What the manager asks of a service; values of winsvc.h.</summary>
internal enum ServiceCommand
{
    Stop = 1,
    Interrogate = 4,
    Shutdown = 5,
}

/// <summary>The Windows service control manager, as a service of a process of its own speaks with it.</summary>
internal interface IServiceControl
{
    /// <summary>Connects the process with the manager; comes back when its service has stopped.</summary>
    /// <param name="name">The service.</param>
    /// <param name="main">Called once, when the service is to start.</param>
    /// <param name="command">Called for each command; returns false for one that the service does not know.</param>
    /// <exception cref="InvalidOperationException">The manager did not start this process.</exception>
    void Dispatch(string name, Action main, Func<ServiceCommand, bool> command);

    /// <summary>Tells a state. Never throws: a manager that is gone is not the service's fault.</summary>
    void SetStatus(ServiceStatus status);
}
