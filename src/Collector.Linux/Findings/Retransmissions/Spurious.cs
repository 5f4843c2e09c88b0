using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Retransmissions;

/// <summary>Segments are sent again that were not lost: acknowledgements come late.</summary>
internal sealed class Spurious(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric Needless = TcpFigures.Ext("TCPDSACKRecv");
    private static readonly Metric Again = Tcp.Of("Tcp", "RetransSegs");

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 10, "segments in a window",
        "A delay that grows once has a few sent in vain.");

    private static readonly ProbeOption<Share> AgainPart = Option.Part(
        "againShare", Share.Percent(50), "segments that were sent again",
        "Where most of them were lost, loss is the cause.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", new(50), "segments sent",
        "A smaller part costs no throughput to speak of.");

    private readonly long _least = own.Get(Least);
    private readonly Share _againShare = own.Get(AgainPart);
    private readonly Share _share = own.Get(Part);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "spurious-retransmission",
        Title = "Segments are sent again that were not lost",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows peers reported at least {Least.InWords} segments that came twice (TCPDSACKRecv), "
            + $"{AgainPart.InWords} or more of those that were sent again, and {Part.InWords} of all.",
        Advice = "Look for a queue on the way back, or a peer that is stalled: delay grows faster than the time-out.",
        Thresholds = [Least, AgainPart, Part],
        Triggers = [FindingTrigger.Grows(Needless, Least)],
        Evidence = [Needless, Again, TcpFigures.Sent],
        Explains = [RtoBound.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (needless, again) = (window.Growth(Needless), window.Growth(Again));
        // The peer's word comes later than what it is about: in another window, perhaps.
        if (needless < _least || !_againShare.IsReached(needless, again)
            || !_share.IsReached(needless, window.Growth(TcpFigures.Sent)))
            yield break;
        // Whose acknowledgements this node dropped has another cause.
        if (TcpFigures.SentAgain(window, [.. TcpFigures.Losses, "tlp"], "dropped_here") * 2 > Math.Max(again, needless))
            yield break;
        var peer = TcpFigures.ServiceOf(window.Events(TcpRetrans.Retransmitted));
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Sentence = $"sends data again that had arrived, {needless} segments in {window.Span}: acknowledgements "
                + "come late, a queue on the way back or the peer holds them up",
            Evidence =
            [
                window.Grew("TCPDSACKRecv", needless), window.Grew("RetransSegs", again),
                window.Grew("TCPTimeouts", TcpFigures.Ext("TCPTimeouts")),
                window.Grew("TCPSpuriousRTOs", TcpFigures.Ext("TCPSpuriousRTOs")),
            ],
            RuledOut = Checks.Of(window, Checks.Drops, Checks.Throttling),
            Confirm = Inside(window.Subject, "nstat -az TcpExtTCPDSACKRecv TcpRetransSegs"),
            Tuple = peer?.Last.Tuple,
        };
    }
}
