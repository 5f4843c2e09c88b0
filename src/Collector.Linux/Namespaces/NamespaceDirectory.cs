using System.Collections.Concurrent;
using Collector.Core.Subjects;

namespace Collector.Linux.Namespaces;

/// <summary>
/// Network namespaces by inode, for threads other than the collection's: who is behind the number in a kernel record.
/// Those that died stay known, by their cookie also beside one that has got their inode, until too many have died.
/// </summary>
/// <param name="name">Names what is asked for, where it can; null: nobody does.</param>
internal sealed class NamespaceDirectory(Action<Subject>? name = null)
{
    private const int MostStrangers = 1024;
    private const int MostDead = 4096;
    private readonly ConcurrentDictionary<ulong, NetNamespace> _known = new();
    private readonly ConcurrentDictionary<(ulong Inode, uint Cookie), NetNamespace> _past = new();
    private readonly ConcurrentDictionary<(ulong Inode, uint Cookie), Subject> _strangers = new();
    private readonly ConcurrentDictionary<NetNamespace, bool> _dead = new();
    private long _strangerGeneration;
    private int _deadRootless;

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
        if (_known.TryGetValue(inode, out var ns) && IsLife(ns, cookie))
            return ns.IsHost ? ns : Named(ns);
        if (_past.TryGetValue((inode, cookie), out var past))
            return past;
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

    private Subject Named(Subject subject)
    {
        name?.Invoke(subject);
        return subject;
    }

    /// <summary>The one that lives and has this inode; null where none is known.</summary>
    public NetNamespace? Alive(ulong inode) =>
        _known.TryGetValue(inode, out var ns) && !_dead.ContainsKey(ns) ? ns : null;

    /// <summary>True for one that is known and alive.</summary>
    public bool IsAlive(Subject subject) => ReferenceEquals(Alive(subject.Inode), subject);

    /// <summary>True for one that was known and is gone.</summary>
    public bool IsDead(Subject subject) => subject is NetNamespace ns && !IsAlive(ns);

    /// <summary>True where a record with this cookie can be about it.</summary>
    public static bool IsLife(NetNamespace ns, ulong cookie) =>
        cookie == 0 || ns.Cookie == 0 || (uint)ns.Cookie == (uint)cookie;

    public void Add(NetNamespace ns)
    {
        _known[ns.Inode] = ns;
        _strangers.TryRemove((ns.Inode, (uint)ns.Cookie), out _);
        _strangers.TryRemove((ns.Inode, 0), out _);
    }

    public void Remove(NetNamespace ns)
    {
        // Users can make and end as many as they like: those must not have others forgotten.
        if (ns.Rootless && ++_deadRootless > MostDead / 4)
            ForgetRootless();
        if (_dead.Count >= MostDead)
            Forget();
        _dead[ns] = true;
        if (ns.Cookie != 0)
            _past[(ns.Inode, (uint)ns.Cookie)] = ns;
    }

    private void ForgetRootless()
    {
        foreach (var (ns, _) in _dead)
        {
            if (!ns.Rootless)
                continue;
            _known.TryRemove(new(ns.Inode, ns));
            _past.TryRemove(new((ns.Inode, (uint)ns.Cookie), ns));
            _dead.TryRemove(ns, out _);
        }
        _deadRootless = 1;
    }

    private void Forget()
    {
        foreach (var ns in _dead.Keys)
            _known.TryRemove(new(ns.Inode, ns));
        _past.Clear();
        _dead.Clear();
        _deadRootless = 0;
    }
}
