using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Linux.Probes.Common;

/// <summary>A row and the counters that are added up for it, one per column of its table.</summary>
internal sealed class CounterRow(Row row, long[] values)
{
    public Row Row { get; } = row;

    public long[] Values { get; } = values;

    /// <summary>Its namespace is gone: it is not written any more.</summary>
    public bool Dropped { get; set; }
}

/// <summary>A row by kind, and the one with its namespace's sum, where it counts in that too.</summary>
internal sealed record SummedRow(CounterRow Row, CounterRow? Sum)
{
    public void Add(long n)
    {
        Row.Values[0] += n;
        if (Sum is not null)
            Sum.Values[0] += n;
    }
}

/// <summary>
/// Rows of a table whose counters are added up from kernel map entries: one per namespace and up to two numbers (a
/// reason and a family, a state). A row stays until its namespace is gone; nothing is allocated for a known one.
/// </summary>
/// <param name="table">The table; its metrics are plain counters.</param>
/// <param name="since">Unix nanoseconds since which the kernel counts.</param>
/// <param name="tags">Row tags of a new row.</param>
internal sealed class CounterRows(TableInfo table, long since, Func<long, long, TagValue[]> tags)
{
    private static readonly object Node = new();

    private readonly Dictionary<object, Dictionary<(long A, long B), CounterRow>> _byNamespace =
        new(ReferenceEqualityComparer.Instance);

    private readonly List<CounterRow> _order = [];
    private bool _dropped;

    /// <summary>Version of the namespaces that all have a row; see <see cref="CountedNamespaces.Cover"/>.</summary>
    public long Covered { get; set; } = -1;

    /// <summary>The namespaces that have rows.</summary>
    public IEnumerable<Subject> Namespaces => _byNamespace.Keys.OfType<Subject>();

    /// <summary>Sets every counter to zero before the map's entries are added up.</summary>
    public void Begin()
    {
        if (_dropped)
            _order.RemoveAll(static row => row.Dropped);
        _dropped = false;
        foreach (var row in _order)
            row.Values.AsSpan().Clear();
    }

    /// <summary>A row; add to its counters.</summary>
    /// <param name="ns">Its namespace; null in a table of the node.</param>
    /// <param name="a">First number that tells rows of a namespace apart.</param>
    /// <param name="b">Second.</param>
    public CounterRow Of(Subject? ns, long a = 0, long b = 0)
    {
        ref var rows = ref CollectionsMarshal.GetValueRefOrAddDefault(_byNamespace, ns ?? Node, out _);
        ref var row = ref CollectionsMarshal.GetValueRefOrAddDefault(rows ??= [], (a, b), out _);
        if (row is null)
        {
            row = new CounterRow(
                new Row(table, ns, Math.Max(since, ns?.StartTime ?? 0), tags(a, b)), new long[table.Width]);
            _order.Add(row);
        }
        return row;
    }

    public void Write(SnapshotBuilder snapshot)
    {
        foreach (var counted in _order)
        {
            if (counted.Dropped)
                continue;
            var row = snapshot.Append(counted.Row);
            for (var column = 0; column < counted.Values.Length; column++)
                row.Set(column, counted.Values[column]);
        }
    }

    /// <summary>Forgets the rows of a namespace that is gone.</summary>
    public void Drop(Subject ns)
    {
        if (!_byNamespace.Remove(ns, out var rows))
            return;
        foreach (var row in rows.Values)
            row.Dropped = true;
        _dropped = true;
    }
}
