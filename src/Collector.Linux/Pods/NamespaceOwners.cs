using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Pods;

/// <summary>
/// Has every network namespace named, and again when the runtime's word changed. Belongs to the collection thread.
/// </summary>
/// <remarks>
/// What no runtime knows is looked up by the cgroup of a process in it: a container of Docker or Podman, a systemd unit
/// with a network of its own, a namespace that a pod made for itself. What the runtime says later takes its place.
/// </remarks>
internal sealed class NamespaceOwners(KernelPaths paths, NamespaceRegistry registry, SubjectNamer namer) : IDisposable
{
    private const int EarlyLooks = 3;
    private const int LookEvery = 16;
    private readonly byte[] _cgroup = new byte[8 * 1024];
    private readonly Func<int, ulong> _inodeOf = registry.InodeOf;
    private ProcFolder? _proc;
    private long _tick;

    /// <summary>Namespaces that look like a pod's and have none.</summary>
    public int Unresolved { get; private set; }

    /// <summary>Gives names to those that have none, or new ones where the runtime's word changed.</summary>
    public void Refresh(IReadOnlyList<NamespaceHandle> namespaces)
    {
        _tick++;
        var version = namer.Version;
        var unresolved = 0;
        for (var i = 1; i < namespaces.Count; i++)
        {
            var handle = namespaces[i];
            if (handle.NamesVersion != version || handle.Namespace.Names.Source is null)
                Name(handle, version);
            if (handle.Namespace.Names.PodName is not null || !LooksLikePod(handle))
                continue;
            unresolved++;
            if (handle.MountPath is { } path)
                namer.Expect(NamePool.Of(Path.GetFileName(path.AsSpan())));
        }
        Unresolved = unresolved;
    }

    private static bool LooksLikePod(NamespaceHandle handle) =>
        handle.Namespace.Names.PodUid is not null
        || handle.MountPath?.StartsWith("/run/netns/cni-", StringComparison.Ordinal) == true;

    private void Name(NamespaceHandle handle, long version)
    {
        handle.NamesVersion = version;
        if (namer.NameByMount(handle.Namespace, handle.MountPath, _inodeOf)
            || handle.Namespace.Names.Source is not null || handle.Pid <= 0 || !IsTimeToLook(handle))
        {
            return;
        }
        // It may have ended, and the number be another's.
        if (_inodeOf(handle.Pid) != handle.Namespace.Inode)
        {
            handle.Pid = 0;
            return;
        }
        _proc ??= new ProcFolder(paths);
        var n = _proc.Read(handle.Pid, "/cgroup\0"u8, _cgroup, out _);
        if (n > 0)
            namer.NameByCgroup(handle.Namespace, handle.MountPath is not null, _cgroup.AsSpan(0, n));
    }

    private bool IsTimeToLook(NamespaceHandle handle) =>
        handle.NameLooks++ < EarlyLooks || (_tick + (long)handle.Namespace.Inode) % LookEvery == 0;

    public void Dispose() => _proc?.Dispose();
}
