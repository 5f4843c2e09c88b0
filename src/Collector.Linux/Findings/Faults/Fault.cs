using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Faults;

/// <summary>A fault that can be caused between two namespaces of one's own, and what is to be seen of it.</summary>
/// <param name="Finding">What is found.</param>
/// <param name="Metric">What grows, or is above 0.</param>
/// <param name="Event">What happens; null: no single event.</param>
/// <param name="How">What is done, in a few words.</param>
/// <param name="Cause">Does it, or some more of it: called every half second.</param>
public sealed record Fault(
    FindingInfo Finding, Metric Metric, EventInfo? Event, string How, Action<FaultPair> Cause)
{
    /// <summary>Where it is to be seen: at the client, else at the server.</summary>
    public bool AtClient { get; init; }

    /// <summary>What else is true of it, and may be found by itself.</summary>
    public IReadOnlyList<FindingInfo> Also { get; init; } = [];

    /// <summary>The kernel's reason for a drop without which it tells nothing of it; null: none is needed.</summary>
    public string? DropReason { get; init; }

    /// <summary>
    /// By the settings of the probe that has its metric: the one for which it is not to be seen. Null: none.
    /// </summary>
    public Func<ProbeSettings, string?>? Unasked { get; init; }

    /// <summary>Why this kernel cannot show it; null where it can, for all that is known before.</summary>
    public string? Hindrance(ProbeHost host) =>
        DropReason is null ? null
        : host.Bpf.Environment.Btf is not { } types ? "drop reasons are not known: no type information (BTF)"
        : types.Enum("skb_drop_reason", "SKB_DROP_REASON_")?.ContainsValue(DropReason) == true ? null
        : $"the kernel has no drop reason {DropReason}";
}
