namespace Collector.Core.Identity;

/// <summary>What a network namespace is called. Immutable: exporters cache what they encoded by reference.</summary>
/// <param name="Name">Name under /run/netns or of the mount, null where it has none.</param>
/// <param name="PodNamespace">Kubernetes namespace of its pod, null while unknown.</param>
/// <param name="PodName">Name of its pod, null while unknown.</param>
/// <param name="PodUid">UID of its pod, null while unknown.</param>
public sealed record NamespaceIdentity(
    string? Name = null, string? PodNamespace = null, string? PodName = null, string? PodUid = null)
{
    public static NamespaceIdentity None { get; } = new();
}
