using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Subjects;

namespace Collector.Core.Snapshots;

/// <summary>
/// Slow occurrences on their way to the rows whose histograms have counted them. Events come from other threads; a
/// collection that ends finds each its row, which keeps the newest of each bucket. Bounded: what comes on top pushes
/// out the oldest, and only an example is lost with it.
/// </summary>
public sealed class ExemplarInbox
{
    /// <summary>Occurrences that may wait for a collection.</summary>
    public const int Capacity = 512;

    /// <summary>Those of namespaces that any user can make: they push out each other.</summary>
    public const int RootlessCapacity = Capacity / 4;

    /// <summary>Collections that look for a row: the one under way may have read the counters before.</summary>
    private const int MostLooks = 3;

    private readonly Lock _lock = new();
    private readonly List<Waiting> _waiting = [];
    private int _rootless;
    private long _lost;

    /// <summary>Occurrences that became no exemplar: pushed out, or no row had counted them.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>Takes an event, if a histogram has counted it.</summary>
    public void Offer(NetworkEvent e)
    {
        if (e is not { Measured: not null, Start: not null })
            return;
        lock (_lock)
        {
            var full = _waiting.Count == Capacity;
            if (e.Rootless && (full || _rootless == RootlessCapacity))
                full = !TryDrop(_waiting.FindIndex(static w => w.Event.Rootless));
            else if (full)
                full = !TryDrop(0);
            if (full)
            {
                Interlocked.Increment(ref _lost);
                return;
            }
            _waiting.Add(new Waiting { Event = e });
            _rootless += e.Rootless ? 1 : 0;
        }
    }

    private bool TryDrop(int index)
    {
        if (index < 0)
            return false;
        _rootless -= _waiting[index].Event.Rootless ? 1 : 0;
        _waiting.RemoveAt(index);
        Interlocked.Increment(ref _lost);
        return true;
    }

    /// <summary>Gives what waits to its rows in a collection that has ended.</summary>
    internal void Place(Snapshot snapshot)
    {
        lock (_lock)
        {
            var (left, rootless) = (0, 0);
            var waiting = CollectionsMarshal.AsSpan(_waiting);
            foreach (ref var one in waiting)
            {
                one.Looks++;
                // What came while it was read belongs to the next: its own may not have it yet.
                if (one.Event.Time <= snapshot.Time && TryPlace(one.Event, snapshot, last: one.Looks == MostLooks))
                    continue;
                if (one.Looks == MostLooks)
                {
                    Interlocked.Increment(ref _lost);
                    continue;
                }
                rootless += one.Event.Rootless ? 1 : 0;
                waiting[left++] = one;
            }
            _rootless = rootless;
            _waiting.RemoveRange(left, waiting.Length - left);
        }
    }

    // Requests of a pod that has no row of its own are among the node's.
    private static bool TryPlace(NetworkEvent e, Snapshot snapshot, bool last) =>
        TryPlace(e, snapshot, ofNode: false, e.Measured!.Metric.Table)
        || (last && e.Measured.OfProcess && TryPlace(e, snapshot, ofNode: true, e.Measured.Metric.Table));

    private static bool TryPlace(NetworkEvent e, Snapshot snapshot, bool ofNode, TableInfo table) =>
        TryPlaceIn(e, snapshot, ofNode, table)
        || (table.Whole != table && TryPlaceIn(e, snapshot, ofNode, table.Whole));

    private static bool TryPlaceIn(NetworkEvent e, Snapshot snapshot, bool ofNode, TableInfo info)
    {
        if (snapshot.Find(info) is not { } table)
            return false;
        var example = new Exemplar(e, snapshot.Tick);
        var metric = e.Measured!.Metric;
        var bucket = 0;
        while (bucket < metric.Bounds!.Count && example.Value > metric.Bounds[bucket])
            bucket++;
        var column = table.Column(metric.Column + bucket);
        var rows = table.Rows;
        for (var r = 0; r < rows.Length; r++)
        {
            // Where the bucket is empty, another row has counted it.
            if (column[r] > 0 && IsOf(rows[r], e, ofNode))
            {
                rows[r].Keep(metric.Column + bucket, example);
                return true;
            }
        }
        return false;
    }

    private static bool IsOf(Row row, NetworkEvent e, bool ofNode)
    {
        var tags = e.Measured!.Tags;
        if (tags.Length != row.Tags.Count)
            return false;
        for (var i = 0; i < tags.Length; i++)
        {
            if (row.Tags[i] != tags[i])
                return false;
        }
        if (row.Subject is not { } subject)
            return true;
        if (!e.Measured.OfProcess)
            return e.Subject is { } its && (subject == its || IsLife(subject, its));
        return e.Process?.Pod is { } pod && !ofNode ? IsPod(subject.Names, pod) : subject.IsHost;
    }

    // A number may be another's by now; the cookie, of which a record tells a half, never is.
    private static bool IsLife(Subject row, Subject its) =>
        !row.HostNetwork && !its.HostNetwork && row.Inode == its.Inode
        && (row.Cookie == 0 || its.Cookie == 0 || (uint)row.Cookie == (uint)its.Cookie);

    private static bool IsPod(SubjectNames names, string pod) =>
        names.PodName is { } name && pod.Length == names.PodNamespace?.Length + 1 + name.Length
        && pod.StartsWith(names.PodNamespace!, StringComparison.Ordinal)
        && pod.EndsWith(name, StringComparison.Ordinal);

    private struct Waiting
    {
        public NetworkEvent Event;
        public int Looks;
    }
}
