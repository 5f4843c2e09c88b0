using System.Collections.Concurrent;
using Collector.Core.Subjects;

namespace Collector.Linux.Namespaces;

/// <summary>
/// Network namespaces by inode, for threads other than the collection's: who is behind the number in a kernel record.
/// One that died stays known until its inode is used again or too many have died.
/// </summary>
/// <param name="name">Names what is asked for, where it can; null: nobody does.</param>
internal sealed class NamespaceDirectory(Action<Subject>? name = null)
{
    private const int MostStrangers = 1024;
    private const int MostDead = 4096;
    private readonly ConcurrentDictionary<ulong, NetNamespace> _known = new();
    private readonly ConcurrentDictionary<(ulong Inode, uint Cookie), Subject> _strangers = new();
    private readonly ConcurrentDictionary<NetNamespace, bool> _dead = new();
    private long _strangerGeneration;

    /// <summary>
    /// The namespace that a record is about. One that nobody has found yet, or never will because it lived too short,
    /// gets an object of its own, without names.
    /// </summary>
    /// <param name="inode">From the record; 0 gives null.</param>
    /// <param name="cookie">Low half of the kernel's cookie; 0 where it has none.</param>
    public Subject? Find(uint inode, uint cookie)
    {
        if (inode == 0)
            return null;
        if (_known.TryGetValue(inode, out var ns) && (cookie == 0 || ns.Cookie == 0 || (uint)ns.Cookie == cookie))
            return ns.IsHost ? ns : Named(ns);
        if (_strangers.TryGetValue((inode, cookie), out var stranger))
            return Named(stranger);
        if (_strangers.Count >= MostStrangers)
            _strangers.Clear();
        return Named(_strangers.GetOrAdd((inode, cookie), static (key, self) => new Subject(
            SubjectKind.Stranger, key.Inode, Interlocked.Increment(ref self._strangerGeneration),
            Kernel.KernelClock.UnixNow())
        {
            Cookie = key.Cookie,
        }, this));
    }

    /// <summary>The last one that had this inode; null where none was found.</summary>
    public NetNamespace? Known(ulong inode) => _known.GetValueOrDefault(inode);

    private Subject Named(Subject subject)
    {
        name?.Invoke(subject);
        return subject;
    }

    /// <summary>True for one that is known and alive.</summary>
    public bool IsAlive(Subject subject) => subject is NetNamespace ns
        && _known.TryGetValue(ns.Inode, out var known) && ReferenceEquals(known, ns) && !_dead.ContainsKey(ns);

    /// <summary>True for one that was known and is gone.</summary>
    public bool IsDead(Subject subject) => subject is NetNamespace ns && _dead.ContainsKey(ns);

    public void Add(NetNamespace ns)
    {
        if (_known.TryGetValue(ns.Inode, out var before))
            _dead.TryRemove(before, out _);
        _known[ns.Inode] = ns;
        _strangers.TryRemove((ns.Inode, (uint)ns.Cookie), out _);
        _strangers.TryRemove((ns.Inode, 0), out _);
    }

    public void Remove(NetNamespace ns)
    {
        if (_dead.Count >= MostDead)
            Forget();
        _dead[ns] = true;
    }

    private void Forget()
    {
        foreach (var ns in _dead.Keys)
            _known.TryRemove(new(ns.Inode, ns));
        _dead.Clear();
    }
}
