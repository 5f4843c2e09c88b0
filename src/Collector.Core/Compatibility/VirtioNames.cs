namespace Collector.Core.Compatibility;

/// <summary>Old names of the figures of virtio-net devices.</summary>
internal static class VirtioNames
{
    public static IReadOnlyList<LegacyName> All { get; } =
    [
        new("netlens.virtcmdlatency.over_10ms")
        {
            KubeSkoop = ["kubeskoop_virtcmdlatency_latency"],
            Inspector = ["inspector_pod_virtcmdlatency"],
        },
        new("netlens.virtcmdlatency.over_100ms")
        {
            KubeSkoop = ["kubeskoop_virtcmdlatency_latency100ms"],
            Inspector = ["inspector_pod_virtcmdlatency100ms"],
        },
        new("netlens.virtcmdlatency.slots")
        {
            Inspector = ["inspector_pod_virtsendcmdlat", "inspector_node_virtsendcmdlat"],
        },
    ];
}
