using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Common;

/// <summary>
/// Base of probes that look into every namespace: keeps one reader per namespace, opened when the namespace appears
/// and dropped with it. One that cannot be opened is tried again with growing pauses and disturbs no other.
/// </summary>
/// <remarks>
/// A namespace that ends between two collections is read a last time before it is let go; the rows are in the next
/// snapshot, and what they counted in those of the next minute, so that nothing of its last interval is lost.
/// </remarks>
public abstract class PerNamespaceProbe<TReader> : Probe
    where TReader : class, IDisposable
{
    private const int LongestPause = 64;
    private readonly Dictionary<NamespaceHandle, Entry> _entries = [];
    private readonly List<Entry> _order = [];
    private readonly LastRows _last;

    protected PerNamespaceProbe(ProbeInfo info, ProbeHost host) : base(info)
    {
        Host = host;
        _last = new LastRows(IsReplaced);
        host.Namespaces.Leaving += Leave;
    }

    protected ProbeHost Host { get; }

    /// <summary>Opens what is needed in one namespace. Allocation is welcome here and nowhere else.</summary>
    /// <exception cref="LinuxException">Not now; tried again later.</exception>
    protected abstract TReader Open(NamespaceHandle ns, SnapshotBuilder snapshot);

    /// <summary>Appends the rows of one namespace.</summary>
    protected abstract void Collect(TReader reader, NamespaceHandle ns, SnapshotBuilder snapshot);

    public override void Collect(SnapshotBuilder snapshot)
    {
        _last.AppendTo(snapshot);
        var all = Host.Namespaces.Handles;
        for (var i = 0; i < all.Length; i++)
        {
            var ns = all[i];
            if (ReaderOf(EntryOf(ns, i), snapshot) is { } reader)
                Collect(reader, ns, snapshot);
        }
        if (_order.Count > all.Length)
            _order.RemoveRange(all.Length, _order.Count - all.Length);
        _last.AppendHeldTo(snapshot);
    }

    /// <summary>
    /// By a namespace that got the number of one that is gone: its series are the same ones, unless names tell them
    /// apart. A pod's number is of one at a time: whoever looks for it must not find the name of the pod before.
    /// </summary>
    private bool IsReplaced(Subject gone) => Host.Namespaces.Find(gone.Inode) is { } one
        && (gone.Names.IsResolved || one.Namespace.Names.IsResolved
            || one.Namespace.Names.NetnsName == gone.Names.NetnsName);

    // As a rule it stands where it stood: looking each up, of each probe, costs more than most of them do.
    private Entry EntryOf(NamespaceHandle ns, int place)
    {
        if (place < _order.Count && _order[place].Namespace == ns)
            return _order[place];
        if (!_entries.TryGetValue(ns, out var entry))
            _entries.Add(ns, entry = new Entry(ns));
        if (place < _order.Count)
            _order[place] = entry;
        else
            _order.Add(entry);
        return entry;
    }

    private TReader? ReaderOf(Entry entry, SnapshotBuilder snapshot)
    {
        if (entry.Reader is not null || snapshot.Tick < entry.RetryAt)
            return entry.Reader;
        try
        {
            entry.Reader = Open(entry.Namespace, snapshot);
            entry.Pause = 0;
        }
        catch (LinuxException e)
        {
            snapshot.ReadFailed(e.Errno.ToString());
            entry.Pause = Math.Clamp(entry.Pause * 2, 1, LongestPause);
            entry.RetryAt = snapshot.Tick + entry.Pause;
        }
        return entry.Reader;
    }

    private void Leave(NamespaceHandle ns)
    {
        if (!_entries.Remove(ns, out var entry) || entry.Reader is null)
            return;
        using (entry.Reader)
            _last.Read(snapshot => Collect(entry.Reader, ns, snapshot));
    }

    protected override void Dispose(bool disposing)
    {
        Host.Namespaces.Leaving -= Leave;
        foreach (var entry in _entries.Values)
            entry.Reader?.Dispose();
        _entries.Clear();
        _order.Clear();
        base.Dispose(disposing);
    }

    private sealed class Entry(NamespaceHandle ns)
    {
        public NamespaceHandle Namespace { get; } = ns;
        public TReader? Reader;
        public int Pause;
        public long RetryAt;
    }
}
