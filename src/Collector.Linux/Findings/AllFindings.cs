using Collector.Core.Findings;
using Collector.Linux.Findings.Listeners;
using Collector.Linux.Findings.Tables;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings;

/// <summary>A rule that can be made: its description and how.</summary>
public sealed record FindingRegistration(FindingInfo Info, Func<ProbeHost, FindingRule> Create);

/// <summary>Every kind of finding, in the order in which they are listed. The only registry.</summary>
public static class AllFindings
{
    public static IReadOnlyList<FindingRegistration> List { get; } =
    [
        new(AcceptQueueOverflow.Kind, static host => new AcceptQueueOverflow(host)),
        new(AcceptQueueFilling.Kind, static host => new AcceptQueueFilling(host)),
        new(ConntrackFull.Kind, static host => new ConntrackFull(host)),
    ];
}
