using Collector.Core.Subjects;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Processes;

/// <summary>
/// Processes whose figures are one row: those of one network namespace, in the node's namespace those of one pod
/// (hostNetwork) or of no pod, and on request those of one container.
/// </summary>
/// <remarks>
/// In any other namespace the pod is a property of the namespace, told by <see cref="Subject.Names"/>. There a
/// helper that entered from outside (a CNI plugin, nsenter) counts where it works.
/// </remarks>
internal sealed class ProcessGroup(NamespaceHandle handle, Subject subject, byte[] podUid)
{
    public NamespaceHandle Handle { get; } = handle;

    /// <summary>
    /// What its rows are about: the namespace itself, or a hostNetwork pod or a container in it, so that these can have
    /// a name and the node keeps none.
    /// </summary>
    public Subject Subject { get; } = subject;

    /// <summary>UID in ASCII; empty for processes of no pod.</summary>
    public byte[] PodUid { get; } = podUid;

    /// <summary>Id of the container; null where processes are not told apart by it.</summary>
    public string? Container { get; init; }

    /// <summary>Live processes in it.</summary>
    public int Processes { get; internal set; }

    /// <summary>True once its namespace is gone, or the pod or container has had no process for a while.</summary>
    public bool Closed { get; internal set; }

    internal int EmptyTicks { get; set; }
}
