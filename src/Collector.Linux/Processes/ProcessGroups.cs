using System.Text;
using Collector.Core.Subjects;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Pods;

namespace Collector.Linux.Processes;

/// <summary>All groups that have processes, or had some a moment ago.</summary>
/// <remarks>
/// A user to whom systemd left a part of the cgroups can call them what it likes: of pods and containers that the
/// runtime does not know there are only so many.
/// </remarks>
internal sealed class ProcessGroups(
    NamespaceRegistry namespaces, PodWatcher pods, SubjectNamer namer, GroupLimit limit)
{
    /// <summary>
    /// Collections without a process after which a hostNetwork pod or a container is over. Its first process lives as
    /// long as it does, so an empty one does not come back.
    /// </summary>
    private const int EmptyLimit = 8;

    private readonly Dictionary<NamespaceHandle, ProcessGroup> _byNamespace = [];
    private readonly Dictionary<NamespaceHandle, Dictionary<string, ProcessGroup>> _byContainer = [];
    private readonly List<ProcessGroup> _pods = [];
    private readonly List<ProcessGroup> _containers = [];
    private long _generation;
    private long _seen = -1;

    /// <summary>True where processes of pods are told apart by container.</summary>
    public bool ByContainer => pods.ByContainer;

    /// <summary>Grows whenever a group was closed.</summary>
    public long Version { get; private set; }

    /// <summary>The group of a process in this namespace and cgroup.</summary>
    /// <param name="process">Whose.</param>
    /// <param name="handle">Where it is.</param>
    /// <param name="path">Its cgroup.</param>
    /// <param name="startOfNew">Start time of a group that is new, Unix nanoseconds.</param>
    public ProcessGroup Of(Process process, NamespaceHandle handle, in CgroupPath path, long startOfNew)
    {
        string? beyond = null;
        ProcessGroup? group = null;
        if (!path.PodUid.IsEmpty && ByContainer)
            group = OfContainer(handle, path, startOfNew, ref beyond);
        if (!path.PodUid.IsEmpty && handle == namespaces.Host)
            group ??= OfPod(path, startOfNew, ref beyond);
        limit.Place(process, beyond);
        return group ?? Rest(handle);
    }

    /// <summary>The group of a process in this namespace, whatever its cgroup.</summary>
    public ProcessGroup Of(Process process, NamespaceHandle handle)
    {
        limit.Place(process, null);
        return Rest(handle);
    }

    /// <summary>A process is gone.</summary>
    public void Leave(Process process) => limit.Place(process, null);

    /// <summary>Tells how many have no group for the limit.</summary>
    public void Note() => limit.Note();

    // All processes of a namespace that are in no other group.
    private ProcessGroup Rest(NamespaceHandle handle)
    {
        if (!_byNamespace.TryGetValue(handle, out var group))
            _byNamespace.Add(handle, group = new ProcessGroup(handle, handle.Namespace, []));
        return group;
    }

    /// <summary>True where the runtime knows the pod of a cgroup.</summary>
    public bool IsKnownPod(in CgroupPath path) =>
        path.PodUidText is { } uid && pods.Table.OfUid(uid) is not null;

    // In the node's namespace.
    private ProcessGroup? OfPod(in CgroupPath path, long startTime, ref string? beyond)
    {
        foreach (var pod in _pods)
        {
            if (path.IsPod(pod.PodUid))
                return pod;
        }
        if (!IsKnownPod(path) && _pods.Count(IsUnknownPod) >= limit.Most)
        {
            beyond ??= path.PodUidText;
            return null;
        }
        var group = Make(namespaces.Host, path.PodUidText!, startTime, container: null);
        _pods.Add(group);
        return group;
    }

    private ProcessGroup? OfContainer(
        NamespaceHandle handle, in CgroupPath path, long startTime, ref string? beyond)
    {
        Span<char> id = stackalloc char[path.ContainerId.Length];
        Encoding.ASCII.GetChars(path.ContainerId, id);
        if (id.IsEmpty || pods.Table.IsSandbox(id))
            return null;
        if (!_byContainer.TryGetValue(handle, out var containers))
            _byContainer.Add(handle, containers = []);
        if (containers.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(id, out var group))
            return group;
        // One of another pod's processes that entered counts where it works, and is none of this pod's containers.
        if (handle != namespaces.Host && handle.Namespace.Names.PodUid is { } uid && uid != path.PodUidText)
            return null;
        if (!pods.Table.Containers.ContainsKey(path.ContainerIdText!)
            && _containers.Count(IsUnknownContainer) >= limit.Most)
        {
            beyond = path.ContainerIdText;
            return null;
        }
        group = Make(handle, path.PodUidText!, startTime, path.ContainerIdText);
        containers.Add(group.Container!, group);
        _containers.Add(group);
        return group;
    }

    private bool IsUnknownPod(ProcessGroup group) => pods.Table.OfUid(group.Subject.Names.PodUid!) is null;

    private bool IsUnknownContainer(ProcessGroup group) => !pods.Table.Containers.ContainsKey(group.Container!);

    private ProcessGroup Make(NamespaceHandle handle, string uid, long startTime, string? container)
    {
        var kind = container is null ? SubjectKind.Pod : SubjectKind.Container;
        var subject = new Subject(
            kind, handle.Namespace.Inode, ++_generation, startTime, new SubjectNames(PodUid: uid))
        {
            HostNetwork = handle == namespaces.Host,
        };
        var group = new ProcessGroup(handle, subject, Encoding.ASCII.GetBytes(uid)) { Container = container };
        Name(group);
        return group;
    }

    /// <summary>Closes groups whose namespace, pod or container is gone, and names the others.</summary>
    public void Refresh()
    {
        if (_seen != namespaces.Version)
        {
            _seen = namespaces.Version;
            foreach (var (handle, group) in _byNamespace)
            {
                if (handle.Closed)
                {
                    Close(group);
                    _byNamespace.Remove(handle);
                }
            }
        }
        for (var i = _pods.Count - 1; i >= 0; i--)
        {
            if (IsOver(_pods[i]))
                _pods.RemoveAt(i);
            else
                Name(_pods[i]);
        }
        for (var i = _containers.Count - 1; i >= 0; i--)
        {
            var group = _containers[i];
            if (!IsOver(group))
            {
                Name(group);
                continue;
            }
            _containers.RemoveAt(i);
            var others = _byContainer[group.Handle];
            others.Remove(group.Container!);
            if (others.Count == 0)
                _byContainer.Remove(group.Handle);
        }
    }

    private bool IsOver(ProcessGroup group)
    {
        group.EmptyTicks = group.Processes == 0 ? group.EmptyTicks + 1 : 0;
        if (group.EmptyTicks <= EmptyLimit && !group.Handle.Closed)
            return false;
        Close(group);
        return true;
    }

    private void Name(ProcessGroup group)
    {
        if (group.Container is { } id)
            namer.NameByContainer(group.Subject, id, group.Handle == namespaces.Host ? null : group.Handle.Namespace);
        else
            namer.NameByUid(group.Subject);
    }

    private void Close(ProcessGroup group)
    {
        group.Closed = true;
        Version++;
    }
}
