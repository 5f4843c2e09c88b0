using Collector.Core.Subjects;
using static Collector.Core.Subjects.SubjectKind;

namespace Collector.Core.Compatibility;

/// <summary>What a series is about, in the namings of KubeSkoop and of ACK Net Exporter.</summary>
public static class LegacySubjects
{
    /// <summary>
    /// KubeSkoop's names. It knows pods only: a namespace without one would be the node's double, and one that is not
    /// its pod's only one that one's, so these get <c>netns</c>. Figures that were asked for by container get
    /// <c>container</c>.
    /// </summary>
    public static readonly SubjectNaming KubeSkoop = new(
    [
        new(Node, "k8s_node", static f => f.Node),
        new(Pod, "k8s_namespace", static f => f.Names.PodNamespace ?? ""),
        new(Pod, "k8s_pod", static f => PodOf(f.Names) ?? ""),
        new(Namespace, "netns", static f => IsAmbiguous(f) ? NetnsOf(f.Subject) : null),
        new(Container, "container", static f => ContainerOf(f.Names)),
    ]);

    /// <summary>The names of ACK Net Exporter, which always has <c>netns</c>.</summary>
    public static readonly SubjectNaming Inspector = new(
    [
        new(Node, "node", static f => f.Node),
        new(Pod, "namespace", static f => f.Names.PodNamespace ?? ""),
        new(Pod, "pod", static f => PodOf(f.Names) ?? ""),
        new(Namespace, "netns", static f => NetnsOf(f.Subject)),
        new(Container, "container", static f => ContainerOf(f.Names)),
    ]);

    private static string? PodOf(SubjectNames names) => names.PodName ?? names.PodUid;

    private static string NetnsOf(Subject? subject) => subject is null ? "" : $"ns{subject.Inode}";

    private static bool IsAmbiguous(in SubjectFacts facts) => facts.Subject is { IsHost: false }
        && (string.IsNullOrEmpty(PodOf(facts.Names)) || facts.Names.IsSecondary);

    private static string? ContainerOf(SubjectNames names) =>
        PodOf(names) is not null && names.ContainerId is { } id ? names.ContainerName ?? id : null;
}
