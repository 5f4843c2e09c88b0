using System.Runtime.InteropServices;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;

namespace Collector.Linux.Namespaces;

/// <summary>
/// The network namespaces of the node: found from processes and nsfs mounts, keyed by inode, once per collection. Those
/// whose last user is gone are let go between collections, too.
/// </summary>
/// <remarks>
/// What is held open cannot have its inode reused, so an inode in <see cref="_byInode"/> always means the same
/// namespace. Each namespace has a witness that it still lives, a mount or a process; only when a witness is lost are
/// the processes walked, once for all namespaces.
/// </remarks>
public sealed partial class NamespaceRegistry : IDisposable
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
    private readonly NamespaceOpener _opener;
    private readonly Action<int, ulong> _witness;
    private readonly Action<int, ulong> _found;
    private readonly ulong _own;
    private NamespaceVigil? _vigil;
    private long _generation;
    private long _refreshes;
    private long _startOfNew;

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
        _opener = new NamespaceOpener(access);
        _witness = Witness;
        _found = AddFromProcess;
        Directory = new NamespaceDirectory(name);
        if (!_paths.Recorded)
            _own = NsLink.Inode($"{_paths.Proc}/thread-self/ns/net");
        AddHost();
    }

    /// <summary>
    /// All namespaces, the host's first. Changes only in <see cref="Refresh"/> and <see cref="Rest"/>.
    /// </summary>
    public IReadOnlyList<NamespaceHandle> All => _all;

    /// <summary><see cref="All"/> for what looks at each in every collection.</summary>
    internal ReadOnlySpan<NamespaceHandle> Handles => CollectionsMarshal.AsSpan(_all);

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

    /// <summary>
    /// Told of each namespace that has lost its last user, while everything in it can still be read a last time.
    /// </summary>
    internal event Action<NamespaceHandle>? Leaving;

    /// <summary>True where only processes tell that a namespace lives.</summary>
    internal bool HasMountless { get; private set; }

    /// <summary>Times that <see cref="Rest"/> woke to look.</summary>
    internal long Looks => _vigil?.Looks ?? 0;

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
        _startOfNew = startOfNew;
        _limit.Begin(_all);
        _mounts.Refresh();
        AddFromMounts();
        var known = Born;
        _processes.ScanRecent(_found);
        RemoveDead(_found);
        if (_limit.IsWaiting)
            _limit.Review(InodeOf, OpenOfProcess);
        // One that was found by a process may have got its mount since the mounts were read, and its name with it.
        if (Born != known && _mounts.Refresh())
            AddFromMounts();
        NoteMountless();
        foreach (var handle in _all)
            handle.CloseUnused(_refreshes - 3);
    }

    /// <summary>
    /// Waits for this long, as between two collections, and lets go of what loses its last user meanwhile.
    /// </summary>
    public void Rest(TimeSpan time, CancellationToken stop)
    {
        try
        {
            _vigil ??= new NamespaceVigil(this, _mounts);
        }
        catch (LinuxException)
        {
            // No descriptor left to wait with: the next collection lets go.
            stop.WaitHandle.WaitOne(time);
            return;
        }
        _vigil.Keep(time, stop);
    }

    /// <summary>Lets go of namespaces whose last user is gone; new ones are not looked for.</summary>
    internal void LetGo()
    {
        if (_mounts.Refresh())
            TakeNames();
        RemoveDead(_witness);
        NoteMountless();
    }

    /// <summary>Where this process can open the path of a mount of the node.</summary>
    internal string PathOfMount(string path) => _mounts.PathOf(path);

    /// <summary>The kernel's number for that life of a namespace; 0 where it has none or may not be entered.</summary>
    internal ulong CookieOf(SafeFd ns) => NsCookie.Of(_access, ns, isOwn: false);

    /// <summary>Inode of a process's network namespace; 0 when it is gone.</summary>
    internal ulong InodeOf(int pid) => _processes.InodeOf(pid);

    private void AddHost()
    {
        var opened = _opener.Host(_own);
        var isOwn = opened.Fd is null || opened.Inode == _own;
        var ns = new NetNamespace(opened.Inode, ++_generation, isHost: true, _bootTime) { Cookie = opened.Cookie };
        Add(new NamespaceHandle(_access, ns, opened.Fd) { IsOwn = isOwn });
    }

    private void AddFromMounts()
    {
        TakeNames();
        foreach (var (inode, path) in _mounts.Mounts)
        {
            if (!_byInode.ContainsKey(inode) && _limit.AdmitsMount(inode, path))
                OpenOfMount(inode, path);
        }
    }

    // Apart: what a lambda captures is allocated where its scope begins, for those that are known, too.
    private void OpenOfMount(ulong inode, string path) =>
        Open(() => _opener.ByMount(() => _mounts.Open(inode)), inode, _startOfNew)?.SetMount(path);

    private void TakeNames()
    {
        foreach (var handle in _all)
            handle.SetMount(_mounts.Mounts.GetValueOrDefault(handle.Namespace.Inode));
    }

    private void AddFromProcess(int pid, ulong inode)
    {
        if (_byInode.ContainsKey(inode))
            Witness(pid, inode);
        else if (_limit.Admits(pid, inode, _startOfNew, out var rootless))
            OpenOfProcess(pid, inode, _startOfNew, rootless);
    }

    private void OpenOfProcess(int pid, ulong inode, long start, bool rootless)
    {
        if (Open(() => _opener.ByProcess($"{_paths.Proc}/{pid}/ns/net", _own), inode, start) is not { } handle)
            return;
        handle.Pid = pid;
        handle.Namespace.Rootless = rootless;
        handle.IsOfUsers |= rootless;
    }

    private void Witness(int pid, ulong inode)
    {
        if (_byInode.TryGetValue(inode, out var known) && known.Pid == 0)
            known.Pid = pid;
    }

    private NamespaceHandle? Open(Func<OpenedNamespace> open, ulong expected, long startOfNew)
    {
        var opened = NamespaceOpener.TryOpen(open, expected, out var isThere);
        if (opened is null)
        {
            if (isThere)
                _unreadable.Add(expected);
            return null;
        }
        var ns = new NetNamespace(expected, ++_generation, isHost: false, startOfNew) { Cookie = opened.Cookie };
        var handle = new NamespaceHandle(_access, ns, opened.Fd)
        {
            IsOwn = expected == _own,
            IsOfUsers = _limit.IsOfUsers(opened.Fd),
        };
        Add(handle);
        return handle;
    }

    private void Add(NamespaceHandle handle)
    {
        _byInode[handle.Namespace.Inode] = handle;
        _all.Add(handle);
        Directory.Add(handle.Namespace);
        Version++;
    }

    private void RemoveDead(Action<int, ulong> found)
    {
        var walked = false;
        for (var i = _all.Count - 1; i > 0; i--)
        {
            var handle = _all[i];
            if (IsAlive(handle))
                continue;
            if (!walked)
            {
                // May also find namespaces that are new: what is appended, this loop has passed already.
                _processes.ScanAll(found);
                walked = true;
            }
            if (handle.Pid == 0)
                Remove(i);
        }
    }

    private bool IsAlive(NamespaceHandle handle)
    {
        if (handle.MountPath is not null
            || (handle.Pid != 0 && _processes.InodeOf(handle.Pid) == handle.Namespace.Inode))
        {
            return true;
        }
        handle.Pid = 0;
        return false;
    }

    private void NoteMountless()
    {
        HasMountless = false;
        for (var i = 1; i < _all.Count; i++)
        {
            if (_all[i].MountPath is not null)
                continue;
            HasMountless = true;
            _all[i].DropNameWithoutMount();
        }
    }

    private void Remove(int index)
    {
        var handle = _all[index];
        _all.RemoveAt(index);
        _byInode.Remove(handle.Namespace.Inode);
        Directory.Remove(handle.Namespace);
        Leaving?.Invoke(handle);
        handle.Dispose();
        Version++;
    }

    public void Dispose()
    {
        foreach (var handle in _all)
            handle.Dispose();
        _vigil?.Dispose();
        _mounts.Dispose();
        _processes.Dispose();
    }
}
