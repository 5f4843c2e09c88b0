using System.Text;
using Collector.Core.Identity;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Processes;

/// <summary>All groups that have processes, or had some a moment ago.</summary>
internal sealed class ProcessGroups(LinuxHost host)
{
    /// <summary>
    /// Collections without a process after which a hostNetwork pod is over. Its sandbox process lives as long as the
    /// pod, so an empty pod does not come back.
    /// </summary>
    private const int EmptyLimit = 8;

    private readonly Dictionary<NamespaceHandle, ProcessGroup> _byNamespace = [];
    private readonly List<ProcessGroup> _pods = [];
    private long _generation;
    private long _seen = -1;
    private long _named = -1;

    /// <summary>Grows whenever a group was closed.</summary>
    public long Version { get; private set; }

    /// <summary>The group of all processes of a namespace, or in the node's of those that are in no pod.</summary>
    public ProcessGroup Of(NamespaceHandle handle)
    {
        if (!_byNamespace.TryGetValue(handle, out var group))
            _byNamespace.Add(handle, group = new ProcessGroup(handle, handle.Namespace, []));
        return group;
    }

    /// <summary>The group of a pod in the node's namespace.</summary>
    public ProcessGroup OfPod(in CgroupPath path, long startTime)
    {
        foreach (var pod in _pods)
        {
            if (path.IsPod(pod.PodUid))
                return pod;
        }
        var uid = path.PodUidText!;
        // Generations below zero: the registry hands out those above.
        var ns = new NetNamespace(host.Namespaces.Host.Namespace.Inode, --_generation, isHost: false, startTime,
            new NamespaceIdentity(PodUid: uid))
        {
            IsHostNetworkPod = true,
        };
        var group = new ProcessGroup(host.Namespaces.Host, ns, Encoding.ASCII.GetBytes(uid));
        Name(group);
        _pods.Add(group);
        return group;
    }

    /// <summary>Closes groups whose namespace or pod is gone.</summary>
    public void Refresh()
    {
        if (_seen != host.Namespaces.Version)
        {
            _seen = host.Namespaces.Version;
            foreach (var (handle, group) in _byNamespace)
            {
                if (handle.Closed)
                {
                    Close(group);
                    _byNamespace.Remove(handle);
                }
            }
        }
        var version = host.Pods.Table.Version;
        for (var i = _pods.Count - 1; i >= 0; i--)
        {
            var pod = _pods[i];
            if (version != _named)
                Name(pod);
            pod.EmptyTicks = pod.Processes == 0 ? pod.EmptyTicks + 1 : 0;
            if (pod.EmptyTicks > EmptyLimit)
            {
                Close(pod);
                _pods.RemoveAt(i);
            }
        }
        _named = version;
    }

    // A pod that has a network of its own and works in the node's all the same (nsenter) has two rows.
    private void Name(ProcessGroup group)
    {
        var uid = group.Namespace.Identity.PodUid!;
        if (host.Pods.Table.OfUid(uid) is not { } pod)
        {
            host.Pods.Expect(uid);
            return;
        }
        if (ReferenceEquals(group.Owner, pod.Identity))
            return;
        group.Owner = pod.Identity;
        group.Namespace.Identity = pod.HostNetwork ? pod.Identity : pod.Identity with { IsSecondary = true };
    }

    private void Close(ProcessGroup group)
    {
        group.Closed = true;
        Version++;
    }
}
