namespace Collector.Core.Subjects;

/// <summary>
/// What a subject is called. Immutable and swapped whole: exporters cache what they encoded by reference.
/// </summary>
/// <param name="NetnsName">Name of its network namespace under /run/netns or of the mount; null: it has none.</param>
/// <param name="PodNamespace">Kubernetes namespace of its pod, null while unknown.</param>
/// <param name="PodName">Name of its pod, null while unknown.</param>
/// <param name="PodUid">UID of its pod, null while unknown.</param>
public sealed record SubjectNames(
    string? NetnsName = null, string? PodNamespace = null, string? PodName = null, string? PodUid = null)
{
    public static SubjectNames None { get; } = new();

    /// <summary>
    /// True where the pod has a newer namespace than this one (a second sandbox, a namespace made inside the pod):
    /// namings that know pods only have to tell the two apart.
    /// </summary>
    public bool IsSecondary { get; init; }

    /// <summary>The pod's labels that the configuration asks for, in its order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> PodLabels { get; init; } = [];

    /// <summary>
    /// Id of the container whose processes are in it, where that is of no pod; of a pod's only where figures are
    /// told by container.
    /// </summary>
    public string? ContainerId { get; init; }

    /// <summary>Name of that container in its pod, null while unknown.</summary>
    public string? ContainerName { get; init; }

    /// <summary>The systemd unit whose processes are in it, where that is of no pod.</summary>
    public string? Unit { get; init; }

    /// <summary>
    /// The names that these were made of, the pod's own: while they are the same object there is nothing to make
    /// anew. Null where these are a guess, or nobody's.
    /// </summary>
    public SubjectNames? Source { get; init; }

    /// <summary>True where it is known whose it is, beyond a name.</summary>
    public bool IsResolved => PodUid is not null || PodName is not null || ContainerId is not null || Unit is not null;
}
