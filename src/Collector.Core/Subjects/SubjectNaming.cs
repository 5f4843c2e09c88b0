using System.Globalization;
using Collector.Core.Metrics;
using static Collector.Core.Subjects.SubjectKind;

namespace Collector.Core.Subjects;

/// <summary>
/// A way of saying what a series or an event is about: the keys, in the order in which they leave. Everything that
/// leaves takes them from here.
/// </summary>
public sealed class SubjectNaming
{
    /// <summary>
    /// OpenTelemetry's names. What is not known is left out: an empty text would tell nothing, and to Prometheus it is
    /// the same.
    /// </summary>
    public static readonly SubjectNaming Otel = new(
    [
        new(Node, "netlens.scope", static f => ScopeOf(f.Subject)),
        new(Namespace, "netlens.netns", static f =>
            f.Subject is { IsPast: false } subject ? subject.Inode.ToString(CultureInfo.InvariantCulture) : null),
        Known(Namespace, "netlens.netns.name", static n => n.NetnsName),
        Known(Pod, "k8s.namespace.name", static n => n.PodNamespace),
        Known(Pod, "k8s.pod.name", static n => n.PodName),
        Known(Pod, "k8s.pod.uid", static n => n.PodUid),
        Known(Container, "k8s.container.name", static n => n.ContainerName),
        Known(Container, "container.id", static n => n.ContainerId),
        Known(Unit, "netlens.unit", static n => n.Unit),
    ])
    {
        PodLabel = "k8s.pod.label.",
    };

    /// <param name="keys">In the order in which they leave.</param>
    internal SubjectNaming(IReadOnlyList<SubjectKey> keys) => Keys = keys;

    /// <summary>All keys that <see cref="Add"/> may give, but for those of pod labels.</summary>
    public IReadOnlyList<SubjectKey> Keys { get; }

    /// <summary>In front of the key of a pod's label; null where the naming has no pod labels.</summary>
    public string? PodLabel { get; internal init; }

    /// <param name="tags">Gets the attributes.</param>
    /// <param name="facts">Of whom.</param>
    public void Add(List<Tag> tags, in SubjectFacts facts)
    {
        foreach (var key in Keys)
        {
            if (key.Read(facts) is { } value)
                tags.Add(new(key.Key, value));
        }
        if (PodLabel is null)
            return;
        foreach (var (key, value) in facts.Names.PodLabels)
        {
            if (value.Length > 0)
                tags.Add(new(PodLabel + key, value));
        }
    }

    private static SubjectKey Known(SubjectKind of, string key, Func<SubjectNames, string?> read) =>
        new(of, key, f => read(f.Names) is { Length: > 0 } text ? text : null);

    // What numbers of it belong to: a pod's or a container's in a network of its own are the namespace's.
    private static string ScopeOf(Subject? subject) => subject switch
    {
        { HostNetwork: true } => "pod",
        { IsHost: false } => "namespace",
        _ => "node",
    };
}
