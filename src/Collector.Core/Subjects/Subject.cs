namespace Collector.Core.Subjects;

/// <summary>
/// What a number or an event is about, during one life: what comes after it under the same number or name is a new
/// object, so nothing is ever inherited.
/// </summary>
public class Subject
{
    private volatile SubjectNames _names;

    /// <param name="kind">What sort of thing it is.</param>
    /// <param name="inode">Of the network namespace it is seen in; 0 on systems without network namespaces.</param>
    /// <param name="generation">Grows with every subject that its finder makes.</param>
    /// <param name="startTime">Unix nanoseconds: the last moment at which it was known not to count yet.</param>
    /// <param name="names">What is known of it at first.</param>
    public Subject(SubjectKind kind, ulong inode, long generation, long startTime, SubjectNames? names = null)
    {
        Kind = kind;
        Inode = inode;
        Generation = generation;
        StartTime = startTime;
        _names = names ?? SubjectNames.None;
    }

    public SubjectKind Kind { get; }

    /// <summary>Inode number of the network namespace it is seen in.</summary>
    public ulong Inode { get; }

    /// <summary>
    /// The kernel's number for that one life of the namespace (SO_NETNS_COOKIE, since Linux 5.14), or as much of it
    /// as a record told; 0 where unknown.
    /// </summary>
    public ulong Cookie { get; init; }

    /// <summary>From 1, never reused within a run by subjects of its kind.</summary>
    public long Generation { get; }

    /// <summary>True for the node itself.</summary>
    public bool IsHost => Kind is SubjectKind.Node;

    /// <summary>True for all strangers that are over, whose numbers are others' by now.</summary>
    public bool IsPast => Kind is SubjectKind.Stranger && Inode == 0;

    /// <summary>True for a pod or a container that uses the node's own network namespace.</summary>
    public bool HostNetwork { get; init; }

    /// <summary>
    /// Start of its counters in Unix nanoseconds: boot for the host and for what existed before us, else the last
    /// look at which it did not exist yet.
    /// </summary>
    public long StartTime { get; }

    /// <summary>Its names. Swapped whole; encoded labels compare the reference.</summary>
    public SubjectNames Names
    {
        get => _names;
        set => _names = value;
    }

    public override string ToString() => Names switch
    {
        { PodName: { } pod } names when HostNetwork => $"{names.PodNamespace}/{pod} (host network)",
        { PodName: { } pod } names => $"{names.PodNamespace}/{pod} ({Inode})",
        { NetnsName: { } name } => $"{name} ({Inode})",
        _ when IsPast => "namespaces that are gone",
        _ => $"netns {Inode}",
    };
}
