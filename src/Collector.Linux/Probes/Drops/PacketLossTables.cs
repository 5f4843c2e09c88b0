using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Linux.Probes.Drops;

/// <summary>What the packetloss probe offers.</summary>
internal static class PacketLossTables
{
    public static readonly Metric DropsCounter = Metric.Counter("netlens.packetloss.drops", Units.Packets,
        "Packets dropped, by the kernel's reason (before Linux 5.17: by the dropping function) and by what it means: "
        + "lost, refused (the sender was told by a reset or an ICMP error) or orderly (it met what ends).");

    public static readonly Metric LostCounter = Metric.Counter("netlens.packetloss.lost", Units.Packets,
        "Packets lost, for all reasons, without a word to the sender. A SYN that found a full accept queue is none of "
        + "them for the kernel: netlens.tcpext.listen_drops has it.");

    private static readonly Metric UnattributedCounter = Metric.Counter(
        "netlens.packetloss.unattributed", Units.Packets,
        "Packets dropped whose network namespace the kernel does not tell, or, with the reason _other, for which the "
        + "kernel side had no room; not in netlens.packetloss.drops.");

    public static readonly TableInfo Drops = new("packetloss", RowScope.Namespace,
        [new("netlens.drop.reason"), new("network.type"), new("netlens.drop.outcome")], [DropsCounter]);

    public static readonly TableInfo Lost = new("packetloss.lost", RowScope.Namespace, [], [LostCounter]);

    public static readonly TableInfo Unattributed = new("packetloss.node", RowScope.Node,
        [new("netlens.drop.reason"), new("network.type")], [UnattributedCounter]);

    // For older exporters' names: per namespace, IP packets only, without orderly ones, some places told apart.
    public static readonly TableInfo Legacy = new("packetloss.ip", RowScope.Namespace, [],
    [
        OfIp("drops", "Packets dropped that are IP packets."),
        OfIp("netfilter.drops", "IP packets dropped by netfilter rules."),
        OfIp("other.drops",
            "IP packets dropped neither by netfilter nor in the tcp functions with metrics of their own."),
        OfIp("tcp_state.drops", "IP packets dropped in tcp_rcv_state_process."),
        OfIp("tcp_receive.drops", "IP packets dropped in tcp_v4_rcv and tcp_v6_rcv."),
        OfIp("tcp_handle.drops", "IP packets dropped in tcp_v4_do_rcv and tcp_v6_do_rcv."),
    ]);

    /// <summary>
    /// Drops of IP packets by where on their way (<see cref="DropStages"/>), for the ledger: of each stage lost,
    /// refused and orderly. In no catalogue: it leaves the program in no way.
    /// </summary>
    public static readonly TableInfo Stages = new("packetloss.stage", RowScope.Namespace, [],
    [
        .. Enumerable.Range(0, DropStages.Columns).Select(static c => Metric.Unnamed(
            InstrumentKind.Gauge, $"netlens.packetloss.stage.{c}", Units.Packets, "Packets dropped at one stage.")),
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

    /// <summary>The value of netlens.drop.outcome.</summary>
    public static string Outcome(DropOutcome outcome) => outcome switch
    {
        DropOutcome.Refused => "refused",
        DropOutcome.Orderly => "orderly",
        _ => "lost",
    };

    private static Metric OfIp(string name, string description) => Metric.Unnamed(
        InstrumentKind.Counter, $"netlens.packetloss.ip.{name}", Units.Packets, description);
}
