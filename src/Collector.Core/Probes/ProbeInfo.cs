using Collector.Core.Events;
using Collector.Core.Metrics;

namespace Collector.Core.Probes;

/// <summary>
/// What a probe is, without an instance of it: id, tables, arguments. The catalogue is made of these.
/// </summary>
public sealed class ProbeInfo
{
    /// <summary>Lower-case id: the key in the configuration and the second word of its metric names.</summary>
    public required string Id { get; init; }

    /// <summary>One sentence for <c>netlens list probes</c>.</summary>
    public required string Description { get; init; }

    /// <summary>Where its numbers come from, for the reader who doubts one.</summary>
    public required string Source { get; init; }

    public required IReadOnlyList<TableInfo> Tables { get; init; }

    public IReadOnlyList<ProbeOption> Options { get; init; } = [];

    /// <summary>Kinds of events that it reports.</summary>
    public IReadOnlyList<EventInfo> Events { get; init; } = [];

    /// <summary>On without being named in the configuration.</summary>
    public bool EnabledByDefault { get; init; } = true;

    /// <summary>It is never switched off for what its programs cost: what it counts are losses.</summary>
    public bool Essential { get; init; }

    /// <summary>
    /// True when it counts only what happens while it runs (eBPF): a single collection has nothing to tell.
    /// </summary>
    public bool Watches { get; init; }

    public IEnumerable<Metric> Metrics => Tables.SelectMany(t => t.Metrics);

    public override string ToString() => Id;
}
