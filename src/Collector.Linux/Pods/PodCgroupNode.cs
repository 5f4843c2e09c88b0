namespace Collector.Linux.Pods;

/// <summary>A cgroup that was found: of a pod, of one of its containers, or a folder that pods are in.</summary>
/// <param name="inode">Of its folder: while inode and path stay the same, so does the cgroup.</param>
/// <param name="path">Below the hierarchy's root: <c>./kubepods/burstable/podUID</c>.</param>
internal sealed class PodCgroupNode(ulong inode, byte[] path)
{
    public ulong Inode { get; } = inode;

    public byte[] Path { get; } = path;

    /// <summary>UID of the pod; null where it is above the pods.</summary>
    public string? Uid { get; init; }

    /// <summary>Id of the container; null where it is the pod's own.</summary>
    public string? Container { get; init; }

    internal long SeenAt { get; set; }

    /// <summary>True when it is the folder of this name in that one.</summary>
    public bool IsAt(ReadOnlySpan<byte> parent, ReadOnlySpan<byte> name) =>
        Path.Length == parent.Length + 1 + name.Length && Path.AsSpan().StartsWith(parent)
        && Path.AsSpan(parent.Length + 1).SequenceEqual(name);
}
