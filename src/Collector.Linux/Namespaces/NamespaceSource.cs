namespace Collector.Linux.Namespaces;

/// <summary>
/// Something read at most once per namespace and collection, however many probes want it: a file, a netlink dump.
/// </summary>
public abstract class NamespaceSource : IDisposable
{
    private long _tick = -1;
    private bool _ok;

    /// <summary>
    /// The last collection in which a probe asked; the registry closes what nobody asks for any more.
    /// </summary>
    internal long LastUsed => _tick;

    /// <summary>Short constant for the failure's label when <see cref="Read"/> returned false.</summary>
    public string Failure { get; protected set; } = "";

    /// <summary>Makes the content that of this collection; true when there is any.</summary>
    public bool EnsureRead(NamespaceHandle handle, long tick)
    {
        if (_tick == tick)
            return _ok;
        _tick = tick;
        return _ok = Read(handle);
    }

    /// <summary>Opens on first use, reads, parses. Does not throw for what can happen to a kernel file.</summary>
    protected abstract bool Read(NamespaceHandle handle);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}
