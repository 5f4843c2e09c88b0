using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Common;

/// <summary>A namespace's row with a histogram, added up from kernel map entries.</summary>
internal sealed class NamespaceHistogram(Row row)
{
    private NanosecondHistogram _sum;

    public void Begin() => _sum = default;

    public void Add(in NanosecondHistogram counted) => _sum.Add(counted);

    public void Write(SnapshotBuilder snapshot, Metric metric) => _sum.Write(snapshot.Append(row), metric);
}

/// <summary>
/// One histogram per namespace in which something was measured, and up to two numbers. A row stays until its namespace
/// is gone; nothing is allocated for a known one.
/// </summary>
/// <param name="table">The table.</param>
/// <param name="metric">Its histogram.</param>
/// <param name="since">Unix nanoseconds since which the kernel counts.</param>
/// <param name="tags">Row tags of a new row; null: the table has none.</param>
internal sealed class NamespaceHistograms(
    TableInfo table, Metric metric, long since, Func<long, long, TagValue[]>? tags = null)
{
    private readonly Dictionary<Subject, Dictionary<(long A, long B), NamespaceHistogram>> _byNamespace = [];

    /// <summary>Sets every histogram to zero before the map's entries are added up.</summary>
    public void Begin()
    {
        foreach (var its in _byNamespace.Values)
        {
            foreach (var histogram in its.Values)
                histogram.Begin();
        }
    }

    /// <summary>A row; add to its histogram.</summary>
    /// <param name="ns">Its namespace.</param>
    /// <param name="a">First number that tells rows of a namespace apart.</param>
    /// <param name="b">Second.</param>
    public NamespaceHistogram Of(Subject ns, long a = 0, long b = 0)
    {
        ref var its = ref CollectionsMarshal.GetValueRefOrAddDefault(_byNamespace, ns, out _);
        ref var histogram = ref CollectionsMarshal.GetValueRefOrAddDefault(its ??= [], (a, b), out _);
        return histogram ??= new(new Row(table, ns, Math.Max(since, ns.StartTime), tags?.Invoke(a, b) ?? []));
    }

    public void Write(SnapshotBuilder snapshot)
    {
        foreach (var its in _byNamespace.Values)
        {
            foreach (var histogram in its.Values)
                histogram.Write(snapshot, metric);
        }
    }

    /// <summary>Forgets a namespace that is gone.</summary>
    public void Drop(Subject ns) => _byNamespace.Remove(ns);
}
