using System.Text.Json;

namespace Collector.Worker.View;

/// <summary>A node in one look: GET /api/v1/overview. Null stands for what is not known.</summary>
/// <param name="Version">Of the program that made it.</param>
/// <param name="Time">Of the collection that it shows.</param>
/// <param name="WindowSeconds">Rates are growth per second in that time before; null: there is one collection.</param>
/// <param name="Node">The machine.</param>
/// <param name="Agent">What Netlens itself costs.</param>
/// <param name="Collection">The collection, and how much is kept.</param>
/// <param name="Blind">What cannot be seen here, and why.</param>
/// <param name="Checked">How much is looked for.</param>
/// <param name="Findings">As in GET /findings; active ones first, then the latest.</param>
/// <param name="Ledger">As in GET /findings?ledger=node: one object; null: not known.</param>
/// <param name="Pods">Namespaces and what has none of its own; the worst first.</param>
/// <param name="PodsLeftOut">Of those, how many there are beyond the bound.</param>
public sealed record OverviewView(
    string Version, DateTime Time, double? WindowSeconds, MachineView Node, AgentView Agent, CollectionView Collection,
    IReadOnlyList<BlindView> Blind, CheckedView Checked, JsonElement Findings, JsonElement? Ledger,
    IReadOnlyList<SubjectView> Pods, int PodsLeftOut);

/// <summary>The machine.</summary>
/// <param name="Name">Of the node.</param>
/// <param name="Kernel">Its release.</param>
/// <param name="Os">The operating system's name.</param>
/// <param name="Cpus">Processors that are online.</param>
/// <param name="UptimeSeconds">Since boot.</param>
/// <param name="BootTime">When that was.</param>
public sealed record MachineView(
    string Name, string? Kernel, string? Os, int? Cpus, double? UptimeSeconds, DateTime? BootTime);

/// <summary>What the agent costs.</summary>
/// <param name="Version">Of the agent that collected.</param>
/// <param name="UptimeSeconds">Since its start.</param>
/// <param name="CpuPercent">Of one processor, its process.</param>
/// <param name="MemoryBytes">Resident.</param>
/// <param name="BpfCpuPercent">Of one processor, its programs in the kernel.</param>
public sealed record AgentView(
    string Version, double? UptimeSeconds, double? CpuPercent, long? MemoryBytes, double? BpfCpuPercent);

/// <summary>The collection that is shown.</summary>
/// <param name="Time">When it began.</param>
/// <param name="AgeSeconds">How old it is.</param>
/// <param name="IntervalSeconds">As configured.</param>
/// <param name="DurationMs">What the one before took.</param>
/// <param name="RecordedSeconds">From the oldest that is kept to it.</param>
public sealed record CollectionView(
    DateTime Time, double AgeSeconds, double? IntervalSeconds, double? DurationMs, double RecordedSeconds);

/// <summary>Something that cannot be seen here.</summary>
/// <param name="What">A probe, a part of the collection, the recorder.</param>
/// <param name="Why">The reason.</param>
/// <param name="Kind">
/// <c>machine</c>: this kernel, or the agent's rights, do not allow it; <c>limit</c>: there is more than a bound lets
/// in; <c>budget</c>: it was switched off for what it cost; <c>configuration</c>: it is off by configuration.
/// </param>
public sealed record BlindView(string What, string Why, string Kind)
{
    public const string Machine = "machine";
    public const string Limit = "limit";
    public const string Budget = "budget";
    public const string Configuration = "configuration";
}

/// <summary>How much is looked for.</summary>
/// <param name="Kinds">Kinds of findings that there are.</param>
/// <param name="Observable">Of them, those of which something is collected; null: not known.</param>
public sealed record CheckedView(int Kinds, int? Observable);

/// <summary>A pod, a network namespace, the host, or a container without a network of its own.</summary>
public sealed record SubjectView
{
    /// <summary>
    /// Stable while the namespace lives: <c>host</c>, <c>n</c> and the inode of the namespace, <c>p</c> and a UID of a
    /// pod in the host's network, <c>c</c> and the id of a container.
    /// </summary>
    public required string Id { get; init; }

    /// <summary><c>host</c>, <c>pod</c>, <c>namespace</c> or <c>container</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>namespace/pod, the name of the network namespace, the container or <c>host</c>.</summary>
    public required string Name { get; init; }

    public PodRef? Pod { get; init; }

    /// <summary>Names (or ids) of containers that are known to be in it.</summary>
    public IReadOnlyList<string> Containers { get; init; } = [];

    /// <summary>0 where it has none.</summary>
    public ulong NetnsInode { get; init; }

    /// <summary>TCP connections that are open.</summary>
    public long? Connections { get; init; }

    /// <summary>TCP connections made and taken.</summary>
    public double? NewPerSecond { get; init; }

    /// <summary>Of all TCP segments sent, those sent again.</summary>
    public double? RetransmitPercent { get; init; }

    /// <summary>Of the smoothed round-trip times of open connections.</summary>
    public double? RttP50Ms { get; init; }

    /// <inheritdoc cref="RttP50Ms"/>
    public double? RttP99Ms { get; init; }

    /// <summary>TCP resets sent, and connections that were reset.</summary>
    public double? ResetsPerSecond { get; init; }

    /// <summary>Packets lost.</summary>
    public double? DropsPerSecond { get; init; }

    /// <summary>The listener whose accept queue is fullest.</summary>
    public ListenerUse? ListenerWorst { get; init; }

    /// <summary>Bytes received that no program has read, TCP and UDP.</summary>
    public long? ReceiveQueueBytes { get; init; }

    /// <summary>
    /// Of the periods of CPU quota of it and its containers together, those in which they were held up.
    /// </summary>
    public double? ThrottledPercent { get; init; }

    /// <summary>By its devices but lo.</summary>
    public double? BytesInPerSecond { get; init; }

    /// <inheritdoc cref="BytesInPerSecond"/>
    public double? BytesOutPerSecond { get; init; }

    /// <summary>Findings that are active.</summary>
    public int Findings { get; init; }

    /// <summary>The worst of them: <c>error</c>, <c>warn</c>; null: there is none.</summary>
    public string? Severity { get; init; }

    /// <summary>Packets lost and segments sent again per second, a value per collection, the newest last.</summary>
    public IReadOnlyList<double?> Spark { get; init; } = [];
}

/// <summary>A pod.</summary>
public sealed record PodRef(string Name, string? Namespace);

/// <summary>An accept queue.</summary>
/// <param name="Port">Of the listener; null: of those that are told together.</param>
/// <param name="Used">Connections that wait.</param>
/// <param name="Limit">How many may.</param>
public sealed record ListenerUse(int? Port, long Used, long? Limit);
