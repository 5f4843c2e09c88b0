using System.Runtime.InteropServices;
using Collector.Linux.Interop;

namespace Collector.Worker.Hosting;

/// <summary>
/// What the agent is told from outside, from its first line on: a signal that comes before the host is built, or while
/// it stops, must neither be lost nor end the process in its own way.
/// </summary>
internal static class Signals
{
    /// <summary>
    /// A stop that takes longer is ended: something hangs, and what kills next is not kind (the unit's
    /// TimeoutStopSec).
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(8);

    private static readonly CancellationTokenSource Stopping = new();
    private static readonly List<PosixSignalRegistration> Taken = [];
    private static readonly SemaphoreSlim Hangups = new(0);
    private static readonly SemaphoreSlim Users = new(0);
    private static Timer? s_deadline;

    /// <summary>Fires with the first SIGTERM, SIGINT or SIGQUIT.</summary>
    public static CancellationToken Stop => Stopping.Token;

    /// <summary>Which one it was; null while there was none.</summary>
    public static string? StoppedBy { get; private set; }

    /// <summary>The first thing that the agent does. Commands end as any program does.</summary>
    public static void TakeOver()
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT])
            Taken.Add(PosixSignalRegistration.Create(signal, OnStop));
        // SIGHUP is no word of Windows: there it says that the console is closed.
        if (!OperatingSystem.IsWindows())
            Taken.Add(PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnHangup));
        if (OperatingSystem.IsLinux())
        {
            Taken.Add(PosixSignalRegistration.Create((PosixSignal)BlockedSignals.User, OnUser));
            BlockedSignals.Unblock();
        }
    }

    /// <summary>Waits for a SIGHUP; those that came since the last one was waited for are one.</summary>
    public static Task HangupAsync(CancellationToken cancellation) => OneOfAsync(Hangups, cancellation);

    /// <summary>The same for SIGUSR1.</summary>
    public static Task UserAsync(CancellationToken cancellation) => OneOfAsync(Users, cancellation);

    private static async Task OneOfAsync(SemaphoreSlim signals, CancellationToken cancellation)
    {
        await signals.WaitAsync(cancellation);
        while (signals.Wait(0, CancellationToken.None))
        {
        }
    }

    private static void OnStop(PosixSignalContext context)
    {
        context.Cancel = true;
        if (StoppedBy is not null)
            return;
        StoppedBy = context.Signal.ToString();
        s_deadline = new Timer(static _ => Environment.Exit(ExitCodes.Ok), null, Patience, Timeout.InfiniteTimeSpan);
        Stopping.Cancel();
    }

    private static void OnHangup(PosixSignalContext context)
    {
        context.Cancel = true;
        Hangups.Release();
    }

    private static void OnUser(PosixSignalContext context)
    {
        context.Cancel = true;
        Users.Release();
    }
}
