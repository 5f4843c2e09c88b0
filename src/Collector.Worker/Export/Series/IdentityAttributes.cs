using System.Globalization;
using Collector.Core.Identity;
using Collector.Core.Metrics;
using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Series;

/// <summary>
/// What a network namespace is called in every outlet that uses OpenTelemetry's names. What is not known is left out:
/// an empty text would tell nothing, and to Prometheus it is the same.
/// </summary>
internal static class IdentityAttributes
{
    /// <summary>All keys that <see cref="Add"/> may give, in its order.</summary>
    public static IReadOnlyList<string> Keys { get; } =
    [
        "netlens.scope", "netlens.netns", "netlens.netns.name",
        "k8s.namespace.name", "k8s.pod.name", "k8s.pod.uid", "k8s.container.name", "container.id", "netlens.unit",
    ];

    /// <summary>In front of the key of a pod's label.</summary>
    public const string PodLabel = "k8s.pod.label.";

    /// <param name="tags">Gets the attributes.</param>
    /// <param name="ns">The namespace; null for what belongs to the machine as a whole.</param>
    /// <param name="identity">Its names, as the caller read them: another thread may be swapping them.</param>
    public static void Add(List<Tag> tags, NetNamespace? ns, NamespaceIdentity? identity)
    {
        tags.Add(new(Keys[0], ns switch
        {
            { IsHostNetworkPod: true } => "pod",
            { IsHost: false } => "namespace",
            _ => "node",
        }));
        if (ns is null)
            return;
        tags.Add(new(Keys[1], ns.Inode.ToString(CultureInfo.InvariantCulture)));
        AddKnown(tags, Keys[2], identity?.Name);
        AddKnown(tags, Keys[3], identity?.PodNamespace);
        AddKnown(tags, Keys[4], identity?.PodName);
        AddKnown(tags, Keys[5], identity?.PodUid);
        AddKnown(tags, Keys[6], identity?.ContainerName);
        AddKnown(tags, Keys[7], identity?.ContainerId);
        AddKnown(tags, Keys[8], identity?.Unit);
        if (identity is null)
            return;
        for (var i = 0; i < identity.PodLabels.Count; i++)
            AddKnown(tags, PodLabel + identity.PodLabels[i].Key, identity.PodLabels[i].Value);
    }

    /// <summary>
    /// The same in the namings of KubeSkoop and ACK Net Exporter. KubeSkoop's knows pods only: a namespace without one
    /// would be the node's double, and one that is not its pod's only one that one's, so these get <c>netns</c>.
    /// Figures that were asked for by container get <c>container</c>.
    /// </summary>
    public static IEnumerable<KeyValuePair<string, string>> Legacy(
        MetricNaming naming, string nodeName, NetNamespace? ns, NamespaceIdentity? identity)
    {
        var inspector = naming is MetricNaming.Inspector;
        var pod = identity?.PodName ?? identity?.PodUid;
        yield return new(inspector ? "node" : "k8s_node", nodeName);
        yield return new(inspector ? "namespace" : "k8s_namespace", identity?.PodNamespace ?? "");
        yield return new(inspector ? "pod" : "k8s_pod", pod ?? "");
        var ambiguous = ns is { IsHost: false } && (string.IsNullOrEmpty(pod) || identity!.IsSecondary);
        if (inspector || ambiguous)
            yield return new("netns", ns is null ? "" : $"ns{ns.Inode}");
        if (pod is not null && identity!.ContainerId is { } container)
            yield return new("container", identity.ContainerName ?? container);
    }

    private static void AddKnown(List<Tag> tags, string key, string? value)
    {
        if (!string.IsNullOrEmpty(value))
            tags.Add(new(key, value));
    }
}
