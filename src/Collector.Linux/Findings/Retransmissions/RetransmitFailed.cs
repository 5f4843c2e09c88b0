using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Findings.Resets;
using Collector.Linux.Findings.Tables;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Retransmissions;

/// <summary>What has to be sent again does not even leave the sender's own namespace.</summary>
internal sealed class RetransmitFailed(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric Failed = TcpFigures.Ext("TCPRetransFail");
    private static readonly Metric Again = Tcp.Of("Tcp", "RetransSegs");
    private static readonly Metric Syns = TcpFigures.Ext("TCPSynRetrans");
    private static readonly Metric[] Unroutable = [Ip.Of("Ip", "OutNoRoutes"), Ip.Of("Ip6", "OutNoRoutes")];

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "segments in a window",
        "What the kernel could not send for a moment it sends soon after.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(10), "segments that had to be sent again",
        "A smaller part is want of memory for a moment, not a rule or a route.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "retransmit-failed-locally",
        Title = "Data that must be sent again cannot leave",
        Severity = EventSeverity.Error,
        Condition = $"In two windows at least {Least.InWords} segments, and {Part.InWords} of those that had to be "
            + "sent again, were refused by the layers below TCP (TCPRetransFail), without SYNs and what the queue "
            + "of a device dropped: open connections stand still.",
        Advice = "Look for the rule or the missing route at the sender: the network is not asked.",
        Thresholds = [Least, Part],
        Triggers = [FindingTrigger.Grows(Failed, Least)],
        Evidence = [Failed, Again, Syns, .. Unroutable],
        Explains = [DeadPeer.Kind, RtoBound.Kind, LocalDrop.Kind, NetfilterDrop.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        // What the device's queue drops is told to TCP the same way.
        var failed = window.Growth(Failed) - window.Growth(Syns) - Checks.QueueDrops(window);
        if (failed < _least || !_share.IsReached(failed, window.Growth(Again)))
            yield break;
        var (byRule, noRoute) = (Checks.DroppedByRules(window), Growth(window, Unroutable));
        yield return new()
        {
            Severity = EventSeverity.Error,
            Sentence = $"cannot send data of open connections: {failed} segments were refused within it, "
                + (byRule > 0 ? "a rule of its firewall drops what it sends"
                    : noRoute > 0 ? "it has no route to the peer any more" : "the kernel does not say why"),
            Evidence =
            [
                window.Grew("TCPRetransFail", failed),
                window.Grew("RetransSegs", Again),
                .. byRule > 0 ? [window.Grew("kfree_skb by netfilter", byRule)] : Array.Empty<Evidence>(),
                .. noRoute > 0 ? [window.Grew("OutNoRoutes", noRoute)] : Array.Empty<Evidence>(),
            ],
            RuledOut = [
                .. byRule == 0 ? Checks.Of(window, Checks.Netfilter) : [],
                .. noRoute == 0 ? ["no packet of it lacked a route"] : Array.Empty<string>(),
            ],
            Confirm = Inside(window.Subject, byRule > 0 ? "nft list ruleset" : "ss -tino state established"),
        };
    }
}
