using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Linux.Probes.Drops;

/// <summary>What the packetloss probe offers.</summary>
internal static class PacketLossTables
{
    private static readonly Metric DropsCounter = Counter("netlens.packetloss.drops",
        "Packets dropped, by the kernel's reason (before Linux 5.17: by the dropping function).");

    private static readonly Metric UnattributedCounter = Counter("netlens.packetloss.unattributed",
        "Packets dropped whose network namespace the kernel does not tell, or, with the reason _other, for which the "
        + "kernel side had no room; not in netlens.packetloss.drops.");

    public static readonly TableInfo Drops = new("packetloss", RowScope.Namespace,
        [new("netlens.drop.reason"), new("network.type")], [DropsCounter]);

    public static readonly TableInfo Unattributed = new("packetloss.node", RowScope.Node,
        [new("netlens.drop.reason"), new("network.type")], [UnattributedCounter]);

    // KubeSkoop's figures, per namespace: it counts IP packets and tells some places apart.
    public static readonly TableInfo Legacy = new("packetloss.legacy", RowScope.Namespace, [],
    [
        LegacyCounter("Packets dropped that are IP packets.", "total", "total", "inspector_pod_totalloss"),
        LegacyCounter("IP packets dropped by netfilter rules.", "netfilter", "netfilter"),
        LegacyCounter("IP packets dropped neither by netfilter nor in the tcp functions with metrics of their own.",
            null, "abnormal", "inspector_pod_abnormalloss"),
        LegacyCounter("IP packets dropped in tcp_rcv_state_process.", null, "tcpstatm"),
        LegacyCounter("IP packets dropped in tcp_v4_rcv and tcp_v6_rcv.", null, "tcprcv"),
        LegacyCounter("IP packets dropped in tcp_v4_do_rcv and tcp_v6_do_rcv.", null, "tcphandle"),
    ]);

    /// <summary>The column of the legacy table, beside the total, that a drop counts in.</summary>
    public static int LegacyColumn(DropPlace place, string reason) => place.Function switch
    {
        "nf_hook_slow" => 1,
        "tcp_rcv_state_process" => 3,
        "tcp_v4_rcv" or "tcp_v6_rcv" => 4,
        "tcp_v4_do_rcv" or "tcp_v6_do_rcv" => 5,
        _ => reason == "NETFILTER_DROP" ? 1 : 2,
    };

    private static Metric Counter(string name, string description) => new()
    {
        Name = name, Unit = Units.Packets, Kind = InstrumentKind.Counter, Description = description,
    };

    private static Metric LegacyCounter(
        string description, string? kubeskoop, string inspector, params string[] aliases)
    {
        return new Metric
        {
            Name = "", Unit = Units.Packets, Kind = InstrumentKind.Counter, Description = description,
            KubeSkoop = kubeskoop is null ? [] : [$"kubeskoop_packetloss_{kubeskoop}"],
            Inspector = [$"inspector_pod_packetloss_{inspector}", .. aliases],
        };
    }
}
