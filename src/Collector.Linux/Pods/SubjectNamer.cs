using System.Net;
using Collector.Core.Subjects;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Pods;

/// <summary>
/// Says whose a subject is: the one place where the names of a pod, a container or a unit are given to anything. Keeps
/// nothing, so any thread may ask; who asks keeps a subject to one thread, or bears that the last word wins.
/// </summary>
/// <param name="table">The pods as they are known now.</param>
/// <param name="expect">Told the name of what should be known and is not: the table looks again.</param>
internal sealed class SubjectNamer(Func<PodTable> table, Action<string>? expect = null)
{
    /// <summary>Changes whenever a name that was given may have changed.</summary>
    public long Version => table().Version;

    /// <summary>True where there is a pod at all.</summary>
    public bool KnowsPods => table().All.Count > 0;

    /// <summary>Asks for a look at the pods, for one of this UID, network namespace or container.</summary>
    public void Expect(string sign) => expect?.Invoke(sign);

    /// <summary>The pod that has this address, as namespace/name; null where none has.</summary>
    public string? PodAt(IPAddress address) => table().OfAddress(address)?.Name;

    /// <summary>The pod of this UID, as namespace/name; null where none has it.</summary>
    public string? PodOf(string uid) => table().OfUid(uid)?.Name;

    /// <summary>
    /// Names what a kernel record tells of and nobody has named: a pod may have come since the last collection. Only a
    /// cookie proves that the number is still the pod's own.
    /// </summary>
    public void NameByNetns(Subject subject)
    {
        if (subject.Cookie != 0 && !subject.Names.IsResolved
            && table().OfNetns(subject.Inode, (uint)subject.Cookie) is { } pod)
        {
            Give(subject, pod.Names);
        }
    }

    /// <summary>
    /// Names a network namespace by the mount that the runtime made for it, a path that is never used twice, or by
    /// inode and cookie; never by a number alone.
    /// </summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="mount">Its mount; null where it has none.</param>
    /// <param name="inodeOf">The network namespace that a process is in.</param>
    /// <returns>False where it is no pod's.</returns>
    public bool NameByMount(NetNamespace ns, string? mount, Func<int, ulong> inodeOf)
    {
        if (PodOf(ns, mount, inodeOf) is not { } pod)
            return false;
        Give(ns, pod.Names);
        return true;
    }

    /// <summary>
    /// Guesses whose a network namespace is by the cgroup of a process in it. Processes enter namespaces of others
    /// (CNI plugins, nsenter), so for a mounted one only a container counts.
    /// </summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="mounted">It has a mount.</param>
    /// <param name="cgroup">The whole of /proc/PID/cgroup.</param>
    public void NameByCgroup(NetNamespace ns, bool mounted, ReadOnlySpan<byte> cgroup)
    {
        var before = ns.Names;
        var path = CgroupPath.ParseFile(cgroup);
        var guess = before;
        if (path.PodUidText is { } uid)
        {
            if (mounted)
                return;
            guess = table().OfUid(uid)?.Names ?? new SubjectNames(PodUid: uid);
            guess = guess with { NetnsName = before.NetnsName, IsSecondary = true };
        }
        else if (path.ContainerIdText is { } container)
        {
            guess = new SubjectNames(before.NetnsName) { ContainerId = container };
        }
        else if (!mounted && CgroupPath.UnitOf(cgroup) is { } unit)
        {
            guess = new SubjectNames(before.NetnsName) { Unit = unit };
        }
        if (guess != before)
            ns.Names = guess;
    }

    /// <summary>
    /// Names what processes of a pod do in the node's namespace, by the UID that it has from the start. A pod that has
    /// a network of its own and works in the node's all the same (nsenter) has two rows.
    /// </summary>
    public void NameByUid(Subject subject)
    {
        if (PodOf(subject) is { } pod)
            Give(subject, pod.Names, isSecondary: !pod.HostNetwork);
    }

    /// <summary>Names a container, and its pod with it.</summary>
    /// <param name="container">The container.</param>
    /// <param name="id">Its id.</param>
    /// <param name="ns">The pod's network namespace; null in the node's, where the pod is that of its UID.</param>
    public void NameByContainer(Subject container, string id, NetNamespace? ns)
    {
        var pod = ns is null ? PodOf(container)?.Names : ns.Names;
        var before = container.Names;
        // The name stays when the runtime forgets the container before its last figures left.
        var name = table().Containers.GetValueOrDefault(id) ?? before.ContainerName;
        if (name is null)
            Expect(id);
        if (before.ContainerId is not null && ReferenceEquals(before.Source, pod) && before.ContainerName == name)
            return;
        container.Names = (pod is { PodUid: not null } ? pod : before) with
        {
            ContainerId = id,
            ContainerName = name,
            Source = pod,
        };
    }

    private Pod? PodOf(NetNamespace ns, string? mount, Func<int, ulong> inodeOf)
    {
        var pods = table();
        if (mount is not null && pods.OfPath(mount) is { } mounted)
            return mounted;
        if (pods.OfNetns(ns.Inode, (uint)ns.Cookie) is not { } pod)
            return null;
        // Without a cookie (before Linux 5.14) its process has to be in the namespace that we hold.
        return ns.Cookie != 0 || (pod.Pid > 0 && inodeOf(pod.Pid) == ns.Inode) ? pod : null;
    }

    private Pod? PodOf(Subject subject)
    {
        var uid = subject.Names.PodUid!;
        var pod = table().OfUid(uid);
        if (pod is null)
            Expect(uid);
        return pod;
    }

    // A new object only where the pod's is one: exporters compare the reference.
    private static void Give(Subject subject, SubjectNames pod, bool isSecondary = false)
    {
        var before = subject.Names;
        if (ReferenceEquals(before.Source, pod))
            return;
        subject.Names = pod with
        {
            NetnsName = before.NetnsName,
            IsSecondary = pod.IsSecondary || isSecondary,
            Source = pod,
        };
    }
}
