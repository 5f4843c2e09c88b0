namespace Collector.Core.Compatibility;

/// <summary>Old names of the figures of network devices and queueing disciplines.</summary>
internal static class LinkNames
{
    public static IReadOnlyList<LegacyName> All { get; } =
    [
        .. LegacyName.InBoth("netdev",
            ("netlens.netdev.io receive", "rxbytes"),
            ("netlens.netdev.io transmit", "txbytes"),
            ("netlens.netdev.packet.count receive", "rxpackets"),
            ("netlens.netdev.packet.count transmit", "txpackets"),
            ("netlens.netdev.errors receive", "rxerrors"),
            ("netlens.netdev.errors transmit", "txerrors"),
            ("netlens.netdev.packet.dropped receive", "rxdropped"),
            ("netlens.netdev.packet.dropped transmit", "txdropped")),
        .. LegacyName.InBoth("qdisc",
            ("netlens.qdisc.total.io", "bytes"),
            ("netlens.qdisc.total.packet.count", "packets"),
            ("netlens.qdisc.total.packet.dropped", "drops"),
            ("netlens.qdisc.total.overlimits", "overlimits"),
            ("netlens.qdisc.total.queue.length", "qlen"),
            ("netlens.qdisc.total.queue.usage", "backlog")),
    ];
}
