using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Limits;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Processes;

/// <summary>
/// Decides which processes are looked into. When there are very many, new ones of users are only counted, for as long
/// as they live; those of root and of pods are always looked into, so that nobody's flood hides them.
/// </summary>
internal sealed class ProcessLimit(
    Limit limit, ProcFolder folder, NamespaceRegistry namespaces, ProcessGroups groups)
{
    private readonly byte[] _cgroup = new byte[8 * 1024];
    private int _read;
    private int _leftOut;

    /// <summary>Takes a new process in, or counts it.</summary>
    public Process Take(int pid, ulong inode, in ProcessStat stat)
    {
        var leftOut = !stat.KernelThread && _read >= limit.Most && !IsAlwaysRead(pid);
        if (leftOut)
            _leftOut++;
        else if (!stat.KernelThread)
            _read++;
        return new Process(pid, inode, stat) { LeftOut = leftOut };
    }

    public void Leave(Process process)
    {
        if (process.LeftOut)
            _leftOut--;
        else if (!process.KernelThread)
            _read--;
    }

    /// <summary>Tells how many are left out now.</summary>
    public void Note() => limit.LeftOut = _leftOut;

    private bool IsAlwaysRead(int pid)
    {
        if (folder.UserOf(pid) == 0)
            return true;
        if (namespaces.Find(folder.NetNamespaceOf(pid, out _)) is not { Namespace.Rootless: false } handle)
            return false;
        if (handle != namespaces.Host)
            return true;
        var n = folder.Read(pid, "/cgroup\0"u8, _cgroup, out _);
        return n > 0 && groups.IsKnownPod(CgroupPath.ParseFile(_cgroup.AsSpan(0, n)));
    }
}
