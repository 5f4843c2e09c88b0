using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>pods</c>.</summary>
internal static class PodKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new ValueKey("pods.runtimeEndpoint", RuntimeSocket,
            "Socket of the container runtime (CRI). Empty: searched where containerd, CRI-O, k3s and cri-dockerd have "
                + "it.",
            o => o.Pods.RuntimeEndpoint, (o, v) => o with { Pods = o.Pods with { RuntimeEndpoint = (string)v! } })
        {
            Variable = "NETLENS_PODS_RUNTIMEENDPOINT",
            OldVariable = "RUNTIME_SOCK",
        },
        new ValueKey("pods.poll", Duration(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5)),
            "Time between two lists of pods while nothing shows that there is a new one.",
            o => o.Pods.Poll, (o, v) => o with { Pods = o.Pods with { Poll = (TimeSpan)v! } })
        {
            Variable = "NETLENS_PODS_POLL",
        },
        new ValueKey("pods.events", ValueType.Boolean,
            "Also listen to the runtime's events. containerd 1.7 then takes them away from the kubelet.",
            o => o.Pods.Events, (o, v) => o with { Pods = o.Pods with { Events = (bool)v! } })
        {
            Variable = "NETLENS_PODS_EVENTS",
        },
        new ValueKey("pods.labels", LabelKeys,
            "Keys of pod labels that become attributes, k8s.pod.label.KEY, and KEY itself in the old namings.",
            o => o.Pods.Labels, (o, v) => o with { Pods = o.Pods with { Labels = (IReadOnlyList<string>)v! } })
        {
            Variable = "NETLENS_PODS_LABELS",
        },
        new ValueKey("pods.containers", ValueType.Boolean,
            "Tell what processes do (fd, io, accept queues of hostNetwork pods) by container: k8s.container.name.",
            o => o.Pods.Containers, (o, v) => o with { Pods = o.Pods with { Containers = (bool)v! } })
        {
            Variable = "NETLENS_PODS_CONTAINERS",
        },
    ];
}
