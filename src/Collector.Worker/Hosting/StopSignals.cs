using System.Runtime.InteropServices;

namespace Collector.Worker.Hosting;

/// <summary>
/// What ends a command that goes on until it is told: the first signal asks for an end in good order, the second ends
/// the process as it would have been without this.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<PosixSignalRegistration> _taken = [];

    public StopSignals()
    {
        foreach (var signal in (PosixSignal[])
            [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT, PosixSignal.SIGHUP])
            _taken.Add(PosixSignalRegistration.Create(signal, OnSignal));
    }

    public CancellationToken Token => _stop.Token;

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = !_stop.IsCancellationRequested;
        _stop.Cancel();
    }

    public void Dispose()
    {
        foreach (var registration in _taken)
            registration.Dispose();
        _stop.Dispose();
    }
}
