using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Drops;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Retransmissions;

/// <summary>The network beyond this node loses segments.</summary>
internal sealed class PathLoss(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 10, "segments in a window",
        "Each path loses a few, and TCP probes for its capacity by losses.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", new(50), "segments sent",
        "A smaller part costs no throughput to speak of.");

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 20, "segments in a window",
        "Fewer are of a single burst.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", Share.Percent(2), "segments sent",
        "From there on connections become slow by it.");

    private static readonly ProbeOption<Share> Proven = Option.Part(
        "proven", Share.Percent(25), "segments that were lost",
        "A time-out alone may also be an acknowledgement that is late.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);
    private readonly Share _proven = own.Get(Proven);
    private readonly Gravity _gravity = new(own.Get(ErrorFrom), own.Get(ErrorPart));

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "path-loss",
        Title = "The network beyond this node loses segments",
        Severity = EventSeverity.Error,
        Condition = $"In two windows at least {Least.InWords} segments were sent again, and {Part.InWords} of those "
            + $"sent, of which this node dropped none and the peer had no copy; an error from {ErrorFrom.InWords} "
            + $"segments and {ErrorPart.InWords} on, which is what connections slow down by. Of them "
            + $"{Proven.InWords} must be known by later acknowledgements, not by time-outs alone; where more is lost "
            + "than arrives the peer is gone, which is another kind.",
        Advice = "Look at the peer's node, the switches and the overlay between: this node handed the packets over.",
        Thresholds = [Least, Part, ErrorFrom, ErrorPart, Proven],
        Triggers = [FindingTrigger.Grows(TcpRetrans.Total, Least)],
        Evidence = [TcpFigures.Sent, TcpFigures.Ext("TCPDelivered"), TcpFigures.Ext("TCPDSACKRecv")],
        Explains = [RtoBound.Kind],
        Blind = "Without the probe packetloss nobody knows whether this node dropped them.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var watched = window.Knows(PacketLossTables.LostCounter);
        var again = watched
            ? TcpFigures.SentAgain(window, TcpFigures.Losses, "not_here")
            : TcpFigures.SentAgain(window, TcpFigures.Losses, "unknown");
        var needless = window.Growth(TcpFigures.Ext("TCPDSACKRecv"));
        var (lost, sent) = (again - needless, window.Growth(TcpFigures.Sent));
        var arrived = window.Growth(TcpFigures.Ext("TCPDelivered"));
        // A time-out alone may also be an acknowledgement that is late.
        var proven = TcpFigures.SentAgain(window, ["fast", "slow_start"], "not_here", "unknown");
        if (lost < _least || !_share.IsReached(lost, sent) || arrived < lost || !_proven.IsReached(proven, lost))
            yield break;
        var seen = window.Events(TcpRetrans.Retransmitted)
            .Where(static e => Field(e, "netlens.retransmit.verdict") != "dropped_here"
                && TcpFigures.Losses.Contains(Field(e, "netlens.retransmit.kind"))).ToArray();
        var worst = seen.Where(static e => e.Tuple is not null)
            .GroupBy(static e => e.Tuple!.DestinationPod ?? e.Tuple.Destination.ToString())
            .MaxBy(static g => g.Count());
        yield return new()
        {
            Severity = _gravity.Of(lost, sent),
            Sentence = $"loses {TcpFigures.Percent(lost, sent)} of its segments{Towards(worst, seen.Length)}: "
                + (watched ? "they left this node, and were lost on the way" : "where, is not known"),
            Evidence =
            [
                window.Grew("tcp_retransmit_skb", again),
                window.Grew("OutSegs", sent),
                window.Grew("TCPDSACKRecv", needless),
                window.Grew("TCPTimeouts", TcpFigures.Ext("TCPTimeouts")),
            ],
            RuledOut = [
                .. watched ? ["this node dropped none of them"] : Array.Empty<string>(),
                .. Checks.Of(window, Checks.Throttling),
            ],
            NotSeen = watched ? [] : ["whether this node dropped them: the probe packetloss does not run"],
            Confirm = Inside(window.Subject, "ss -tino state established"),
            Tuple = worst?.Last().Tuple,
        };
    }

    private static string Towards(IGrouping<string, NetworkEvent>? worst, int all) => worst is null
        ? ""
        : worst.Count() * 2 > all ? $", mostly to {worst.Key}" : ", to several peers";
}
