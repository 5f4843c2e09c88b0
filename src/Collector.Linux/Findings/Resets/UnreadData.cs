using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Resets;

/// <summary>A program closes connections before it has read all that was sent to it: its peers get resets.</summary>
internal sealed class UnreadData(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "connections in a window",
        "A program that is stopped leaves one or two unread.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(5), "connections that began",
        "A smaller part is of requests that were given up.");

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 10, "connections in a window",
        "Clients that leave the last words of TLS unread lose nothing: an error is a server that does it "
        + "again and again.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);
    private readonly long _many = own.Get(ErrorFrom);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "app-closed-with-unread-data",
        Title = "A program closes connections without reading what was sent",
        Severity = EventSeverity.Error,
        Condition = $"In two windows at least {Least.InWords} connections, and {Part.InWords} of those that began, "
            + "were closed while data lay unread (TCPAbortOnClose) or went on to arrive (TCPAbortOnData). An error "
            + $"from {ErrorFrom.InWords} in a window on where a server does it: clients that leave the last words of "
            + "TLS unread lose nothing.",
        Advice = "Read until the peer has closed, or shut down sending first: a reset may destroy an answer that is "
            + "on its way.",
        Thresholds = [Least, Part, ErrorFrom],
        Triggers =
        [
            FindingTrigger.Grows(TcpFigures.Ext("TCPAbortOnClose")),
            FindingTrigger.Grows(TcpFigures.Ext("TCPAbortOnData")),
        ],
        Explains = [PeerReset.Kind, IdleReset.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var unread = window.Growth(TcpFigures.Ext("TCPAbortOnClose"));
        var after = Math.Max(0, window.Growth(TcpFigures.Ext("TCPAbortOnData")) - LingerZero.Count(window));
        var (closed, opened) = (unread + after, TcpFigures.Opened(window));
        if (closed < _least || !_share.IsReached(closed, opened))
            yield break;
        var service = TcpFigures.ServiceOf(window.Events(TcpReset.Sent).Where(e => IsOne(e, unread > 0)));
        yield return new()
        {
            Severity = service?.IsOurs == true && closed >= _many ? EventSeverity.Error : EventSeverity.Warn,
            Detail = service?.End.ToString() ?? "",
            Sentence = $"closes connections {service} before it has read all, {closed} of {Math.Max(opened, closed)}: "
                + "peers get resets, and may lose the answer",
            Evidence = [window.Grew("TCPAbortOnClose", unread), window.Grew("TCPAbortOnData after a close", after)],
            RuledOut = Checks.Of(window, Checks.Drops, Checks.Conntrack),
            Confirm = Inside(window.Subject, "nstat -az TcpExtTCPAbortOnClose TcpExtTCPAbortOnData"),
            Local = service?.IsOurs == true ? service.End : null,
            Tuple = service?.Last.Tuple,
            Process = service?.Last.Process,
        };
    }

    // Kernels before 6.12 give no reason for the end of a connection.
    private static bool IsOne(NetworkEvent e, bool unread) => (Field(e, "netlens.reset.origin"),
        Field(e, "netlens.reset.reason")) switch
    {
        ("active", "TCP_ABORT_ON_CLOSE") or ("stack", "TCP_ABORT_ON_DATA") => true,
        ("active", "" or "NOT_SPECIFIED") => unread,
        ("stack", "" or "NOT_SPECIFIED") => Field(e, "network.connection.state") is "fin_wait_1" or "fin_wait_2",
        _ => false,
    };
}
