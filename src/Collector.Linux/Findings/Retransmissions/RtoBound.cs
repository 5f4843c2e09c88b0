using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Retransmissions;

/// <summary>What is lost is few, but found only by time-outs: requests hang for 200 ms and more.</summary>
internal sealed class RtoBound(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 5, "segments in a window",
        "One connection that lost its last segment has one or two.");

    private readonly long _least = own.Get(Least);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "rto-bound",
        Title = "Connections wait for retransmission time-outs",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows at least {Least.InWords} segments were sent again because their time-out ran "
            + "out, and no fewer than were sent again sooner; those that this node dropped, and those that the peer "
            + "had already, do not count.",
        Advice = "Look for losses on the path: short answers have no later segments that would show a loss sooner.",
        Thresholds = [Least],
        Triggers = [FindingTrigger.Grows(TcpRetrans.Total, Least)],
        Evidence = [TcpFigures.Ext("TCPTimeouts"), TcpFigures.Ext("TCPLossProbes")],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var late = TcpFigures.SentAgain(window, ["rto"], "not_here", "unknown");
        var sooner = TcpFigures.SentAgain(window, ["fast", "other"], "not_here", "unknown");
        // The peer had them: acknowledgements are late, nothing is lost.
        if (late < _least || late < sooner || window.Growth(TcpFigures.Ext("TCPDSACKRecv")) * 2 >= late)
            yield break;
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Sentence = $"finds losses only by time-outs of 200 ms and more: {late} segments waited for theirs, "
                + $"{sooner} were sent again sooner",
            Evidence =
            [
                window.Grew("tcp_retransmit_skb by time-out", late),
                window.Grew("TCPTimeouts", TcpFigures.Ext("TCPTimeouts")),
                window.Grew("TCPLossProbes", TcpFigures.Ext("TCPLossProbes")),
            ],
            RuledOut = Checks.Of(window, Checks.Drops, Checks.Netfilter),
            Confirm = Inside(window.Subject, "ss -tino state established"),
        };
    }
}
