namespace Collector.Worker.Hosting.Windows;

/// <summary>
/// The life of a Windows service as its manager is told it: start pending, running, stop pending, stopped. Thread-safe:
/// the manager calls on threads of its own.
/// </summary>
internal sealed class ServiceSession(string name, IServiceControl control)
{
    // Loading takes a second or two; a machine that has just started has other things to do as well.
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopLimit = HostingDefaults.ShutdownTimeout + TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ServiceStatus _status = new(ServiceRunState.StartPending) { WaitHint = StartLimit };
    private Thread? _thread;
    private Action? _stop;

    /// <summary>Meets the manager; done when it has called.</summary>
    /// <param name="stop">What a command to stop does. It must not wait.</param>
    public Task ConnectAsync(Action? stop = null)
    {
        lock (_lock)
        {
            _stop = stop;
            if (_thread is null)
            {
                _thread = new Thread(Dispatch) { IsBackground = true, Name = "service-control" };
                _thread.Start();
            }
        }
        return _started.Task;
    }

    /// <summary>Everything has started.</summary>
    public void Running() => Tell(new(ServiceRunState.Running));

    /// <summary>The end begins.</summary>
    public void Stopping() => Tell(new(ServiceRunState.StopPending) { WaitHint = StopLimit });

    /// <summary>The last word: the manager may end the process from here on.</summary>
    public void Stopped(int exitCode) => Tell(new(ServiceRunState.Stopped) { ExitCode = exitCode });

    private void Dispatch()
    {
        try
        {
            control.Dispatch(name, OnMain, OnCommand);
        }
        catch (InvalidOperationException e)
        {
            _started.TrySetException(e);
        }
    }

    private void OnMain()
    {
        lock (_lock)
            control.SetStatus(_status);
        _started.TrySetResult();
    }

    private bool OnCommand(ServiceCommand command)
    {
        switch (command)
        {
            case ServiceCommand.Stop or ServiceCommand.Shutdown:
                Stopping();
                _stop?.Invoke();
                return true;
            case ServiceCommand.Interrogate:
                lock (_lock)
                    control.SetStatus(_status);
                return true;
            default:
                return false;
        }
    }

    // Only onwards: an agent that is told to stop while it starts does not run after that.
    private void Tell(ServiceStatus status)
    {
        lock (_lock)
        {
            if (Order(status.State) <= Order(_status.State))
                return;
            _status = status;
            control.SetStatus(status);
        }
    }

    private static int Order(ServiceRunState state) => state switch
    {
        ServiceRunState.StartPending => 0,
        ServiceRunState.Running => 1,
        ServiceRunState.StopPending => 2,
        _ => 3,
    };
}
