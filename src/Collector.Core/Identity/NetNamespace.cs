namespace Collector.Core.Identity;

/// <summary>
/// One network namespace during one life. An inode that the kernel hands out again is a new object with a new
/// <see cref="Generation"/>, so nothing is ever inherited.
/// </summary>
public sealed class NetNamespace
{
    private volatile NamespaceIdentity _identity;

    /// <param name="inode">Inode number of the nsfs file; 0 on systems without network namespaces.</param>
    /// <param name="generation">Never reused within a run.</param>
    /// <param name="isHost">The namespace of the node itself.</param>
    /// <param name="startTime">Unix nanoseconds: the last moment at which it was known not to count yet.</param>
    /// <param name="identity">What is known of it at first.</param>
    public NetNamespace(ulong inode, long generation, bool isHost, long startTime, NamespaceIdentity? identity = null)
    {
        Inode = inode;
        Generation = generation;
        IsHost = isHost;
        StartTime = startTime;
        _identity = identity ?? NamespaceIdentity.None;
    }

    public ulong Inode { get; }

    public long Generation { get; }

    public bool IsHost { get; }

    /// <summary>
    /// True for what a pod does in the node's own namespace (hostNetwork): it is no namespace of its own.
    /// </summary>
    public bool IsHostNetworkPod { get; init; }

    /// <summary>
    /// The kernel's number for this one life of a namespace (SO_NETNS_COOKIE, since Linux 5.14); 0 where unknown.
    /// </summary>
    public ulong Cookie { get; init; }

    /// <summary>
    /// Start of its counters in Unix nanoseconds: boot for the host and for what existed before us, else the last
    /// look at which the namespace did not exist yet.
    /// </summary>
    public long StartTime { get; }

    /// <summary>Its names. Swapped whole; encoded labels compare the reference.</summary>
    public NamespaceIdentity Identity
    {
        get => _identity;
        set => _identity = value;
    }

    public override string ToString() => Identity switch
    {
        { PodName: { } pod } identity when IsHostNetworkPod => $"{identity.PodNamespace}/{pod} (host network)",
        { PodName: { } pod } identity => $"{identity.PodNamespace}/{pod} ({Inode})",
        { Name: { } name } => $"{name} ({Inode})",
        _ => $"netns {Inode}",
    };
}
