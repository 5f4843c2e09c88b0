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

/// <summary>A part of an occurrence that took time: of a packet's way, of a connect.</summary>
/// <param name="Name">What happened meanwhile, in a few words that are the same for each.</param>
/// <param name="Start">Unix nanoseconds.</param>
/// <param name="End">Unix nanoseconds.</param>
public readonly record struct EventStation(string Name, long Start, long End);

/// <summary>One occurrence that the limiter let through. Immutable; outlets on several threads read it.</summary>
public sealed record NetworkEvent
{
    public required EventInfo Info { get; init; }

    /// <summary>Stations that an event has at most.</summary>
    public const int MostStations = 15;

    private readonly EventSeverity? _severity;
    private readonly IReadOnlyList<EventStation> _stations = [];

    /// <summary>
    /// When it happened by the kernel's clock, as Unix nanoseconds; of what took time, when it was over.
    /// </summary>
    public required long Time { get; init; }

    /// <summary>When it began, Unix nanoseconds; null where it took no time.</summary>
    public long? Start { get; init; }

    /// <summary>Nanoseconds that it took.</summary>
    public long? Duration => Time - Start;

    /// <summary>Its parts, if it took time and they are known: at most <see cref="MostStations"/>.</summary>
    public IReadOnlyList<EventStation> Stations
    {
        get => _stations;
        init => _stations = value.Count <= MostStations ? value : throw new ArgumentOutOfRangeException(nameof(value));
    }

    /// <summary>The histogram that counted it; null where none did.</summary>
    public EventMeasure? Measured { get; init; }

    /// <summary>Which span it is; null where none is made of it.</summary>
    public EventTrace? Trace { get; init; }

    /// <summary>How bad this one is: as its kind usually, unless it was told otherwise.</summary>
    public EventSeverity Severity
    {
        get => _severity ?? Info.Severity;
        init => _severity = value;
    }

    /// <summary>When the agent read it, Unix nanoseconds.</summary>
    public required long ObservedTime { get; init; }

    /// <summary>One line for people; never needed by machines.</summary>
    public required string Message { get; init; }

    /// <summary>The network namespace that it happened in; null where the kernel could not tell.</summary>
    public Subject? Subject { get; init; }

    /// <summary>
    /// True where any user of the node can make such namespaces: however many there are, they have a share of what is
    /// bounded.
    /// </summary>
    public bool Rootless { get; init; }

    public EventProcess? Process { get; init; }

    public FlowTuple? Tuple { get; init; }

    /// <summary>One per <see cref="EventInfo.Fields"/>; null where the kernel did not give it.</summary>
    public IReadOnlyList<TagValue?> Fields { get; init; } = [];

    /// <summary>Kernel stack, innermost first, as <c>symbol+0xoffset</c>; empty where none was asked for.</summary>
    public IReadOnlyList<string> Stack { get; init; } = [];

    /// <summary>Like events held back since the one reported before; above 0 in a summary.</summary>
    public long HeldBack { get; init; }

    /// <summary>
    /// True for the report, after a flood, of how many were held back: it repeats the last event of its key.
    /// </summary>
    public bool IsSummary { get; init; }

    /// <summary>The value of one of its fields; null where the kernel did not give it or the kind has none.</summary>
    public TagValue? Field(string key)
    {
        for (var i = 0; i < Fields.Count; i++)
        {
            if (Info.Fields[i].Key == key)
                return Fields[i];
        }
        return null;
    }
}
