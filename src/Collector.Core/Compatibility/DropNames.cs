namespace Collector.Core.Compatibility;

/// <summary>Old names of the figures of dropped packets and of segments that were sent again.</summary>
internal static class DropNames
{
    public static IReadOnlyList<LegacyName> All { get; } =
    [
        new("netlens.packetloss.ip.drops")
        {
            KubeSkoop = ["kubeskoop_packetloss_total"],
            Inspector = ["inspector_pod_packetloss_total", "inspector_pod_totalloss"],
        },
        new("netlens.packetloss.ip.netfilter.drops")
        {
            KubeSkoop = ["kubeskoop_packetloss_netfilter"],
            Inspector = ["inspector_pod_packetloss_netfilter"],
        },
        new("netlens.packetloss.ip.other.drops")
        {
            Inspector = ["inspector_pod_packetloss_abnormal", "inspector_pod_abnormalloss"],
        },
        new("netlens.packetloss.ip.tcp_state.drops") { Inspector = ["inspector_pod_packetloss_tcpstatm"] },
        new("netlens.packetloss.ip.tcp_receive.drops") { Inspector = ["inspector_pod_packetloss_tcprcv"] },
        new("netlens.packetloss.ip.tcp_handle.drops") { Inspector = ["inspector_pod_packetloss_tcphandle"] },
        .. LegacyName.InKubeSkoop("tcpretrans", ("netlens.tcpretrans.total", "total")),
    ];
}
