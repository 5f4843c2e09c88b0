using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Retransmissions;

/// <summary>Segments are sent again that were not lost: acknowledgements come late.</summary>
internal sealed class Spurious(ProbeHost host) : LinuxRule(Kind, host)
{
    private static readonly Metric Needless = TcpFigures.Ext("TCPDSACKRecv");
    private static readonly Metric Again = Tcp.Of("Tcp", "RetransSegs");

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "spurious-retransmission",
        Title = "Segments are sent again that were not lost",
        Severity = EventSeverity.Warn,
        Condition = "In two windows peers reported at least 10 segments that came twice (TCPDSACKRecv), half or more "
            + "of those that were sent again, and 0.5 % of all.",
        Advice = "Look for a queue on the way back, or a peer that is stalled: delay grows faster than the time-out.",
        Triggers = [FindingTrigger.Grows(Needless, 10)],
        Evidence = [Needless, Again, TcpFigures.Sent],
        Explains = [RtoBound.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (needless, again) = (window.Growth(Needless), window.Growth(Again));
        // The peer's word comes later than what it is about: in another window, perhaps.
        if (needless < 10 || needless * 2 < again || needless * 200 < window.Growth(TcpFigures.Sent))
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
