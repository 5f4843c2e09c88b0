using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Linux.Probes.Common;

/// <summary>
/// Rows of a table whose counters are added up from kernel map entries: one per namespace and up to two numbers (a
/// reason and a family, a state). A row stays until its namespace is gone; nothing is allocated for a known one.
/// </summary>
/// <param name="table">The table; its metrics are plain counters.</param>
/// <param name="tags">Row tags of a new row.</param>
internal sealed class CounterRows(TableInfo table, Func<long, long, TagValue[]> tags)
{
    private readonly Dictionary<(Subject? Namespace, long A, long B), Entry> _entries = [];
    private readonly List<Entry> _order = [];

    /// <summary>Sets every counter to zero before the map's entries are added up.</summary>
    public void Begin()
    {
        foreach (var entry in _order)
            entry.Values.AsSpan().Clear();
    }

    /// <summary>The counters of one row, one per column of the table; add to them.</summary>
    /// <param name="ns">Its namespace; null in a table of the node.</param>
    /// <param name="a">First number that tells rows of a namespace apart.</param>
    /// <param name="b">Second.</param>
    /// <param name="since">Unix nanoseconds since which the kernel counts.</param>
    public Span<long> Counters(Subject? ns, long a, long b, long since)
    {
        ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_entries, (ns, a, b), out var exists);
        if (!exists)
        {
            entry = new Entry(
                new Row(table, ns, Math.Max(since, ns?.StartTime ?? 0), tags(a, b)), new long[table.Width]);
            _order.Add(entry);
        }
        return entry!.Values;
    }

    public void Write(SnapshotBuilder snapshot)
    {
        foreach (var entry in _order)
        {
            var row = snapshot.Append(entry.Row);
            for (var column = 0; column < entry.Values.Length; column++)
                row.Set(column, entry.Values[column]);
        }
    }

    /// <summary>Forgets the rows of a namespace that is gone.</summary>
    public void Drop(Subject ns)
    {
        foreach (var (key, entry) in _entries)
        {
            if (!ReferenceEquals(key.Namespace, ns))
                continue;
            _entries.Remove(key);
            _order.Remove(entry);
        }
    }

    private sealed record Entry(Row Row, long[] Values);
}
