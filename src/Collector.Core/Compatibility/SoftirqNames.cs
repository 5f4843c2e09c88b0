namespace Collector.Core.Compatibility;

/// <summary>Old names of the figures of the CPUs: their backlogs and softirqs.</summary>
internal static class SoftirqNames
{
    public static IReadOnlyList<LegacyName> All { get; } =
    [
        .. LegacyName.InBoth("softnet",
            ("netlens.softnet.processed", "processed"),
            ("netlens.softnet.dropped", "dropped")),
        new("netlens.softnet.time_squeeze")
        {
            Inspector = ["inspector_pod_softnettimesqueeze"],
        },
        .. LegacyName.Spelled("kubeskoop_softirq_", "inspector_pod_net_softirq_",
            ("netlens.softirq.wait.over_10ms", "schedslow"),
            ("netlens.softirq.wait.over_100ms", "schedslow100ms"),
            ("netlens.softirq.run.over_10ms", "excuteslow"),
            ("netlens.softirq.run.over_100ms", "excuteslow100ms")),
        new("netlens.softirq.wait.slots") { Inspector = ["inspector_pod_netsoftirqshed"] },
        new("netlens.softirq.run.slots") { Inspector = ["inspector_pod_netsoftirq"] },
    ];
}
