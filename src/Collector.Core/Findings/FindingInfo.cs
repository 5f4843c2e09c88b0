using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;

namespace Collector.Core.Findings;

/// <summary>How much a finding says by itself.</summary>
public enum FindingConfidence
{
    /// <summary>The kernel told of the occurrence itself.</summary>
    Event,

    /// <summary>A counter of whom it concerns: of a listener, a socket, a pod's own namespace.</summary>
    OwnCounter,

    /// <summary>A counter that many share.</summary>
    SharedCounter,

    /// <summary>Nothing has happened yet: a setting that will harm.</summary>
    Setting,
}

/// <summary>
/// A kind of fault as its rule declares it; the catalogue, docs/findings and the checks are derived from these.
/// </summary>
public sealed class FindingInfo
{
    /// <summary>Lower-case words with hyphens, as in <c>accept-queue-overflow</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>A few words: "A listener's accept queue overflows".</summary>
    public required string Title { get; init; }

    /// <summary>How bad it is at worst.</summary>
    public required EventSeverity Severity { get; init; }

    /// <summary>When it is told, in one or two sentences: what must be seen, and how much of it.</summary>
    public required string Condition { get; init; }

    /// <summary>What to change, in one sentence.</summary>
    public required string Advice { get; init; }

    /// <summary>What must move, or happen, for a subject to be looked at.</summary>
    public required IReadOnlyList<FindingTrigger> Triggers { get; init; }

    /// <summary>The numbers in its condition that can be set, each with the reason for its default.</summary>
    public IReadOnlyList<ProbeOption> Thresholds { get; init; } = [];

    /// <summary>What else it reads as evidence.</summary>
    public IReadOnlyList<Metric> Evidence { get; init; } = [];

    /// <summary>Kinds of events that it also looks for in the two minutes before a window.</summary>
    public IReadOnlyList<EventInfo> Earlier { get; init; } = [];

    /// <summary>Names of the metrics that it is told by, those that make it be looked at first.</summary>
    public IEnumerable<string> MetricNames => Triggers.Select(static t => t.Metric).OfType<Metric>().Concat(Evidence)
        .Select(static m => m.Name).Distinct(StringComparer.Ordinal);

    /// <summary>Kinds that are consequences of this one, at the same subject or at the other end.</summary>
    public IReadOnlyList<FindingInfo> Explains { get; init; } = [];

    /// <summary>
    /// What some kernels cannot show of it, in words; empty where each shows all. docs/findings names it.
    /// </summary>
    public string Blind { get; init; } = "";

    public override string ToString() => Kind;
}
