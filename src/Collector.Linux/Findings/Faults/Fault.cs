using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;

namespace Collector.Linux.Findings.Faults;

/// <summary>A fault that can be caused in a namespace of its own, on loopback, and what is to be seen of it.</summary>
/// <param name="Finding">What is found.</param>
/// <param name="Metric">What grows, or is above 0.</param>
/// <param name="Event">What happens; null: no single event.</param>
/// <param name="How">What is done, in a few words.</param>
/// <param name="Cause">Does it, or some more of it: called inside the namespace every half second.</param>
public sealed record Fault(
    FindingInfo Finding, Metric Metric, EventInfo? Event, string How, Action<FaultNamespace> Cause);
