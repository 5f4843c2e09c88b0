using System.Runtime.InteropServices;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Pods;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Processes;

/// <summary>
/// Whose a listening socket in the node's namespace is: a hostNetwork pod's where one of its processes has it open.
/// Descriptors are walked for sockets that are new, and only those of such pods.
/// </summary>
/// <remarks>
/// The kernel tells a socket's cgroup too (INET_DIAG_CGROUP_ID), but only that of version 2, where a node with
/// version 1 may have all processes in the root.
/// </remarks>
internal sealed class ListenerOwners(PodWatcher pods, Func<ProcessTable> table)
{
    /// <summary>Collections in which a socket is looked for before it counts as the node's own.</summary>
    private const int Looks = 3;

    private readonly Dictionary<ulong, Entry> _known = [];
    private readonly Dictionary<ulong, ulong> _wanted = [];
    private bool _unnamed;
    private long _version;

    /// <summary>The pod by the socket's id, null where it is no pod's.</summary>
    public Subject? Of(ulong id) =>
        _known.GetValueOrDefault(id).Group is { Closed: false } group ? group.Subject : null;

    /// <summary>Looks for the owners of sockets that are new.</summary>
    public void Refresh(ReadOnlySpan<SocketMessage> listeners, SnapshotBuilder snapshot)
    {
        _wanted.Clear();
        _unnamed = false;
        foreach (ref readonly var socket in listeners)
        {
            ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_known, socket.Id, out _);
            entry.Tick = snapshot.Tick;
            if (entry.Group is { Closed: true })
                entry = new Entry { Tick = snapshot.Tick };
            _unnamed |= entry.Group is { Subject.Names.PodName: null };
            if (entry.Group is not null || entry.Looks == Looks || socket.Inode == 0)
                continue;
            entry.Looks++;
            _wanted[socket.Inode] = socket.Id;
        }
        if (_known.Count != listeners.Length)
            DropGone(snapshot.Tick);
        // Groups get their names, and new ones, from the walk over processes, which fd and io may not ask for.
        var version = pods.Table.Version;
        if (_wanted.Count > 0 || _unnamed || _version != version)
            Search(snapshot);
        _version = version;
    }

    private void DropGone(long tick)
    {
        foreach (var (id, entry) in _known)
        {
            if (entry.Tick != tick)
                _known.Remove(id);
        }
    }

    private void Search(SnapshotBuilder snapshot)
    {
        try
        {
            var processes = table();
            processes.Refresh(snapshot);
            foreach (var process in processes.Live)
            {
                if (process.Group is { Subject.HostNetwork: true } group && _wanted.Count > 0)
                    Search(processes.Folder, process.Task, group, snapshot);
            }
        }
        catch (LinuxException)
        {
            snapshot.ReadFailed("proc");
        }
    }

    private void Search(ProcFolder proc, int pid, ProcessGroup group, SnapshotBuilder snapshot)
    {
        if (!proc.TryOpen(pid, "/fd\0"u8, O_DIRECTORY, out var folder, out var error))
        {
            if (error.IsAny(EACCES, EPERM))
                snapshot.ReadFailed("permission");
            return;
        }
        var entries = proc.EntriesOf(folder);
        while (entries.TryNext(out _, out var name))
        {
            if (_wanted.Remove(SocketLink.Inode(folder, name), out var id))
                CollectionsMarshal.GetValueRefOrNullRef(_known, id).Group = group;
        }
        _ = close(folder);
    }

    private struct Entry
    {
        public ProcessGroup? Group;
        public int Looks;
        public long Tick;
    }
}
