using System.Buffers.Text;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Limits;
using Collector.Linux.Namespaces;
using Collector.Linux.Pods;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Processes;

/// <summary>
/// Every process of the node, looked at once per collection however many probes ask. Costs one walk over /proc; files
/// are read for new processes only, and of the others for one in <see cref="RecheckEvery"/>. What changes in all of
/// them is told by <see cref="TaskPass"/> where the kernel has it.
/// </summary>
/// <remarks>
/// A process is the same as before while its folder has the same inode: the walk itself tells, without a read per
/// process. The kernel gives a new inode to the folder of a new process, or when it had to drop the old one from its
/// cache; then the start time decides (fs/proc/base.c, proc_fill_cache and proc_pid_make_inode).
/// </remarks>
internal sealed class ProcessTable : IDisposable
{
    /// <summary>Collections between two looks at what seldom changes: namespace, cgroup, limits.</summary>
    private const int RecheckEvery = 16;

    /// <summary>
    /// Early looks at a new process, which often enters its namespace and cgroup just after its birth.
    /// </summary>
    private const int EarlyChecks = 3;

    private readonly long _bootTime;
    private readonly NamespaceRegistry _namespaces;
    private readonly Dictionary<int, Process> _byPid = [];
    private readonly List<Process> _live = [];
    private readonly List<Process> _gone = [];
    private readonly ProcessLimit _limit;
    private readonly TaskPass? _pass;
    private readonly byte[] _cgroup = new byte[8 * 1024];
    private long _tick = -1;

    /// <exception cref="LinuxException">/proc cannot be opened.</exception>
    public ProcessTable(
        KernelPaths paths, long bootTime, NamespaceRegistry namespaces, ProcessGroups groups, Limit limit,
        TaskPass? pass = null)
    {
        _pass = pass;
        _bootTime = bootTime;
        _namespaces = namespaces;
        Folder = new ProcFolder(paths);
        Groups = groups;
        _limit = new ProcessLimit(limit, Folder, namespaces, groups);
    }

    public ProcFolder Folder { get; }

    public ProcessGroups Groups { get; }

    /// <summary>Processes seen in this collection, zombies included. The kernel's own threads have no group.</summary>
    public List<Process> Live => _live;

    /// <summary>Processes seen in the collection before and not in this one.</summary>
    public List<Process> Gone => _gone;

    public Process? Find(int pid) => _byPid.GetValueOrDefault(pid);

    /// <summary>Makes the table that of the collection under way; does nothing the second time.</summary>
    public void Refresh(SnapshotBuilder snapshot)
    {
        if (_tick == snapshot.Tick)
            return;
        _tick = snapshot.Tick;
        _gone.Clear();
        Walk(snapshot);
        RemoveGone();
        _limit.Note();
        Groups.Refresh();
        var startOfNew = snapshot.StartTimeOfNew(_bootTime);
        foreach (var process in _live)
        {
            if (process.LeftOut)
                continue;
            LinkParent(process);
            Assign(process, startOfNew);
        }
        Groups.Note();
        _pass?.Run(this, _tick);
    }

    /// <summary>True when the kernel told so much of a process in this collection.</summary>
    public bool IsTold(Process process, TaskFigures figures) => process.IsTold(figures, _tick);

    /// <summary>True when the id still belongs to the process.</summary>
    public bool IsSame(Process process) =>
        ProcessStat.TryRead(Folder, process.Pid, out var stat, out _) && stat.StartTicks == process.StartTicks;

    private void Walk(SnapshotBuilder snapshot)
    {
        var entries = Folder.Entries;
        while (entries.TryNext(out var inode, out var name))
        {
            if (Utf8Parser.TryParse(name, out int pid, out var used) && used == name.Length)
                See(pid, inode);
        }
        if (entries.Error != Errno.None)
            snapshot.ReadFailed("proc");
    }

    private void See(int pid, ulong inode)
    {
        _byPid.TryGetValue(pid, out var known);
        if (known is null || known.Inode != inode)
        {
            // Gone between the walk and the look: then it was never here, or RemoveGone finds the old one unseen.
            if (!ProcessStat.TryRead(Folder, pid, out var stat, out var error))
            {
                // Not to be read for another reason (no descriptors) is not gone: its counters would begin anew.
                if (known is not null && error != Errno.None && !error.IsAny(ENOENT, ESRCH))
                    known.SeenAt = _tick;
                return;
            }
            if (known?.StartTicks == stat.StartTicks)
                known.Inode = inode;
            else
                known = Add(_limit.Take(pid, inode, stat));
        }
        known.SeenAt = _tick;
    }

    private Process Add(Process process)
    {
        // A reused id: the old process stays in the list, unseen, until RemoveGone takes it out.
        _byPid[process.Pid] = process;
        _live.Add(process);
        return process;
    }

    private void RemoveGone()
    {
        var kept = 0;
        for (var i = 0; i < _live.Count; i++)
        {
            var process = _live[i];
            if (process.SeenAt == _tick)
            {
                _live[kept++] = process;
                continue;
            }
            process.Gone = true;
            _limit.Leave(process);
            Groups.Leave(process);
            Move(process, null);
            if (_byPid.TryGetValue(process.Pid, out var current) && current == process)
                _byPid.Remove(process.Pid);
            _gone.Add(process);
        }
        _live.RemoveRange(kept, _live.Count - kept);
    }

    private void LinkParent(Process process)
    {
        if (process.Parent is { Gone: false } || process.ParentPid == 0)
            return;
        // Its parent died, so it has a new one: the nearest subreaper above it, or the init of its pid namespace.
        if (process.Parent is not null && ProcessStat.TryRead(Folder, process.Pid, out var stat, out _))
            process.ParentPid = stat.ParentPid;
        process.Parent = Find(process.ParentPid);
    }

    private void Assign(Process process, long startOfNew)
    {
        process.Age++;
        if (process.Group is { Closed: true })
            process.Group = null;
        process.Recheck = !process.KernelThread && (process.Group is null || process.Age <= EarlyChecks
            || (process.Pid + _tick) % RecheckEvery == 0);
        if (!process.Recheck)
            return;
        var inode = Folder.NetNamespaceOf(process.Task, out var error);
        if (error == ENOENT && TryOutlive(process))
            inode = Folder.NetNamespaceOf(process.Task, out error);
        process.Denied = error.IsAny(EACCES, EPERM);
        // A zombie has no namespace any more: it stays where it was (and its cgroup v1 path is "/").
        if (inode == 0 || _namespaces.Find(inode) is not { } handle)
            return;
        if (handle != _namespaces.Host && !Groups.ByContainer)
        {
            Move(process, Groups.Of(process, handle));
            return;
        }
        var n = Folder.Read(process.Task, "/cgroup\0"u8, _cgroup, out _);
        if (n >= 0)
            Move(process, Groups.Of(process, handle, CgroupPath.ParseFile(_cgroup.AsSpan(0, n)), startOfNew));
    }

    /// <summary>Where the thread has ended under whose id a process was read, finds one that goes on.</summary>
    /// <returns>False where there is none.</returns>
    public bool TryOutlive(Process process)
    {
        if (Folder.LivingThread(process.Pid) is not (> 0 and var thread))
            return false;
        process.Task = thread;
        return true;
    }

    private static void Move(Process process, ProcessGroup? to)
    {
        if (process.Group == to)
            return;
        if (process.Group is { } from)
            from.Processes--;
        if (to is not null)
            to.Processes++;
        process.Group = to;
    }

    public void Dispose()
    {
        _pass?.Dispose();
        Folder.Dispose();
    }
}
