using Collector.Core.Subjects;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Drops;

/// <summary>What becomes of a namespace's counters.</summary>
internal enum DropOwnerState
{
    /// <summary>They go on.</summary>
    Alive,

    /// <summary>It is gone: counted for the last time.</summary>
    Dead,

    /// <summary>Nobody ever found it, and nothing has happened in it for long.</summary>
    Expired,
}

/// <summary>A namespace that drops were counted for.</summary>
/// <param name="ns">Who it is as far as known.</param>
/// <param name="now">When it was met.</param>
internal sealed class DropOwner(Subject ns, long now)
{
    public Subject Namespace { get; set; } = ns;

    public DropOwnerState State { get; set; }

    /// <summary>Not found by the search for namespaces: it lived too short, or has not been found yet.</summary>
    public bool Stranger { get; set; }

    /// <summary>Unix nanoseconds of its last drop, to the collection.</summary>
    public long ChangedAt { get; set; } = now;
}

/// <summary>
/// The namespaces in the keys of a kernel map: found, dead, or strangers that are forgotten after a time so that they
/// do not fill the map for ever. Belongs to the collection thread.
/// </summary>
internal sealed class DropOwners(ProbeHost host)
{
    /// <summary>Nanoseconds that a stranger's counters stay without a change.</summary>
    private const long Patience = 300 * 1_000_000_000L;

    private readonly Dictionary<Subject, DropOwner> _byNamespace = [];
    private readonly List<DropOwner> _owners = [];
    private readonly List<DropOwner> _leaving = [];
    private long _version = -1;
    private long _now;

    /// <summary>Looks who died, was found or is to be given up, before the map is read.</summary>
    /// <param name="now">Unix nanoseconds.</param>
    /// <param name="scarce">The map is nearly full: strangers go at the first collection without a drop.</param>
    /// <param name="forget">Called for each whose rows are to go.</param>
    public void Begin(long now, bool scarce, Action<Subject> forget)
    {
        var before = _now;
        _now = now;
        foreach (var owner in _leaving)
            Remove(owner, forget);
        _leaving.Clear();
        var changed = _version != host.Namespaces.Version;
        _version = host.Namespaces.Version;
        for (var i = _owners.Count - 1; i >= 0; i--)
        {
            var owner = _owners[i];
            if (changed)
                Look(owner, forget);
            if (owner.State == DropOwnerState.Dead)
                _leaving.Add(owner);
            else if (owner.Stranger && owner.ChangedAt < (scarce ? before : now - Patience))
                Expire(owner, forget);
        }
    }

    /// <summary>The owner of a key; null where the kernel could not tell.</summary>
    public DropOwner? Find(uint inode, uint cookie)
    {
        if (host.Namespaces.Directory.Find(inode, cookie) is not { } ns)
            return null;
        if (_byNamespace.TryGetValue(ns, out var owner))
            return owner;
        owner = new DropOwner(ns, _now);
        Judge(owner);
        if (owner.State == DropOwnerState.Dead)
            _leaving.Add(owner);
        _byNamespace.Add(ns, owner);
        _owners.Add(owner);
        return owner;
    }

    /// <summary>Notes whether a counter of the owner moved.</summary>
    public DropOwnerState Note(DropOwner? owner, bool changed)
    {
        if (owner is null)
            return DropOwnerState.Alive;
        if (changed)
            owner.ChangedAt = _now;
        return owner.State;
    }

    private void Look(DropOwner owner, Action<Subject> forget)
    {
        if (owner.Stranger
            && host.Namespaces.Directory.Find((uint)owner.Namespace.Inode, (uint)owner.Namespace.Cookie) is { } found
            && !ReferenceEquals(found, owner.Namespace))
        {
            forget(owner.Namespace);
            _byNamespace.Remove(owner.Namespace);
            _byNamespace.TryAdd(found, owner);
            owner.Namespace = found;
        }
        Judge(owner);
    }

    // Its rows go now: they would show 0 once. One that cannot be opened is alive all the same.
    private void Expire(DropOwner owner, Action<Subject> forget)
    {
        if (host.Namespaces.IsUnreadable(owner.Namespace.Inode))
            return;
        owner.State = DropOwnerState.Expired;
        Remove(owner, forget);
    }

    private void Remove(DropOwner owner, Action<Subject> forget)
    {
        forget(owner.Namespace);
        _owners.Remove(owner);
        if (_byNamespace.TryGetValue(owner.Namespace, out var its) && ReferenceEquals(its, owner))
            _byNamespace.Remove(owner.Namespace);
    }

    private void Judge(DropOwner owner)
    {
        var directory = host.Namespaces.Directory;
        if (directory.IsDead(owner.Namespace))
            owner.State = DropOwnerState.Dead;
        owner.Stranger = owner.State != DropOwnerState.Dead && !directory.IsAlive(owner.Namespace);
    }
}
