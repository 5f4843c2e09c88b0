using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Retransmissions;

/// <summary>Segments overtake each other on the way to the peer.</summary>
internal sealed class Reordering(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric[] Found = [TcpFigures.Ext("TCPSACKReorder"), TcpFigures.Ext("TCPTSReorder")];

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 10, "times in a window",
        "A route that changes has segments overtake each other once.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", new(20), "segments sent",
        "A smaller part TCP gets used to.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "reordering",
        Title = "Segments overtake each other on the path",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows TCP found at least {Least.InWords} times, and for {Part.InWords} of the segments "
            + "sent, that the peer got segments in another order (TCPSACKReorder, TCPTSReorder).",
        Advice = "Look for paths that are balanced by packet rather than by connection: bonds in round-robin mode, "
            + "ECMP, tunnels.",
        Thresholds = [Least, Part],
        Triggers = [.. Found.Select(static m => FindingTrigger.Grows(m, Least, static v => (v + 1) / 2))],
        Evidence = [TcpFigures.Sent],
        Explains = [Spurious.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (found, sent) = (Growth(window, Found), window.Growth(TcpFigures.Sent));
        if (found < _least || !_share.IsReached(found, sent))
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
