using System.Runtime.InteropServices;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;

namespace Collector.Linux.Probes.Common;

/// <summary>What becomes of a namespace's counters.</summary>
internal enum CountedState
{
    /// <summary>They go on.</summary>
    Alive,

    /// <summary>It is gone: counted for the last time.</summary>
    Dead,

    /// <summary>
    /// Nobody ever found it, and nothing has happened in it for long, or another one has its number by now. Or it was
    /// found once, had no name, and is gone.
    /// </summary>
    Expired,
}

/// <summary>A namespace that something was counted for.</summary>
/// <param name="ns">Whom its rows are about.</param>
/// <param name="now">When it was met.</param>
internal sealed class CountedNamespace(Subject ns, long now)
{
    public Subject Namespace { get; set; } = ns;

    public CountedState State { get; set; }

    /// <summary>
    /// Not found by the search for namespaces, and then its number and cookie: it lived too short, or has not been
    /// found yet.
    /// </summary>
    public (uint Inode, uint Cookie)? Stranger { get; set; }

    /// <summary>The moment of the collection that met it.</summary>
    public long MetAt { get; } = now;

    /// <summary>Unix nanoseconds of its last change, to the collection.</summary>
    public long ChangedAt { get; set; } = now;

    /// <summary>It is not kept any more.</summary>
    public bool Forgotten { get; set; }
}

/// <summary>
/// The namespaces in the keys of kernel maps: found, dead, or strangers that are forgotten after a time so that they
/// do not fill the maps for ever. Belongs to the collection thread.
/// </summary>
/// <remarks>
/// A series says which namespace it is of by its number, and the kernel gives the number of one that ended to the next
/// one at once. So all strangers of a number have one row, as long as no living namespace is known to have it; what
/// was counted for those that are over is in <see cref="Past"/>. No row ever falls, and nothing counted is ever lost.
/// One without a name that was there in a single collection is told there as well: a series with one point shows no
/// growth.
/// </remarks>
/// <param name="host">The machine.</param>
/// <param name="vouched">Kept up to date, where the program has it.</param>
internal sealed class CountedNamespaces(ProbeHost host, VouchedNamespaces? vouched = null)
{
    /// <summary>Nanoseconds that a stranger's counters stay without a change.</summary>
    private const long Patience = 300 * 1_000_000_000L;

    private readonly Dictionary<Subject, CountedNamespace> _byNamespace = [];
    private readonly Dictionary<(uint Inode, uint Cookie), CountedNamespace> _strangers = [];
    private readonly Dictionary<ulong, Number> _numbers = [];
    private readonly List<CountedNamespace> _all = [];
    private readonly List<CountedNamespace> _leaving = [];
    private long _version = -1;
    private long _generation;
    private long _before;
    private long _now;
    private long _startOfNew;
    private long _began;

    /// <summary>All strangers that are over.</summary>
    public Subject Past { get; } = new(SubjectKind.Stranger, 0, 0, 0);

    /// <summary>Looks who died, was found or is to be given up, before the maps are read.</summary>
    /// <param name="now">The moment of the collection.</param>
    /// <param name="scarce">A map is nearly full: strangers go at the first collection without a change.</param>
    /// <param name="forget">Called for each whose rows are to go.</param>
    public void Begin(long now, bool scarce, Action<Subject> forget)
    {
        vouched?.Refresh();
        (_before, _now) = (_now, now);
        (_startOfNew, _began) = (_began, KernelClock.UnixNow());
        foreach (var counted in _leaving)
            Forget(counted, forget);
        var left = _leaving.Count > 0;
        _leaving.Clear();
        var changed = _version != host.Namespaces.Version;
        _version = host.Namespaces.Version;
        foreach (var counted in _all)
        {
            if (changed && !counted.Forgotten)
                Look(counted, forget);
            if (counted.Forgotten)
                left = true;
            else if (counted.State == CountedState.Dead)
                _leaving.Add(counted);
            else if (counted.Stranger is { } life && counted.ChangedAt < (scarce ? _before : now - Patience)
                && !host.Namespaces.IsUnreadable(life.Inode))
            {
                Expire(counted, forget);
                left = true;
            }
        }
        if (left)
            _all.RemoveAll(static c => c.Forgotten);
    }

    /// <summary>
    /// Gives every namespace its row of sums, from its first collection on: what looks at growth sees no first fault
    /// in a series that begins with it. Rows of those that died without a fault go.
    /// </summary>
    public void Cover(CounterRows sums)
    {
        if (sums.Covered == host.Namespaces.Version)
            return;
        sums.Covered = host.Namespaces.Version;
        foreach (var handle in host.Namespaces.All)
            sums.Of(handle.Namespace);
        foreach (var ns in sums.Namespaces.Where(IsUncounted).ToArray())
            sums.Drop(ns);
    }

    // Strangers, and all that are over, are no namespaces of the directory; their rows go when they do.
    private bool IsUncounted(Subject ns) => ns.Kind is not SubjectKind.Stranger
        && !host.Namespaces.Directory.IsAlive(ns) && !_byNamespace.ContainsKey(ns);

    /// <summary>Whose a key is; null where the kernel could not tell.</summary>
    public CountedNamespace? Find(uint inode, uint cookie)
    {
        if (host.Namespaces.Directory.Find(inode, cookie) is not { } ns)
            return null;
        if (ns.Kind is SubjectKind.Stranger)
            return FindStranger(ns, (inode, cookie));
        if (_byNamespace.TryGetValue(ns, out var counted))
            return counted;
        counted = new CountedNamespace(ns, _now);
        Judge(counted);
        if (counted.State == CountedState.Expired)
            return counted;
        if (counted.State == CountedState.Dead)
            _leaving.Add(counted);
        _byNamespace.Add(ns, counted);
        _all.Add(counted);
        return counted;
    }

    /// <summary>Notes whether a counter of the namespace moved.</summary>
    public CountedState Note(CountedNamespace? counted, bool changed)
    {
        if (counted is null)
            return CountedState.Alive;
        if (changed)
            counted.ChangedAt = _now;
        return counted.State;
    }

    /// <summary>
    /// Whose row has what was counted for a stranger that has expired: its number's while there is one.
    /// </summary>
    public Subject KeeperOf(Subject stranger) =>
        _numbers.TryGetValue(stranger.Inode, out var number) && ReferenceEquals(number.Subject, stranger)
            ? stranger
            : Past;

    private CountedNamespace FindStranger(Subject ns, (uint Inode, uint Cookie) life)
    {
        if (_strangers.TryGetValue(life, out var counted))
            return counted;
        // One that lives has the number: this one is over.
        if (host.Namespaces.Directory.Alive(life.Inode) is not null)
            return new CountedNamespace(Past, _now) { State = CountedState.Expired };
        // Where its pod is known, its names tell it from others of that number.
        counted = new CountedNamespace(ns.Names.IsResolved ? ns : SubjectOf(life.Inode), _now) { Stranger = life };
        _strangers.Add(life, counted);
        _all.Add(counted);
        return counted;
    }

    private Subject SubjectOf(uint inode)
    {
        ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(_numbers, inode, out _);
        number.Subject ??= new Subject(SubjectKind.Stranger, inode, ++_generation, _startOfNew);
        number.Strangers++;
        return number.Subject;
    }

    private void Look(CountedNamespace counted, Action<Subject> forget)
    {
        if (counted.Stranger is not { } life)
        {
            Judge(counted);
            if (counted.State == CountedState.Expired)
                Forget(counted, forget);
            return;
        }
        var directory = host.Namespaces.Directory;
        if (directory.Find(life.Inode, life.Cookie) is NetNamespace found)
        {
            Leave(counted, life, forget);
            _byNamespace.TryAdd(found, counted);
            counted.Namespace = found;
            counted.Stranger = null;
            Judge(counted);
        }
        else if (directory.Alive(life.Inode) is not null)
        {
            Expire(counted, forget);
        }
    }

    // What it counted stays with its number or in the past, so its row does not fall.
    private void Expire(CountedNamespace counted, Action<Subject> forget)
    {
        counted.State = CountedState.Expired;
        counted.Forgotten = true;
        if (counted.Stranger is { } life)
            Leave(counted, life, forget);
        counted.Stranger = null;
    }

    private void Leave(CountedNamespace counted, (uint Inode, uint Cookie) life, Action<Subject> forget)
    {
        _strangers.Remove(life);
        ref var number = ref CollectionsMarshal.GetValueRefOrNullRef(_numbers, life.Inode);
        if (KeeperOf(counted.Namespace) == Past)
        {
            forget(counted.Namespace);
        }
        else if (--number.Strangers == 0)
        {
            _numbers.Remove(life.Inode);
            forget(counted.Namespace);
        }
    }

    private void Forget(CountedNamespace counted, Action<Subject> forget)
    {
        forget(counted.Namespace);
        counted.Forgotten = true;
        if (_byNamespace.TryGetValue(counted.Namespace, out var its) && ReferenceEquals(its, counted))
            _byNamespace.Remove(counted.Namespace);
    }

    private void Judge(CountedNamespace counted)
    {
        var ns = counted.Namespace;
        if (!host.Namespaces.Directory.IsDead(ns))
            return;
        var isNameless = ns.Names is { NetnsName: null, IsResolved: false };
        counted.State = isNameless && counted.MetAt >= _before ? CountedState.Expired : CountedState.Dead;
    }

    /// <summary>The strangers of one number.</summary>
    private struct Number
    {
        public Subject? Subject;
        public int Strangers;
    }
}
