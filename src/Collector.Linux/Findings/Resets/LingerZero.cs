using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Resets;

/// <summary>A program ends its connections by resets on purpose, and the peer loses what was on the way.</summary>
internal sealed class LingerZero(ProbeHost host) : LinuxRule(Kind, host)
{
    private const int Fewest = 5;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "linger-zero",
        Title = "A program ends connections by resets",
        Severity = EventSeverity.Warn,
        Condition = "In two windows at least 5 connections, and every tenth of those that began, were ended at once "
            + "rather than in order, as SO_LINGER 0 or a disconnect does (TCPAbortOnData with a reset that was not "
            + "an answer).",
        Advice = "Close without SO_LINGER 0, unless this is a health check: what the peer has not read yet is lost.",
        Triggers = [FindingTrigger.Grows(TcpFigures.Ext("TCPAbortOnData"), Fewest)],
        Evidence = [TcpFigures.Ext("TCPAbortOnData"), TcpFigures.Ext("TCPAbortOnClose")],
        Explains = [PeerReset.Kind, IdleReset.Kind],
    };

    /// <summary>
    /// Connections that were ended so. The kernel counts data that came after a close by the same counter, but answers
    /// those; where it gives no reasons, what is no close with unread data is left.
    /// </summary>
    public static long Count(SubjectWindow window)
    {
        var told = TcpFigures.Resets(window, "active", static (_, r) => r is "TCP_STATE" or "TCP_DISCONNECT_WITH_DATA");
        var untold = TcpFigures.Resets(window, "active", static (_, r) => r is "" or "NOT_SPECIFIED");
        untold = Math.Max(0, untold - window.Growth(TcpFigures.Ext("TCPAbortOnClose")));
        return Math.Min(window.Growth(TcpFigures.Ext("TCPAbortOnData")), told + untold);
    }

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (ended, opened) = (Count(window), TcpFigures.Opened(window));
        if (ended < Fewest || ended * 10 < opened)
            yield break;
        var service = TcpFigures.ServiceOf(window.Events(TcpReset.Sent).Where(static e =>
            Field(e, "netlens.reset.origin") == "active"
            && Field(e, "netlens.reset.reason") is "" or "NOT_SPECIFIED" or "TCP_STATE" or "TCP_DISCONNECT_WITH_DATA"));
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Detail = service?.End.ToString() ?? "",
            Sentence = $"ends connections {service} by resets, {ended} of {Math.Max(opened, ended)}: the program "
                + "wants it so (SO_LINGER of 0), and peers lose what they have not read",
            Evidence =
            [
                window.Grew("TCPAbortOnData", TcpFigures.Ext("TCPAbortOnData")),
                window.Grew("tcp_send_active_reset", ended),
            ],
            RuledOut = [$"{window.Growth(TcpFigures.Ext("TCPAbortOnClose"))} closed with unread data"],
            Knob = new("SO_LINGER", "0", "off, or a second and more", "the program"),
            Confirm = Inside(window.Subject, "nstat -az TcpExtTCPAbortOnData TcpOutRsts"),
            Local = service?.IsOurs == true ? service.End : null,
            Tuple = service?.Last.Tuple,
            Process = service?.Last.Process,
        };
    }
}
