using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Drops;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Tables;

/// <summary>A rule of the firewall drops what somebody tries to send again and again.</summary>
internal sealed class NetfilterDrop(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "packets for one address and port in a window",
        "Less is somebody who tried once: what is sent again somebody wants.");

    private static readonly Metric NoRoom = Conntrack.Counters[Ctnetlink.CTA_STATS_DROP]!;

    private readonly long _least = own.Get(Least);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "netfilter-drop",
        Title = "A firewall rule drops packets",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows {Least.InWords} or more packets for the same address and port were dropped by "
            + "netfilter. Never an error: somebody wanted that rule.",
        Advice = "Look for the rule that drops them (nft, iptables, a network policy), and let them through if they "
            + "are wanted.",
        Thresholds = [Least],
        Triggers = [FindingTrigger.Happens(PacketLoss.Dropped).Of("netlens.drop.reason", Checks.NetfilterReasons)],
        Evidence = [PacketLossTables.DropsCounter],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        // What a full table drops counts as dropped by netfilter, too.
        var (dropped, full) = (Checks.DroppedByRules(window), window.Growth(NoRoom));
        foreach (var target in Losses.ByTarget(window, _least, Checks.NetfilterReasons))
        {
            var e = target.Last();
            var tuple = e.Tuple!;
            var sender = tuple.SourcePod ?? tuple.Source.ToString();
            var pod = tuple.DestinationPod is { } name ? $" ({name})" : "";
            yield return new()
            {
                Severity = EventSeverity.Warn,
                Confidence = FindingConfidence.Event,
                MoreThan = dropped >= (2 * full) + _least ? ConntrackFull.Kind : null,
                Detail = target.Key,
                Sentence = $"has a firewall rule that drops {target.Key}{pod}, "
                    + $"{target.Count()} or more packets from {sender}",
                Evidence =
                [
                    window.Grew(Field(e, "netlens.drop.reason"), dropped),
                    new("place", Field(e, "netlens.drop.location")),
                ],
                RuledOut = Checks.Of(window, Checks.Conntrack),
                Knob = new("the rule", "", $"accept {target.Key}, if it is wanted", "whoever made the rule or policy"),
                Confirm = Inside(window.Subject, "nft list ruleset"),
                Tuple = tuple,
            };
        }
    }
}
