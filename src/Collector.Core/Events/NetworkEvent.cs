using Collector.Core.Metrics;
using Collector.Core.Subjects;

namespace Collector.Core.Events;

/// <summary>The task that ran when the event happened; in softirq context not necessarily the one concerned.</summary>
/// <param name="Pid">Process id (thread group) in the node's pid namespace.</param>
/// <param name="Tid">Thread id.</param>
/// <param name="Command">The thread's name (comm), at most 15 bytes.</param>
public sealed record EventProcess(int Pid, int Tid, string Command)
{
    /// <summary>The kernel's id of its cgroup of version 2; 0 where it told none.</summary>
    public ulong Cgroup { get; init; }

    /// <summary>The pod that the process is of, as namespace/name; null where it is of none.</summary>
    public string? Pod { get; init; }
}

/// <summary>One occurrence that the limiter let through. Immutable; outlets on several threads read it.</summary>
public sealed record NetworkEvent
{
    public required EventInfo Info { get; init; }

    /// <summary>When it happened by the kernel's clock, as Unix nanoseconds.</summary>
    public required long Time { get; init; }

    /// <summary>When the agent read it, Unix nanoseconds.</summary>
    public required long ObservedTime { get; init; }

    /// <summary>One line for people; never needed by machines.</summary>
    public required string Message { get; init; }

    /// <summary>The network namespace that it happened in; null where the kernel could not tell.</summary>
    public Subject? Subject { get; init; }

    public EventProcess? Process { get; init; }

    public FlowTuple? Tuple { get; init; }

    /// <summary>One per <see cref="EventInfo.Fields"/>; null where the kernel did not give it.</summary>
    public IReadOnlyList<TagValue?> Fields { get; init; } = [];

    /// <summary>
    /// Older exporters' type of exactly this occurrence (<c>TCPRESET_NOSOCK</c>); null where it has none.
    /// </summary>
    public string? LegacyType { get; init; }

    /// <summary>Kernel stack, innermost first, as <c>symbol+0xoffset</c>; empty where none was asked for.</summary>
    public IReadOnlyList<string> Stack { get; init; } = [];

    /// <summary>Like events held back since the one reported before; above 0 in a summary.</summary>
    public long HeldBack { get; init; }

    /// <summary>
    /// True for the report, after a flood, of how many were held back: it repeats the last event of its key.
    /// </summary>
    public bool IsSummary { get; init; }
}
