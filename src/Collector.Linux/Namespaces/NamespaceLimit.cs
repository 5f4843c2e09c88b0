using Collector.Linux.Interop;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Limits;

namespace Collector.Linux.Namespaces;

/// <summary>
/// Decides which of the namespaces that are found are opened. Those that root made (mounted ones, pods, services) and
/// those that any user can make have limits of their own, so that nobody's flood takes the place of a pod. Who is in
/// stays in until it ends; who is not is only known by its number, and gets a place by age.
/// </summary>
/// <remarks>
/// A network namespace of another user namespace than the node's can be made by anybody (<c>unshare -Urn</c>, rootless
/// containers). One that is mounted in the node's mount namespace is vouched for by root, whoever made it.
/// </remarks>
/// <param name="limits">The limits.</param>
/// <param name="proc">Where /proc is.</param>
/// <param name="isPod">Tells a pod by the mount of its namespace.</param>
internal sealed class NamespaceLimit(LimitSet limits, string proc, Func<string, bool> isPod)
{
    /// <summary>Left out ones that are looked at per refresh: beyond, in turn.</summary>
    private const int Looks = 1024;

    private readonly List<Waiting> _waiting = [];
    private readonly Dictionary<ulong, Waiting> _inodes = [];
    private readonly HashSet<ulong> _mounts = [];
    private ulong _owner;
    private int _ofRoot;
    private int _rootless;
    private int _turn;

    /// <summary>True while some are left out that processes are in.</summary>
    public bool IsWaiting => _waiting.Count > 0;

    /// <summary>Begins a refresh.</summary>
    public void Begin(IReadOnlyList<NamespaceHandle> all)
    {
        if (_owner == 0)
            _owner = NsOwner.Of($"{proc}/{(all[0].IsOwn ? "thread-self" : "1")}/ns/net", all[0].Namespace.Inode) ?? 0;
        _mounts.Clear();
        _rootless = 0;
        for (var i = 0; i < all.Count; i++)
            _rootless += all[i].Namespace.Rootless ? 1 : 0;
        _ofRoot = all.Count - _rootless;
    }

    /// <summary>True for one of another user namespace than the node's.</summary>
    public bool IsOfUsers(SafeFd? ns) =>
        ns is not null && _owner != 0 && NsOwner.Of(ns) is var owner && owner != 0 && owner != _owner;

    /// <summary>Whether one that is mounted may be opened; one that is not counts as left out.</summary>
    public bool AdmitsMount(ulong inode, string path)
    {
        if (_ofRoot >= limits.Namespaces.Most && !isPod(path))
        {
            if (_mounts.Add(inode))
                limits.Namespaces.LeftOut++;
            return false;
        }
        if (_inodes.Remove(inode))
            _waiting.RemoveAll(w => w.Inode == inode);
        _ofRoot++;
        return true;
    }

    /// <summary>Whether one that a process is in may be opened; one that is not counts as left out.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="inode">Of its namespace.</param>
    /// <param name="start">Unix nanoseconds since which its counters count.</param>
    /// <param name="rootless">Whether any user can make such ones.</param>
    public bool Admits(int pid, ulong inode, long start, out bool rootless)
    {
        rootless = false;
        if (_mounts.Contains(inode) || IsWaitingFor(inode, pid))
            return false;
        var owner = NsOwner.Of($"{proc}/{pid}/ns/net", inode);
        rootless = owner is null || (owner != 0 && _owner != 0 && owner != _owner);
        // Gone already, or not to be opened: whoever tries will find out, and it is nobody's place. It may be one by
        // the time of the opening, so there must be room for it.
        if (owner is null)
            return HasRoom(rootless);
        if (Take(rootless))
            return true;
        var one = new Waiting(inode, pid, start, rootless);
        _inodes.Add(inode, one);
        _waiting.Add(one);
        return false;
    }

    // Who waits is not held: its number may be another's by now, one that root made among them.
    private bool IsWaitingFor(ulong inode, int pid)
    {
        if (!_inodes.TryGetValue(inode, out var one))
            return false;
        if (one.Pid == pid || NsLink.Inode($"{proc}/{one.Pid}/ns/net") == inode)
            return true;
        _inodes.Remove(inode);
        _waiting.Remove(one);
        return false;
    }

    private bool Take(bool rootless)
    {
        if (!HasRoom(rootless))
            return false;
        if (rootless)
            _rootless++;
        else
            _ofRoot++;
        return true;
    }

    private bool HasRoom(bool rootless) =>
        rootless ? _rootless < limits.Rootless.Most : _ofRoot < limits.Namespaces.Most;

    /// <summary>
    /// Forgets left out ones that are gone, gives free places to the oldest of the others, and counts the rest.
    /// </summary>
    /// <param name="inodeOf">The namespace that a process is in now.</param>
    /// <param name="open">Opens one: process, inode, start, whether any user can make such ones.</param>
    public void Review(Func<int, ulong> inodeOf, Action<int, ulong, long, bool> open)
    {
        var parts = 1 + (_waiting.Count / Looks);
        _turn++;
        var kept = 0;
        for (var i = 0; i < _waiting.Count; i++)
        {
            var one = _waiting[i];
            var isPlace = HasRoom(one.Rootless);
            if (!isPlace && (i + _turn) % parts != 0)
                _waiting[kept++] = one;
            else if (inodeOf(one.Pid) != one.Inode)
                _inodes.Remove(one.Inode);
            else if (!isPlace)
                _waiting[kept++] = one;
            else
                Open(one, open);
        }
        _waiting.RemoveRange(kept, _waiting.Count - kept);
        limits.Rootless.LeftOut = _waiting.Count(static w => w.Rootless);
        limits.Namespaces.LeftOut += _waiting.Count - limits.Rootless.LeftOut;
    }

    private void Open(Waiting one, Action<int, ulong, long, bool> open)
    {
        _inodes.Remove(one.Inode);
        Take(one.Rootless);
        open(one.Pid, one.Inode, one.Start, one.Rootless);
    }

    private sealed record Waiting(ulong Inode, int Pid, long Start, bool Rootless);
}
