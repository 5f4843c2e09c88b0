using Collector.Core.Subjects;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Pods;

namespace Collector.Linux.Probes.Common;

/// <summary>
/// From a pod's cgroup to what its figures are about. The runtime says in which network namespace a pod is; of one that
/// it does not know, or where there is no runtime, a process in the cgroup does.
/// </summary>
internal sealed class PodHomes(ProbeHost host, CgroupFolder folder) : IDisposable
{
    // Of all probes together, and far from those of processes' groups.
    private static long _generation = 1L << 32;

    private readonly Dictionary<string, NamespaceHandle> _homes = [];
    private readonly ProcFolder _proc = new(host.Paths);

    /// <summary>The network namespace that the pod of a cgroup is in; null while nobody knows.</summary>
    public NamespaceHandle? Of(PodCgroupNode node)
    {
        var uid = node.Uid!;
        if (_homes.TryGetValue(uid, out var known) && !known.Closed)
            return known;
        var pod = host.Pods.Table.OfUid(uid);
        var home = pod is not null ? Of(pod) : OfProcess(node);
        // A runtime puts its own process into the cgroup before that enters the pod's network.
        if (pod is null && home == host.Namespaces.Host && host.Pods.Runtime is not null)
            return null;
        // Whoever works in another pod's namespace is not that pod.
        if (home is null || (home.Namespace.Names.PodUid is { } other && other != uid))
            return null;
        return _homes[uid] = home;
    }

    private NamespaceHandle? Of(Pod pod)
    {
        if (pod.HostNetwork)
            return host.Namespaces.Host;
        return host.Namespaces.Find(pod.Netns) is { } found
            && NamespaceDirectory.IsLife(found.Namespace, pod.NetnsCookie) ? found : null;
    }

    private NamespaceHandle? OfProcess(PodCgroupNode node)
    {
        var lines = new LineReader(folder.Read(node.Path, "/cgroup.procs\0"u8, out _));
        return lines.TryNext(out var line) && FieldReader.TryParse(line, out var pid) && pid > 0
            ? host.Namespaces.Find(_proc.NetNamespaceOf((int)pid, out _))
            : null;
    }

    /// <summary>The pod of a cgroup is over.</summary>
    public void Forget(PodCgroupNode node)
    {
        if (node is { Uid: { } uid, Container: null })
            _homes.Remove(uid);
    }

    /// <summary>What figures of a pod, or of one of its containers, are about.</summary>
    /// <param name="home">Where the pod is.</param>
    /// <param name="uid">Of the pod.</param>
    /// <param name="container">Id of the container; null: the pod.</param>
    /// <param name="start">Since when, Unix nanoseconds, if it is no namespace.</param>
    public Subject SubjectIn(NamespaceHandle home, string uid, string? container, long start)
    {
        var isHost = home == host.Namespaces.Host;
        if (container is null && !isHost)
            return home.Namespace;
        var kind = container is null ? SubjectKind.Pod : SubjectKind.Container;
        var generation = Interlocked.Increment(ref _generation);
        var subject = new Subject(kind, home.Namespace.Inode, generation, start, new SubjectNames(PodUid: uid))
        {
            HostNetwork = isHost,
        };
        Name(subject, home, container);
        return subject;
    }

    /// <summary>Names it as it is called now.</summary>
    public void Name(Subject subject, NamespaceHandle home, string? container)
    {
        if (container is not null)
            host.Namer.NameByContainer(subject, container, home == host.Namespaces.Host ? null : home.Namespace);
        else if (home == host.Namespaces.Host)
            host.Namer.NameByUid(subject);
    }

    public void Dispose() => _proc.Dispose();
}
