using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Worker.Portable;

/// <summary>
/// A protocol's counters of the whole machine: one row, filled from one statistics object per IP version.
/// </summary>
internal sealed class PortableProtocol(ProbeInfo info, NetNamespace machine, params StatisticsMap[] maps) : Probe(info)
{
    private readonly Row _row = new(TableOf(info), machine, machine.StartTime);

    /// <summary>The metrics that this system may fill.</summary>
    public IEnumerable<Metric> Metrics => maps.SelectMany(m => m.Metrics);

    /// <summary>The table of a protocol's counters has the id of its probe.</summary>
    public static TableInfo TableOf(ProbeInfo info) => info.Tables.Single(t => t.Id == info.Id);

    public override void Collect(SnapshotBuilder snapshot)
    {
        var row = snapshot.Append(_row);
        foreach (var map in maps)
            map.Write(row, snapshot);
    }
}
