using static Tmds.Linux.LibC;

namespace Collector.Linux.Interop;

/// <summary>
/// Signals that whoever starts the program may hold back (<c>env --block-signal</c>): one that comes while the runtime
/// loads then waits, where it would end the process.
/// </summary>
public static class BlockedSignals
{
    /// <summary>Bytes of glibc's sigset_t, of which the kernel reads 8.</summary>
    private const int SetSize = 128;

    /// <summary>The number of SIGUSR1 here.</summary>
    public static int User => SIGUSR1;

    /// <summary>Takes them from now on. Called once there is somebody to hear them.</summary>
    public static unsafe void Unblock()
    {
        var set = stackalloc ulong[SetSize / sizeof(ulong)];
        foreach (var signal in (ReadOnlySpan<int>)[SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1])
            *set |= 1UL << (signal - 1);
        _ = Libc.sigprocmask(Libc.SIG_UNBLOCK, set, null);
    }
}
