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
/// One histogram per namespace in which something was measured. A row stays until its namespace is gone; nothing is
/// allocated for a known one.
/// </summary>
/// <param name="table">The table, without row tags.</param>
/// <param name="metric">Its histogram.</param>
/// <param name="since">Unix nanoseconds since which the kernel counts.</param>
internal sealed class NamespaceHistograms(TableInfo table, Metric metric, long since)
{
    private readonly Dictionary<Subject, NamespaceHistogram> _byNamespace = [];

    /// <summary>Sets every histogram to zero before the map's entries are added up.</summary>
    public void Begin()
    {
        foreach (var histogram in _byNamespace.Values)
            histogram.Begin();
    }

    public NamespaceHistogram Of(Subject ns)
    {
        ref var histogram = ref CollectionsMarshal.GetValueRefOrAddDefault(_byNamespace, ns, out _);
        return histogram ??= new(new Row(table, ns, Math.Max(since, ns.StartTime)));
    }

    public void Write(SnapshotBuilder snapshot)
    {
        foreach (var histogram in _byNamespace.Values)
            histogram.Write(snapshot, metric);
    }

    /// <summary>Forgets a namespace that is gone.</summary>
    public void Drop(Subject ns) => _byNamespace.Remove(ns);
}
