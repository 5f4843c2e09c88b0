using System.Text;
using Collector.Core.Identity;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Pods;

/// <summary>
/// Says of every network namespace whose it is. A pod's is known by the mount that the runtime made for it, a path that
/// is never used twice, or by inode and cookie; never by a number alone. Belongs to the collection thread.
/// </summary>
/// <remarks>
/// What no runtime knows is looked up by the cgroup of a process in it: a container of Docker or Podman, a systemd unit
/// with a network of its own, a namespace that a pod made for itself. Processes enter namespaces of others (CNI
/// plugins, nsenter), so for a mounted namespace only a container counts, and what the runtime says later takes its
/// place.
/// </remarks>
internal sealed class NamespaceOwners(KernelPaths paths, NamespaceRegistry registry, PodWatcher pods) : IDisposable
{
    private const int EarlyLooks = 3;
    private const int LookEvery = 16;
    private readonly byte[] _cgroup = new byte[8 * 1024];
    private ProcFolder? _proc;
    private long _tick;

    /// <summary>Namespaces that look like a pod's and have none.</summary>
    public int Unresolved { get; private set; }

    /// <summary>Gives names to those that have none, or new ones where the runtime's word changed.</summary>
    public void Refresh(IReadOnlyList<NamespaceHandle> namespaces)
    {
        _tick++;
        var table = pods.Table;
        var unresolved = 0;
        for (var i = 1; i < namespaces.Count; i++)
        {
            var handle = namespaces[i];
            if (handle.OwnerVersion != table.Version || handle.Owner is null)
                Assign(handle, table);
            if (handle.Owner is not null || handle.Namespace.Identity.PodName is not null || !LooksLikePod(handle))
                continue;
            unresolved++;
            if (handle.MountPath is { } path)
                pods.Expect(Path.GetFileName(path));
        }
        Unresolved = unresolved;
    }

    private static bool LooksLikePod(NamespaceHandle handle) =>
        handle.Namespace.Identity.PodUid is not null
        || handle.MountPath?.StartsWith("/run/netns/cni-", StringComparison.Ordinal) == true;

    private void Assign(NamespaceHandle handle, PodTable table)
    {
        handle.OwnerVersion = table.Version;
        if (PodOf(handle, table) is { } pod)
        {
            // A new object only where the pod's is one: exporters compare the reference.
            if (ReferenceEquals(handle.Owner, pod.Identity))
                return;
            handle.Owner = pod.Identity;
            handle.Namespace.Identity = pod.Identity with { Name = handle.Namespace.Identity.Name };
        }
        else if (handle.Owner is null && handle.Pid > 0 && IsTimeToLook(handle))
        {
            Guess(handle, table);
        }
    }

    private Pod? PodOf(NamespaceHandle handle, PodTable table)
    {
        if (handle.MountPath is { } path && table.OfPath(path) is { } mounted)
            return mounted;
        var ns = handle.Namespace;
        if (table.OfNetns(ns.Inode, (uint)ns.Cookie) is not { } pod)
            return null;
        // Without a cookie (before Linux 5.14) its process has to be in the namespace that we hold.
        return ns.Cookie != 0 || (pod.Pid > 0 && registry.InodeOf(pod.Pid) == ns.Inode) ? pod : null;
    }

    private bool IsTimeToLook(NamespaceHandle handle) =>
        handle.OwnerLooks++ < EarlyLooks || (_tick + (long)handle.Namespace.Inode) % LookEvery == 0;

    private void Guess(NamespaceHandle handle, PodTable table)
    {
        _proc ??= new ProcFolder(paths);
        var n = _proc.Read(handle.Pid, "/cgroup\0"u8, _cgroup, out _);
        if (n <= 0)
            return;
        var path = CgroupPath.ParseFile(_cgroup.AsSpan(0, n));
        var before = handle.Namespace.Identity;
        var guess = before;
        if (path.PodUidText is { } uid)
        {
            if (handle.MountPath is not null)
                return;
            guess = (table.OfUid(uid)?.Identity ?? new NamespaceIdentity(PodUid: uid)) with
            {
                Name = before.Name,
                IsSecondary = true,
            };
        }
        else if (!path.ContainerId.IsEmpty)
        {
            guess = new NamespaceIdentity(before.Name) { ContainerId = Encoding.ASCII.GetString(path.ContainerId) };
        }
        else if (handle.MountPath is null && CgroupPath.UnitOf(_cgroup.AsSpan(0, n)) is { } unit)
        {
            guess = new NamespaceIdentity(before.Name) { Unit = unit };
        }
        if (guess != before)
            handle.Namespace.Identity = guess;
    }

    public void Dispose() => _proc?.Dispose();
}
