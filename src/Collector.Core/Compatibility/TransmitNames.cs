namespace Collector.Core.Compatibility;

/// <summary>Old names of what is counted of packets that were slow on their way out.</summary>
internal static class TransmitNames
{
    public static IReadOnlyList<LegacyName> All { get; } =
    [
        .. LegacyName.Spelled("kubeskoop_kernellatency_", "inspector_pod_kernellatency_",
            ("netlens.transmit.socket.over_10ms", "txslow"),
            ("netlens.transmit.socket.over_100ms", "txslow100ms")),
        .. LegacyName.Spelled("kubeskoop_netiftxlat_", "inspector_pod_netiftxlat_",
            ("netlens.transmit.queue.over_100ms", "qdiscslow100ms"),
            ("netlens.transmit.driver.over_100ms", "netdevslow100ms")),
    ];
}
