namespace Collector.Linux.Sources;

/// <summary>Where figures are read that the kernel gives in two ways (<c>collection.source</c>).</summary>
public enum CollectionSource
{
    /// <summary>In the kernel's own structures, where that can be done and agrees with /proc; else as /proc.</summary>
    Auto,

    /// <summary>The same, and whoever looks is warned where it cannot be done.</summary>
    Kernel,

    /// <summary>By /proc and netlink.</summary>
    Proc,
}

/// <summary>The parts of the collection that one eBPF pass can read, and what the operator wants of them.</summary>
public sealed class CollectedParts(CollectionSource wanted)
{
    private readonly List<CollectedPart> _all = [];

    public CollectionSource Wanted { get; private set; } = wanted;

    public IReadOnlyList<CollectedPart> All => _all;

    /// <summary>Has parts chosen anew: all where something else is wanted, else those that were refused.</summary>
    internal void Renew(CollectionSource source)
    {
        foreach (var part in _all)
        {
            if (!part.FromKernel || source != Wanted)
                part.Forget();
        }
        Wanted = source;
    }

    /// <param name="name">For the operator: <c>mib</c>.</param>
    /// <param name="release">Gives back what it has in the kernel.</param>
    internal CollectedPart Add(string name, Action? release = null)
    {
        var part = new CollectedPart(name, this, release);
        _all.Add(part);
        return part;
    }
}

/// <summary>A part of the collection: which of the two sources it has, and why.</summary>
public sealed class CollectedPart
{
    private readonly CollectedParts _parts;
    private readonly Action? _release;

    internal CollectedPart(string name, CollectedParts parts, Action? release)
    {
        Name = name;
        _parts = parts;
        _release = release;
    }

    public string Name { get; }

    /// <summary>False before a probe has asked for it.</summary>
    public bool IsChosen => Reason.Length > 0;

    /// <summary>True where the pass is used, false where /proc and netlink are.</summary>
    public bool FromKernel { get; private set; }

    /// <summary>As the configuration says it.</summary>
    public string Source => FromKernel ? "kernel" : "proc";

    /// <summary>Why.</summary>
    public string Reason { get; private set; } = "";

    /// <summary>True where the operator wants the pass and cannot have it.</summary>
    public bool IsRefused => IsChosen && !FromKernel && _parts.Wanted == CollectionSource.Kernel;

    /// <summary>Collections that were read by /proc all the same, because the pass failed.</summary>
    public long Fallbacks { get; private set; }

    /// <summary>Why the last of them was.</summary>
    public string LastFallback { get; private set; } = "";

    /// <summary>True, and /proc is chosen, where the operator wants that.</summary>
    internal bool IsDeclined()
    {
        if (_parts.Wanted == CollectionSource.Proc)
            Choose(false, "collection.source is proc");
        return _parts.Wanted == CollectionSource.Proc;
    }

    /// <summary>Takes the choice; what /proc does not need is given back.</summary>
    internal void Choose(bool fromKernel, string reason)
    {
        (FromKernel, Reason) = (fromKernel, reason);
        if (!fromKernel)
            _release?.Invoke();
    }

    /// <summary>Not chosen yet: what the operator wants has changed, or it is to be tried again.</summary>
    internal void Forget()
    {
        (FromKernel, Reason) = (false, "");
        _release?.Invoke();
    }

    internal void CountFallback(string reason)
    {
        Fallbacks++;
        LastFallback = reason;
    }

    public override string ToString() => $"{Name}: {Source} ({Reason})";
}
