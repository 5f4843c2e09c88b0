using System.Diagnostics;
using Collector.Linux.Interop;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Namespaces;

/// <summary>
/// What the collection thread does between two collections: it waits, and lets go of namespaces whose last user is
/// gone. While the agent holds one, its devices and addresses live on, so that is not left to the next collection.
/// </summary>
/// <remarks>
/// The kernel tells of mounts (poll on mountinfo). Processes that are the only users of a namespace are looked at
/// twice a second with a readlink each, which also notices those that leave it and live on; a node whose namespaces
/// all have mounts, as those of pods have, is never woken.
/// </remarks>
internal sealed unsafe class NamespaceVigil : IDisposable
{
    /// <summary>Between two looks at processes that are the only users of a namespace.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(400);

    /// <summary>Mounts seldom change alone: a pod's end is several of them, the end of many pods hundreds.</summary>
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// A look waits for this many times what the last one took: a user who makes and ends namespaces beside thousands
    /// of processes gets a twentieth of one processor at most.
    /// </summary>
    private const int LeastShare = 20;

    private readonly NamespaceRegistry _registry;
    private readonly MountWatcher _mounts;
    private readonly SafeFd _wake;
    private TimeSpan _cost;

    /// <exception cref="LinuxException">There is no descriptor left.</exception>
    public NamespaceVigil(NamespaceRegistry registry, MountWatcher mounts)
    {
        _registry = registry;
        _mounts = mounts;
        var fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        _wake = fd >= 0 ? new SafeFd(fd) : throw LinuxException.Last("eventfd");
    }

    /// <summary>Times that it woke since the start.</summary>
    public long Looks { get; private set; }

    /// <summary>Waits for this long, or until stopped.</summary>
    public void Keep(TimeSpan time, CancellationToken stop)
    {
        Calm();
        using var registration = stop.UnsafeRegister(static self => ((NamespaceVigil)self!).Wake(), this);
        var start = Stopwatch.GetTimestamp();
        while (!stop.IsCancellationRequested && time - Stopwatch.GetElapsedTime(start) is var left
            && left > TimeSpan.Zero)
        {
            var look = Most(LookEvery, _cost * LeastShare);
            var changed = _mounts.Await(_wake, Milliseconds(_registry.HasMountless ? Least(left, look) : left));
            if (changed && !stop.IsCancellationRequested)
                Wait(Least(time - Stopwatch.GetElapsedTime(start), Most(Gather, _cost * LeastShare)));
            if (stop.IsCancellationRequested)
                return;
            Looks++;
            var began = Stopwatch.GetTimestamp();
            _registry.LetGo();
            _cost = Stopwatch.GetElapsedTime(began);
        }
    }

    private static TimeSpan Most(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static TimeSpan Least(TimeSpan a, TimeSpan b) => a < b ? a : b;

    // Rounded up, so that the end of a wait is not spun for.
    private static int Milliseconds(TimeSpan time) =>
        (int)Math.Clamp(Math.Ceiling(time.TotalMilliseconds), 0, int.MaxValue);

    private void Wait(TimeSpan time)
    {
        var wake = new pollfd { fd = _wake.Value, events = POLLIN };
        _ = Libc.poll(&wake, 1, Milliseconds(time));
    }

    // Who stopped an earlier wait does not stop this one.
    private void Calm()
    {
        ulong count;
        read(_wake.Value, &count, sizeof(ulong));
    }

    private void Wake()
    {
        var one = 1UL;
        write(_wake.Value, &one, sizeof(ulong));
    }

    public void Dispose() => _wake.Dispose();
}
