namespace Collector.Core.Subjects;

/// <summary>
/// A network namespace that was found, the node's own or another. An inode that the kernel hands out again is a new
/// object with a new <see cref="Subject.Generation"/>.
/// </summary>
/// <param name="inode">Inode number of the nsfs file; 0 on systems without network namespaces.</param>
/// <param name="generation">Never reused within a run.</param>
/// <param name="isHost">The namespace of the node itself.</param>
/// <param name="startTime">Unix nanoseconds: the last moment at which it was known not to count yet.</param>
/// <param name="names">What is known of it at first.</param>
public sealed class NetNamespace(
    ulong inode, long generation, bool isHost, long startTime, SubjectNames? names = null)
    : Subject(isHost ? SubjectKind.Node : SubjectKind.Namespace, inode, generation, startTime, names)
{
    private volatile bool _rootless;

    /// <summary>True while any user of the node could have made it: root has neither made nor mounted it.</summary>
    public bool Rootless
    {
        get => _rootless;
        set => _rootless = value;
    }
}
