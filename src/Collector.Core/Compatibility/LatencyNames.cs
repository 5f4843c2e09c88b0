namespace Collector.Core.Compatibility;

/// <summary>Old names of how long packets take through the kernel, by one probe there and one per way here.</summary>
internal static class LatencyNames
{
    public static IReadOnlyList<LegacyName> All { get; } =
    [
        .. LegacyName.Spelled("kubeskoop_kernellatency_", "inspector_pod_kernellatency_",
            ("netlens.receive.over_10ms", "rxslow"),
            ("netlens.receive.over_100ms", "rxslow100ms")),
    ];
}
