using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Namespaces;

/// <summary>
/// The network namespaces of the node: found from processes and nsfs mounts, keyed by inode, refreshed once per
/// collection.
/// </summary>
/// <remarks>
/// What is held open cannot have its inode reused, so an inode in <see cref="_byInode"/> always means the same
/// namespace. Each namespace has a witness that it still lives, a mount or a process; only when a witness is lost are
/// the processes walked, once for all namespaces.
/// </remarks>
public sealed class NamespaceRegistry : IDisposable
{
    private readonly NamespaceAccess _access;
    private readonly KernelPaths _paths;
    private readonly long _bootTime;
    private readonly Dictionary<ulong, NamespaceHandle> _byInode = [];
    private readonly List<NamespaceHandle> _all = [];
    private readonly HashSet<ulong> _unreadable = [];
    private readonly MountWatcher _mounts;
    private readonly ProcessScanner _processes;
    private readonly NamespaceLimit _limit;
    private readonly ulong _own;
    private long _generation;
    private long _refreshes;

    /// <param name="access">How namespaces are entered.</param>
    /// <param name="bootTime">Unix nanoseconds since which the host's namespace counts.</param>
    /// <param name="name">Names what a kernel record is about, where it can.</param>
    /// <param name="limit">Decides which are opened.</param>
    internal NamespaceRegistry(
        NamespaceAccess access, long bootTime, Action<Subject> name, NamespaceLimit limit)
    {
        _access = access;
        _limit = limit;
        _paths = access.Paths;
        _bootTime = bootTime;
        _mounts = new MountWatcher(_paths);
        _processes = new ProcessScanner(_paths);
        Directory = new NamespaceDirectory(name);
        if (!_paths.Recorded)
            _own = NsLink.Inode($"{_paths.Proc}/thread-self/ns/net");
        AddHost();
    }

    /// <summary>All namespaces, the host's first. Changes only in <see cref="Refresh"/>.</summary>
    public IReadOnlyList<NamespaceHandle> All => _all;

    public NamespaceHandle Host => _all[0];

    /// <summary>The same by inode, for other threads; the dead stay in it for a while.</summary>
    internal NamespaceDirectory Directory { get; }

    /// <summary>Grows whenever a namespace came or went.</summary>
    public long Version { get; private set; }

    /// <summary>
    /// Namespaces seen whose handle could not be opened (no permission, no descriptors left), at the last look.
    /// </summary>
    public int Unreadable => _unreadable.Count;

    /// <summary>Namespaces found since the start, the host's included.</summary>
    public long Born => _generation;

    /// <summary>Processes looked at since the start: the cost of discovery.</summary>
    public long ProcessesExamined => _processes.Examined;

    /// <summary>True for a namespace that exists but could not be opened at the last look.</summary>
    public bool IsUnreadable(ulong inode) => _unreadable.Contains(inode);

    public NamespaceHandle? Find(ulong inode) => _byInode.GetValueOrDefault(inode);

    /// <summary>
    /// Finds births and deaths. Costs one link per namespace without mount, one per process started since the last
    /// look, and a fixed slice of the older ones.
    /// </summary>
    /// <param name="startOfNew">Start time for namespaces first seen now, Unix nanoseconds.</param>
    public void Refresh(long startOfNew)
    {
        _refreshes++;
        _unreadable.Clear();
        if (_paths.Recorded)
            return;
        _limit.Begin(_all);
        _mounts.Refresh();
        AddFromMounts(startOfNew);
        _processes.ScanRecent((pid, inode) => AddFromProcess(pid, inode, startOfNew));
        RemoveDead(startOfNew);
        if (_limit.IsWaiting)
            _limit.Review(InodeOf, OpenOfProcess);
        foreach (var handle in _all)
            handle.CloseUnused(_refreshes - 3);
    }

    /// <summary>Where this process can open the path of a mount of the node.</summary>
    internal string PathOfMount(string path) => _mounts.PathOf(path);

    /// <summary>The kernel's number for that life of a namespace; 0 where it has none or may not be entered.</summary>
    internal ulong CookieOf(SafeFd ns) => NsCookie.Of(_access, ns, isOwn: false);

    /// <summary>Inode of a process's network namespace; 0 when it is gone.</summary>
    internal ulong InodeOf(int pid) => _processes.InodeOf(pid);

    private void AddHost()
    {
        SafeFd? fd = null;
        var inode = 0UL;
        if (!_paths.Recorded)
        {
            // Process 1 is in the node's namespace where we can see it; in a container without hostPID our own is all
            // there is.
            fd = TryOpen($"{_paths.Proc}/1/ns/net", out inode, out _)
                ?? TryOpen($"{_paths.Proc}/thread-self/ns/net", out inode, out _);
        }
        var isOwn = fd is null || inode == _own;
        var ns = new NetNamespace(inode, ++_generation, isHost: true, _bootTime)
        {
            Cookie = _paths.Recorded ? 0 : NsCookie.Of(_access, fd, isOwn),
        };
        Add(new NamespaceHandle(_access, ns, fd) { IsOwn = isOwn });
    }

    private void AddFromMounts(long startOfNew)
    {
        foreach (var (inode, path) in _mounts.Mounts)
        {
            if (_byInode.TryGetValue(inode, out var known))
            {
                if (known.MountPath != path)
                    SetMount(known, path);
            }
            else if (_limit.AdmitsMount(inode, path)
                && Open(_mounts.PathOf(path), inode, startOfNew) is { } handle)
            {
                SetMount(handle, path);
            }
        }
    }

    private void AddFromProcess(int pid, ulong inode, long startOfNew)
    {
        if (_byInode.TryGetValue(inode, out var known))
        {
            if (known.Pid == 0)
                known.Pid = pid;
        }
        else if (_limit.Admits(pid, inode, startOfNew, out var rootless))
        {
            OpenOfProcess(pid, inode, startOfNew, rootless);
        }
    }

    private void OpenOfProcess(int pid, ulong inode, long start, bool rootless)
    {
        if (Open($"{_paths.Proc}/{pid}/ns/net", inode, start) is not { } handle)
            return;
        handle.Pid = pid;
        handle.Namespace.Rootless = rootless;
    }

    private NamespaceHandle? Open(string path, ulong expected, long startOfNew)
    {
        var fd = TryOpen(path, out var inode, out var error);
        if (fd is null || inode != expected)
        {
            fd?.Dispose();
            // Gone between the look and the opening is not unreadable; many processes of one namespace are one of them.
            if (!error.IsAny(ENOENT, ESRCH))
                _unreadable.Add(expected);
            return null;
        }
        var ns = new NetNamespace(inode, ++_generation, isHost: false, startOfNew)
        {
            Cookie = NsCookie.Of(_access, fd, inode == _own),
        };
        var handle = new NamespaceHandle(_access, ns, fd) { IsOwn = inode == _own };
        Add(handle);
        return handle;
    }

    private static SafeFd? TryOpen(string path, out ulong inode, out Errno error)
    {
        inode = 0;
        error = Errno.None;
        try
        {
            var fd = SafeFd.Open(path).NotOfTheLast($"open {path}");
            inode = fd.Inode();
            return fd;
        }
        catch (LinuxException e)
        {
            error = e.Errno;
            return null;
        }
    }

    private void Add(NamespaceHandle handle)
    {
        _byInode[handle.Namespace.Inode] = handle;
        _all.Add(handle);
        Directory.Add(handle.Namespace);
        Version++;
    }

    private static void SetMount(NamespaceHandle handle, string path)
    {
        handle.MountPath = path;
        handle.Namespace.Rootless = false;
        handle.Namespace.Names = handle.Namespace.Names with { NetnsName = Path.GetFileName(path) };
    }

    private void RemoveDead(long startOfNew)
    {
        var walked = false;
        for (var i = _all.Count - 1; i > 0; i--)
        {
            var handle = _all[i];
            if (IsAlive(handle))
                continue;
            if (!walked)
            {
                // May also find namespaces that are new: AddFromProcess appends, which this loop has passed already.
                _processes.ScanAll((pid, inode) => AddFromProcess(pid, inode, startOfNew));
                walked = true;
            }
            if (handle.Pid == 0)
                Remove(i);
        }
    }

    private bool IsAlive(NamespaceHandle handle)
    {
        if (handle.MountPath is { } mount)
        {
            if (_mounts.Mounts.ContainsKey(handle.Namespace.Inode))
                return true;
            handle.MountPath = null;
            if (handle.Namespace.Names.NetnsName == Path.GetFileName(mount))
                handle.Namespace.Names = handle.Namespace.Names with { NetnsName = null };
        }
        if (handle.Pid != 0 && _processes.InodeOf(handle.Pid) == handle.Namespace.Inode)
            return true;
        handle.Pid = 0;
        return false;
    }

    private void Remove(int index)
    {
        var handle = _all[index];
        _all.RemoveAt(index);
        _byInode.Remove(handle.Namespace.Inode);
        Directory.Remove(handle.Namespace);
        handle.Dispose();
        Version++;
    }

    public void Dispose()
    {
        foreach (var handle in _all)
            handle.Dispose();
        _mounts.Dispose();
        _processes.Dispose();
    }
}
