using Collector.Core.Identity;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Processes;

/// <summary>
/// Processes whose figures are one row: those of one network namespace, in the node's namespace those of one pod
/// (hostNetwork) or of no pod, and on request those of one container.
/// </summary>
/// <remarks>
/// In any other namespace the pod is a property of the namespace, told by <see cref="NetNamespace.Identity"/>. There a
/// helper that entered from outside (a CNI plugin, nsenter) counts where it works.
/// </remarks>
internal sealed class ProcessGroup(NamespaceHandle handle, NetNamespace ns, byte[] podUid)
{
    public NamespaceHandle Handle { get; } = handle;

    /// <summary>
    /// Identity of the rows: the namespace itself, or for a hostNetwork pod or a container an object of its own with
    /// the same inode, so that these can have a name and the node keeps none.
    /// </summary>
    public NetNamespace Namespace { get; } = ns;

    /// <summary>UID in ASCII; empty for processes of no pod.</summary>
    public byte[] PodUid { get; } = podUid;

    /// <summary>Id of the container; null where processes are not told apart by it.</summary>
    public string? Container { get; init; }

    /// <summary>Live processes in it.</summary>
    public int Processes { get; internal set; }

    /// <summary>True once its namespace is gone, or the pod or container has had no process for a while.</summary>
    public bool Closed { get; internal set; }

    /// <summary>The pod's identity that the rows carry; null while the runtime has not told it.</summary>
    internal NamespaceIdentity? Owner { get; set; }

    internal int EmptyTicks { get; set; }
}
