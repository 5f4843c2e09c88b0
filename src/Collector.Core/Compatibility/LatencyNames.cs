namespace Collector.Core.Compatibility;

/// <summary>Old names of what is counted of packets that were slow on their way in or out.</summary>
internal static class LatencyNames
{
    public static IReadOnlyList<LegacyName> All { get; } =
    [
        .. LegacyName.Spelled("kubeskoop_kernellatency_", "inspector_pod_kernellatency_",
            ("netlens.transmit.socket.over_10ms", "txslow"),
            ("netlens.transmit.socket.over_100ms", "txslow100ms"),
            ("netlens.receive.over_10ms", "rxslow"),
            ("netlens.receive.over_100ms", "rxslow100ms")),
        .. LegacyName.Spelled("kubeskoop_netiftxlat_", "inspector_pod_netiftxlat_",
            ("netlens.transmit.queue.over_100ms", "qdiscslow100ms"),
            ("netlens.transmit.driver.over_100ms", "netdevslow100ms")),
    ];
}
