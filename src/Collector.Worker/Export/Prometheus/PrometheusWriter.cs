using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Prometheus;

/// <summary>What went into a page.</summary>
/// <param name="Series">Series written; a histogram counts as one.</param>
/// <param name="Duplicates">Series left out because the page had them already.</param>
public readonly record struct PrometheusPageResult(int Series, int Duplicates);

/// <summary>Writes snapshots as Prometheus text or OpenMetrics. Any number of threads may write at once.</summary>
/// <remarks>
/// In steady state a page allocates nothing per series: lines are put together from bytes that are kept per column
/// (here) and per row (in the row itself).
/// </remarks>
public sealed class PrometheusWriter
{
    private readonly Lock _lock = new();
    private readonly string _nodeName;
    private readonly List<TableInfo> _tables;
    private readonly RowLabelEncoder[] _encoders;
    private readonly PagePlan?[] _plans = new PagePlan?[Enum.GetValues<MetricNaming>().Length * 4];

    /// <param name="nodeName">Value of the node label in the legacy namings.</param>
    /// <param name="tables">
    /// Tables that will come, in the order in which they shall leave. Others may appear in snapshots and follow them.
    /// </param>
    public PrometheusWriter(string nodeName, params IEnumerable<TableInfo> tables)
    {
        _nodeName = nodeName;
        _tables = [.. tables.Distinct()];
        _encoders = [.. Enum.GetValues<MetricNaming>().Select(naming => new RowLabelEncoder(naming, nodeName))];
    }

    /// <summary>One that knows the node by this name: the same where it does.</summary>
    public PrometheusWriter WithNode(string nodeName)
    {
        lock (_lock)
            return nodeName == _nodeName ? this : new(nodeName, _tables);
    }

    /// <summary>Appends a snapshot's page. The caller holds the lease.</summary>
    /// <param name="snapshot">The numbers.</param>
    /// <param name="kind">
    /// Format and naming; what cannot be written falls back (<see cref="PrometheusPageKind.Writable"/>).
    /// </param>
    /// <param name="page">Where to.</param>
    public PrometheusPageResult Write(Snapshot snapshot, PrometheusPageKind kind, PooledPage page)
    {
        var plan = PlanFor(snapshot, kind.Writable());
        var run = new PageRun(snapshot, plan, page);
        try
        {
            foreach (var family in plan.Families)
                run.Write(family);
        }
        finally
        {
            run.Dispose();
        }
        if (plan.Kind.Format is PrometheusFormat.OpenMetrics)
            page.Write("# EOF\n"u8);
        return new(run.Series, run.Duplicates);
    }

    private PagePlan PlanFor(Snapshot snapshot, PrometheusPageKind kind)
    {
        var index = ((int)kind.Naming * 4) + ((int)kind.Format * 2) + (kind.Created ? 1 : 0);
        if (Volatile.Read(ref _plans[index]) is { } plan && KnowsAll(plan, snapshot))
            return plan;
        lock (_lock)
        {
            foreach (var table in snapshot.Tables)
            {
                if (!_tables.Contains(table.Info))
                    _tables.Add(table.Info);
            }
            plan = new PagePlan(_tables, kind, _encoders[(int)kind.Naming]);
            Volatile.Write(ref _plans[index], plan);
            return plan;
        }
    }

    private static bool KnowsAll(PagePlan plan, Snapshot snapshot)
    {
        var tables = snapshot.Tables;
        for (var i = 0; i < tables.Count; i++)
        {
            if (!plan.Knows(tables[i].Info))
                return false;
        }
        return true;
    }
}
