namespace Collector.Core.Subjects;

/// <summary>What sort of thing a number or an event is about.</summary>
public enum SubjectKind
{
    /// <summary>The machine, and with it the network namespace that it started in.</summary>
    Node,

    /// <summary>A network namespace that was found; where it is a pod's, its names say so.</summary>
    Namespace,

    /// <summary>A network namespace that a kernel record tells of and that nobody has found.</summary>
    Stranger,

    /// <summary>A pod without a network of its own.</summary>
    Pod,

    /// <summary>One container, where figures are told by container.</summary>
    Container,

    /// <summary>A service of systemd.</summary>
    Unit,

    /// <summary>A process.</summary>
    Process,
}
