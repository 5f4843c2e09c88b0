using Collector.Core.Events;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Pods;

/// <summary>
/// Names the pods that an event mentions beside its namespace's: the one whose process ran, and those at both ends of
/// the packet. Belongs to the thread that resolves events: it reads files.
/// </summary>
internal sealed class EventOwners(KernelPaths paths, SubjectNamer namer, CgroupIds cgroups) : IDisposable
{
    private readonly byte[] _cgroup = new byte[8 * 1024];
    private ProcFolder? _proc;

    /// <summary>The event with the pods' names; itself where no pod is concerned.</summary>
    public NetworkEvent Complete(NetworkEvent e)
    {
        if (!namer.KnowsPods)
            return e;
        if (e.Process is { Pid: > 0 } process && OfProcess(process, e.Time) is { } pod)
            e = e with { Process = process with { Pod = pod } };
        if (e.Tuple is not { } tuple)
            return e;
        var (source, destination) = (namer.PodAt(tuple.Source), namer.PodAt(tuple.Destination));
        return source is null && destination is null
            ? e
            : e with { Tuple = tuple with { SourcePod = source, DestinationPod = destination } };
    }

    // By its cgroup, so any process of any container: the one that the kernel told with the event, else the one that it
    // is in now. One that began after the event has an id that was used again.
    private string? OfProcess(EventProcess process, long time)
    {
        if (cgroups.PodUidOf(process.Cgroup) is { } told)
            return namer.PodOf(told);
        var pid = process.Pid;
        try
        {
            _proc ??= new ProcFolder(paths);
        }
        catch (LinuxException)
        {
            return null; // No /proc: fd and io say so.
        }
        var n = _proc.Read(pid, "/cgroup\0"u8, _cgroup, out _);
        return n > 0
            && CgroupPath.ParseFile(_cgroup.AsSpan(0, n)).PodUidText is { } uid
            && ProcessStat.TryRead(_proc, pid, out var stat, out _)
            && stat.StartTicks <= KernelClock.BootTicks(time) + 1
                ? namer.PodOf(uid)
                : null;
    }

    public void Dispose()
    {
        _proc?.Dispose();
        cgroups.Dispose();
    }
}
