using Collector.Core.Subjects;
using static Collector.Core.Subjects.SubjectKind;

namespace Collector.Core.Compatibility;

/// <summary>What a series is about, in the namings of KubeSkoop and of ACK Net Exporter.</summary>
public static class LegacySubjects
{
    // As ACK Net Exporter and KubeSkoop before 1.0 spelt it.
    private const string Unknown = "unknow";

    /// <summary>
    /// KubeSkoop's names. It knows pods only: a namespace without one would be the node's double, and one that is not
    /// its pod's only one that one's, so these get <c>netns</c>. Figures that were asked for by container get
    /// <c>container</c>. A chosen label of a pod has its own name, as in KubeSkoop's <c>additionalLabels</c>.
    /// </summary>
    public static readonly SubjectNaming KubeSkoop = new(
    [
        new(Node, "k8s_node", static f => f.Node),
        new(Pod, "k8s_namespace", static f => NameOf(f, f.Names.PodNamespace)),
        new(Pod, "k8s_pod", static f => NameOf(f, f.Names.PodName)),
        new(Namespace, "netns", static f => IsAmbiguous(f) ? NetnsOf(f.Subject) : null),
        new(Container, "container", static f => ContainerOf(f.Names)),
    ])
    {
        PodLabel = "",
    };

    /// <summary>The names of ACK Net Exporter, which always has <c>netns</c>.</summary>
    public static readonly SubjectNaming Inspector = new(
    [
        new(Node, "node", static f => f.Node),
        new(Pod, "namespace", static f => NameOf(f, f.Names.PodNamespace)),
        new(Pod, "pod", static f => NameOf(f, f.Names.PodName)),
        new(Namespace, "netns", static f => NetnsOf(f.Subject)),
        new(Container, "container", static f => ContainerOf(f.Names)),
    ])
    {
        PodLabel = "",
    };

    // The node's are empty. What is neither the node nor a pod with a name must not look like the node: every panel of
    // the node would have a line of it.
    private static string NameOf(in SubjectFacts facts, string? name) =>
        facts.Subject is not { IsHost: false } ? ""
        : IsPod(facts.Names) ? name ?? ""
        : Unknown;

    private static bool IsPod(SubjectNames names) => names.PodName is not null;

    private static string NetnsOf(Subject? subject) => subject is null ? "" : $"ns{subject.Inode}";

    private static bool IsAmbiguous(in SubjectFacts facts) => facts.Subject is { IsHost: false }
        && (!IsPod(facts.Names) || facts.Names.IsSecondary);

    private static string? ContainerOf(SubjectNames names) =>
        IsPod(names) && names.ContainerId is { } id ? names.ContainerName ?? id : null;
}
