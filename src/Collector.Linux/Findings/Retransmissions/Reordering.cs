using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Retransmissions;

/// <summary>Segments overtake each other on the way to the peer.</summary>
internal sealed class Reordering(ProbeHost host) : LinuxRule(Kind, host)
{
    private static readonly Metric[] Found = [TcpFigures.Ext("TCPSACKReorder"), TcpFigures.Ext("TCPTSReorder")];

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "reordering",
        Title = "Segments overtake each other on the path",
        Severity = EventSeverity.Warn,
        Condition = "In two windows TCP found at least 10 times, and for every 500th segment sent, that the peer got "
            + "segments in another order (TCPSACKReorder, TCPTSReorder).",
        Advice = "Look for paths that are balanced by packet rather than by connection: bonds in round-robin mode, "
            + "ECMP, tunnels.",
        Triggers = [.. Found.Select(static m => FindingTrigger.Grows(m, 5))],
        Evidence = [TcpFigures.Sent],
        Explains = [Spurious.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (found, sent) = (Growth(window, Found), window.Growth(TcpFigures.Sent));
        if (found < 10 || found * 500 < sent)
            yield break;
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Sentence = $"has its segments overtake each other on the way: {found} times in {sent} segments, so TCP "
                + "sends slower and may send again what is not lost",
            Evidence =
            [
                window.Grew("TCPSACKReorder", Found[0]), window.Grew("TCPTSReorder", Found[1]),
                window.Grew("OutSegs", sent), window.Grew("TCPDSACKRecv", TcpFigures.Ext("TCPDSACKRecv")),
            ],
            RuledOut = Checks.Of(window, Checks.Retransmissions, Checks.Drops),
            Confirm = Inside(window.Subject, "nstat -az TcpExtTCPSACKReorder TcpExtTCPTSReorder"),
        };
    }
}
