using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Tables;

/// <summary>What IPVS balanced, per namespace that has it.</summary>
internal sealed class Ipvs(ProbeHost host) : PerNamespaceProbe<Ipvs.Reader>(Info, host)
{
    private static readonly Tag In = new("network.io.direction", "receive");
    private static readonly Tag Out = new("network.io.direction", "transmit");

    private static readonly Metric Connections = Metric.Counter("netlens.ipvs.connections", Units.Connections,
        "Connections scheduled to a real server (ip_vs_stats: Conns).");

    private static readonly Metric PacketsIn = Metric.Counter("netlens.ipvs.packets", Units.Packets, Packets, [In]);
    private static readonly Metric PacketsOut = Metric.Counter("netlens.ipvs.packets", Units.Packets, Packets, [Out]);
    private static readonly Metric BytesIn = Metric.Counter("netlens.ipvs.io", Units.Bytes, Bytes, [In]);
    private static readonly Metric BytesOut = Metric.Counter("netlens.ipvs.io", Units.Bytes, Bytes, [Out]);

    private static readonly TableInfo Table =
        new("ipvs", RowScope.Namespace, [], [Connections, PacketsIn, PacketsOut, BytesIn, BytesOut]);

    private const string Packets = "Packets to real servers and back from them (ip_vs_stats: Packets).";
    private const string Bytes = "Bytes to real servers and back from them (ip_vs_stats: Bytes).";

    private bool _loaded;

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "ipvs",
        Description = "Connections, packets and bytes balanced by IPVS.",
        Source = "/proc/net/ip_vs_stats",
        Tables = [Table],
    };

    protected override Reader Open(NamespaceHandle ns, SnapshotBuilder snapshot) =>
        new(new Row(Table, ns.Namespace, ns.Namespace.StartTime));

    protected override void Collect(Reader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        // The module adds its file to all namespaces or to none (register_pernet_subsys), so only the host's, which
        // comes first, is looked for again and again.
        if (!_loaded && !ns.Namespace.IsHost)
            return;
        var file = ns.Source<IpvsFile>();
        if (!file.EnsureRead(ns, snapshot.Tick))
        {
            if (file.Failure.Length > 0)
                snapshot.ReadFailed(file.Failure);
            else if (ns.Namespace.IsHost)
                _loaded = false;
            return;
        }
        _loaded = true;
        var row = snapshot.Append(reader.Row);
        row.Set(Connections, file.Connections);
        row.Set(PacketsIn, file.IncomingPackets);
        row.Set(PacketsOut, file.OutgoingPackets);
        row.Set(BytesIn, file.IncomingBytes);
        row.Set(BytesOut, file.OutgoingBytes);
    }

    internal sealed class Reader(Row row) : IDisposable
    {
        public Row Row { get; } = row;

        public void Dispose()
        {
        }
    }
}
