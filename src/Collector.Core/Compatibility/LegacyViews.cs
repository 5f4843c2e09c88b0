using System.Runtime.CompilerServices;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;

namespace Collector.Core.Compatibility;

/// <summary>The tables that only the old namings have.</summary>
public static class LegacyViews
{
    private static readonly RowViewInfo[] All = [.. SocketNames.Views, .. SlabNames.Views, .. RdmaNames.Views];

    private static readonly ConditionalWeakTable<TableInfo, IReadOnlyList<DerivedTable>> Known = [];

    /// <summary>The view of a table, if it has one: for <see cref="SnapshotBuilder.Derive"/>.</summary>
    public static IReadOnlyList<DerivedTable> Of(TableInfo table) => Known.GetValue(table,
        static t => t.Id == FlowView.SourceId
            ? [new FlowView(t)]
            : [.. All.Where(v => v.Source == t.Id).Select(v => new RowView(v, t))]);

    extension(ProbeInfo probe)
    {
        /// <summary>The probe's tables, each followed by its view: what leaves in one naming or another.</summary>
        public IEnumerable<TableInfo> AllTables =>
            probe.Tables.SelectMany(t => Of(t).Select(v => v.Table).Prepend(t));

        /// <summary>Their metrics.</summary>
        public IEnumerable<Metric> AllMetrics => probe.AllTables.SelectMany(t => t.Metrics);
    }
}
