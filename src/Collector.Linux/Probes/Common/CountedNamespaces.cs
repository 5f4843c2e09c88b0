using Collector.Core.Subjects;

namespace Collector.Linux.Probes.Common;

/// <summary>What becomes of a namespace's counters.</summary>
internal enum CountedState
{
    /// <summary>They go on.</summary>
    Alive,

    /// <summary>It is gone: counted for the last time.</summary>
    Dead,

    /// <summary>Nobody ever found it, and nothing has happened in it for long.</summary>
    Expired,
}

/// <summary>A namespace that something was counted for.</summary>
/// <param name="ns">Who it is as far as known.</param>
/// <param name="now">When it was met.</param>
internal sealed class CountedNamespace(Subject ns, long now)
{
    public Subject Namespace { get; set; } = ns;

    public CountedState State { get; set; }

    /// <summary>Not found by the search for namespaces: it lived too short, or has not been found yet.</summary>
    public bool Stranger { get; set; }

    /// <summary>Unix nanoseconds of its last change, to the collection.</summary>
    public long ChangedAt { get; set; } = now;

    /// <summary>It is not kept any more.</summary>
    public bool Forgotten { get; set; }
}

/// <summary>
/// The namespaces in the keys of kernel maps: found, dead, or strangers that are forgotten after a time so that they
/// do not fill the maps for ever. Belongs to the collection thread.
/// </summary>
internal sealed class CountedNamespaces(ProbeHost host)
{
    /// <summary>Nanoseconds that a stranger's counters stay without a change.</summary>
    private const long Patience = 300 * 1_000_000_000L;

    private readonly Dictionary<Subject, CountedNamespace> _byNamespace = [];
    private readonly List<CountedNamespace> _all = [];
    private readonly List<CountedNamespace> _leaving = [];
    private long _version = -1;
    private long _now;

    /// <summary>Looks who died, was found or is to be given up, before the maps are read.</summary>
    /// <param name="now">The moment of the collection.</param>
    /// <param name="scarce">A map is nearly full: strangers go at the first collection without a change.</param>
    /// <param name="forget">Called for each whose rows are to go.</param>
    public void Begin(long now, bool scarce, Action<Subject> forget)
    {
        var before = _now;
        _now = now;
        foreach (var counted in _leaving)
            Forget(counted, forget);
        var left = _leaving.Count > 0;
        _leaving.Clear();
        var changed = _version != host.Namespaces.Version;
        _version = host.Namespaces.Version;
        foreach (var counted in _all)
        {
            if (counted.Forgotten)
                continue;
            if (changed)
                Look(counted, forget);
            if (counted.State == CountedState.Dead)
                _leaving.Add(counted);
            else if (counted.Stranger && counted.ChangedAt < (scarce ? before : now - Patience))
                left |= Expire(counted, forget);
        }
        if (left)
            _all.RemoveAll(static c => c.Forgotten);
    }

    /// <summary>Whose a key is; null where the kernel could not tell.</summary>
    public CountedNamespace? Find(uint inode, uint cookie)
    {
        if (host.Namespaces.Directory.Find(inode, cookie) is not { } ns)
            return null;
        if (_byNamespace.TryGetValue(ns, out var counted))
            return counted;
        counted = new CountedNamespace(ns, _now);
        Judge(counted);
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

    private void Look(CountedNamespace counted, Action<Subject> forget)
    {
        var ns = counted.Namespace;
        if (counted.Stranger
            && host.Namespaces.Directory.Find((uint)ns.Inode, (uint)ns.Cookie) is { } found
            && !ReferenceEquals(found, ns))
        {
            forget(ns);
            _byNamespace.Remove(ns);
            _byNamespace.TryAdd(found, counted);
            counted.Namespace = found;
        }
        Judge(counted);
    }

    // Its rows go now: they would show 0 once. One that cannot be opened is alive all the same.
    private bool Expire(CountedNamespace counted, Action<Subject> forget)
    {
        if (host.Namespaces.IsUnreadable(counted.Namespace.Inode))
            return false;
        counted.State = CountedState.Expired;
        Forget(counted, forget);
        return true;
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
        var directory = host.Namespaces.Directory;
        if (directory.IsDead(counted.Namespace))
            counted.State = CountedState.Dead;
        counted.Stranger = counted.State != CountedState.Dead && !directory.IsAlive(counted.Namespace);
    }
}
