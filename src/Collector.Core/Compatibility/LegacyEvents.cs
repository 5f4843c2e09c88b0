using System.Collections.Frozen;
using Collector.Core.Events;

namespace Collector.Core.Compatibility;

/// <summary>What older exporters call some occurrences of a kind.</summary>
/// <param name="KubeSkoop">Type of KubeSkoop's event; null where it reports none.</param>
/// <param name="Inspector">Type of ACK Net Exporter's; null where it had none, or the same.</param>
/// <param name="When">Which occurrences; null: all that are left.</param>
internal sealed record LegacyEvent(string? KubeSkoop, string? Inspector, Func<NetworkEvent, bool>? When = null);

/// <summary>The old types of events, by kind: of those of one kind, the first that fits.</summary>
public static class LegacyEvents
{
    private const long Slow = 10_000_000;
    private const long Slower = 100_000_000;

    private static readonly LegacyEvent[] PacketLoss = [new("PacketLoss", "PACKETLOSS")];

    private static readonly FrozenDictionary<string, LegacyEvent[]> ByKind = new Dictionary<string, LegacyEvent[]>
    {
        ["netlens.packetloss.drop"] = PacketLoss,
        ["netlens.packetloss.refused"] = PacketLoss,
        ["netlens.softirq.slow"] =
        [
            .. Softirq("wait", "SCHED_100MS", Slower), .. Softirq("wait", "SCHED_SLOW", Slow),
            .. Softirq("run", "EXCUTE_100MS", Slower), .. Softirq("run", "EXCUTE_SLOW", Slow),
        ],
        ["netlens.virtcmdlatency.slow"] =
        [
            new("VIRTCMDEXCUTE_100MS", null, static e => Takes(e, "netlens.virtcmd.duration", Slower)),
            new("VIRTCMDEXCUTE", null, static e => Takes(e, "netlens.virtcmd.duration", Slow)),
        ],
        ["netlens.biolatency.slow"] =
            [new("BIOLAT_10MS", null, static e => Takes(e, "netlens.block.duration", Slow))],
        ["netlens.socketlatency.slow_read"] =
            [new("SOCKETLAT_READSLOW", null, static e => Takes(e, "netlens.socketlatency.duration", Slower))],
        ["netlens.socketlatency.slow_write"] =
            [new("SOCKETLAT_SENDSLOW", null, static e => Takes(e, "netlens.socketlatency.duration", Slower))],
        ["netlens.receive.slow"] =
            [new("RXKERNEL_SLOW", null, static e => Takes(e, "netlens.receive.duration", Slow))],
        ["netlens.tcpreset.sent"] =
        [
            new("TCPRESET_NOSOCK", "TCP_SEND_RST_NOSock", static e => Has(e, "netlens.reset.origin", "no_socket")),
            new("TCPRESET_ACTIVE", "TCP_SEND_RST_ACTIVE", static e => Has(e, "netlens.reset.origin", "active")),
            new("TCPRESET_PROCESS", "TCP_SEND_RST"),
        ],
        ["netlens.tcpreset.received"] =
        [
            // KubeSkoop does not see these.
            new(null, "TCP_RCV_RST_TW", static e => HasState(e, "time_wait")),
            new("TCPRESET_RECEIVE", "TCP_RCV_RST_SYN", static e => HasState(e, "syn_sent", "syn_received")),
            new("TCPRESET_RECEIVE", "TCP_RCV_RST_ESTAB", static e => HasState(e, "established")),
            new("TCPRESET_RECEIVE", null),
        ],
        ["netlens.tcpretrans.retransmit"] = [new("TCPRetrans", null)],
        ["netlens.transmit.slow"] =
        [
            Transmit("socket", "TXKERNEL_SLOW", Slow), Transmit("queue", "NETIFTXLAT_QDISC", Slower),
            Transmit("driver", "NETIFTXLAT_XMIT", Slower),
        ],
    }.ToFrozenDictionary();

    extension(NetworkEvent e)
    {
        /// <summary>KubeSkoop's type of exactly this occurrence (<c>TCPRESET_NOSOCK</c>); null: it has none.</summary>
        public string? KubeSkoopType => Of(e)?.KubeSkoop;

        /// <summary>ACK Net Exporter's, where that is another; null: it has none.</summary>
        public string? InspectorType => Of(e)?.Inspector;
    }

    /// <summary>KubeSkoop's types of a kind's occurrences.</summary>
    public static IReadOnlyList<string> KubeSkoopTypes(this EventInfo kind) => Types(kind, static t => t.KubeSkoop);

    /// <summary>ACK Net Exporter's, where those are others.</summary>
    public static IReadOnlyList<string> InspectorTypes(this EventInfo kind) => Types(kind, static t => t.Inspector);

    private static LegacyEvent? Of(NetworkEvent e)
    {
        foreach (var type in ByKind.GetValueOrDefault(e.Info.Name, []))
        {
            if (type.When?.Invoke(e) ?? true)
                return type;
        }
        return null;
    }

    private static string[] Types(EventInfo kind, Func<LegacyEvent, string?> name) =>
        [.. ByKind.GetValueOrDefault(kind.Name, []).Select(name).OfType<string>().Distinct()];

    // ACK Net Exporter knew those of received packets only.
    private static LegacyEvent[] Softirq(string phase, string type, long over)
    {
        return
        [
            new($"SOFTIRQ_{type}", $"NETSOFTIRQ_{type}", e => Fits(e) && Has(e, "netlens.softirq.vector", "net_rx")),
            new($"SOFTIRQ_{type}", null, Fits),
        ];

        bool Fits(NetworkEvent e) =>
            Has(e, "netlens.softirq.phase", phase) && Takes(e, "netlens.softirq.duration", over);
    }

    private static LegacyEvent Transmit(string station, string type, long over) => new(type, null, e =>
        Has(e, "netlens.transmit.station", station) && Takes(e, "netlens.transmit.duration", over));

    private static bool Takes(NetworkEvent e, string key, long over) =>
        e.Field(key) is { } value && value.Number > over;

    private static bool Has(NetworkEvent e, string key, string value) => e.Field(key)?.Text == value;

    private static bool HasState(NetworkEvent e, params ReadOnlySpan<string> states) =>
        states.Contains(e.Field("network.connection.state")?.Text ?? "");
}
