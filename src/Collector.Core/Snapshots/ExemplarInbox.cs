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

    /// <summary>Collections that look for a row: the one under way may have read the counters before.</summary>
    private const int MostLooks = 3;

    private readonly Lock _lock = new();
    private readonly List<Waiting> _waiting = [];

    /// <summary>Takes an event, if a histogram has counted it.</summary>
    public void Offer(NetworkEvent e)
    {
        if (e is not { Measured: not null, Start: not null })
            return;
        lock (_lock)
        {
            if (_waiting.Count == Capacity)
                _waiting.RemoveAt(0);
            _waiting.Add(new Waiting { Event = e });
        }
    }

    /// <summary>Gives what waits to its rows in a collection that has ended.</summary>
    internal void Place(Snapshot snapshot)
    {
        lock (_lock)
        {
            var left = 0;
            var waiting = CollectionsMarshal.AsSpan(_waiting);
            foreach (ref var one in waiting)
            {
                // What came while it was read belongs to the next: its own may not have it yet.
                if ((one.Event.Time > snapshot.Time || !TryPlace(one.Event, snapshot)) && ++one.Looks < MostLooks)
                    waiting[left++] = one;
            }
            _waiting.RemoveRange(left, waiting.Length - left);
        }
    }

    private static bool TryPlace(NetworkEvent e, Snapshot snapshot)
    {
        var table = e.Measured!.Metric.Table;
        return TryPlace(e, snapshot, table) || (table.Whole != table && TryPlace(e, snapshot, table.Whole));
    }

    private static bool TryPlace(NetworkEvent e, Snapshot snapshot, TableInfo info)
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
            if (column[r] > 0 && IsOf(rows[r], e))
            {
                rows[r].Keep(metric.Column + bucket, example);
                return true;
            }
        }
        return false;
    }

    private static bool IsOf(Row row, NetworkEvent e)
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
            return subject == e.Subject
                || (e.Subject is { HostNetwork: false } its && !subject.HostNetwork && subject.Inode == its.Inode);
        return e.Process?.Pod is { } pod ? IsPod(subject.Names, pod) : subject.IsHost;
    }

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
