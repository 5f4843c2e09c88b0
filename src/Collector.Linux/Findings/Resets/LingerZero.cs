using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Resets;

/// <summary>A program ends its connections by resets on purpose, and the peer loses what was on the way.</summary>
internal sealed class LingerZero(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 5, "connections in a window",
        "Health checks end so, one at a time.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(10), "connections that began",
        "A smaller part is how programs end what went wrong.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "linger-zero",
        Title = "A program ends connections by resets",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows at least {Least.InWords} connections, and {Part.InWords} of those that began, "
            + "were ended at once rather than in order, as SO_LINGER 0 or a disconnect does (TCPAbortOnData with a "
            + "reset that was not an answer).",
        Advice = "Close without SO_LINGER 0, unless this is a health check: what the peer has not read yet is lost.",
        Thresholds = [Least, Part],
        Triggers = [FindingTrigger.Grows(TcpFigures.Ext("TCPAbortOnData"), Least)],
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
        if (ended < _least || !_share.IsReached(ended, opened))
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
