using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Connects;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Retransmissions;

/// <summary>Peers of open connections do not answer any more, and the kernel gives them up.</summary>
internal sealed class DeadPeer(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric GivenUp = TcpFigures.Ext("TCPAbortOnTimeout");
    private static readonly Metric Ended = Tcp.Of("Tcp", "EstabResets");

    private static readonly ProbeOption<long> Waiting = Option.Count(
        "waiting", 5, "connections with data unacknowledged for 10 s",
        "One peer that went away has one or two.");

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 5, "connections given up in a window",
        "Fewer are one peer that went away.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", Share.Percent(10), "connections open or begun",
        "A smaller part is of single peers.");

    /// <summary>Time-outs in a row after which a connection is not just unlucky.</summary>
    private const long Silent = 3;

    private readonly long _waiting = own.Get(Waiting);
    private readonly Gravity _gravity = new(own.Get(ErrorFrom), own.Get(ErrorPart));

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "dead-peer",
        Title = "Peers of open connections are silent",
        Severity = EventSeverity.Error,
        Condition = "An open connection was given up after its last retransmission or keepalive (TCPAbortOnTimeout "
            + $"without connects that timed out, and EstabResets), or data of {Waiting.InWords} have been "
            + "unacknowledged for 10 s in "
            + $"two windows; an error from {ErrorFrom.InWords} given up that are {ErrorPart.InWords} of those open "
            + "or begun, unless they were to this end's own service, or connects are not watched.",
        Advice = "Look whether the peer's node is up, and for a firewall or NAT that has forgotten the connections.",
        Thresholds = [Waiting, ErrorFrom, ErrorPart],
        Triggers =
        [
            FindingTrigger.Grows(GivenUp),
            .. TcpConnections.Waiting[1..].Select(static m => FindingTrigger.Reaches(m, Waiting)),
        ],
        Evidence = [GivenUp, Ended, Tcp.Of("Tcp", "CurrEstab"), ConnectCounters.Attempts],
        Earlier = [TcpRetrans.Retransmitted],
        Explains = [RtoBound.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        // Connects are counted at another instant, connections that were open in the same one.
        var given = Math.Max(0, window.Growth(GivenUp) - Connects(window));
        if (window.Knows(Ended))
            given = Math.Min(given, window.Growth(Ended));
        var waiting = TcpConnections.Waiting[1..].Sum(m => window.Level(m) ?? 0);
        if (given == 0 && waiting < _waiting)
            yield break;
        var keepalive = TcpFigures.Resets(window, "active", static (_, r) => r == "TCP_KEEPALIVE_TIMEOUT");
        var peer = TcpFigures.ServiceOf(window.Events(TcpRetrans.Retransmitted).Where(WentUnanswered));
        var open = window.Level(Tcp.Of("Tcp", "CurrEstab")) ?? 0;
        // Clients of a service go away as they please; connects that time out are told apart only where they are known.
        var harms = peer?.IsOurs != true && window.Knows(ConnectCounters.Failures)
            && _gravity.IsError(given, open + TcpFigures.Opened(window));
        // The last time that a segment is sent again may be long before the connection is given up: of others, too, but
        // these get an answer sooner.
        if (peer is null && keepalive < given)
        {
            peer = TcpFigures.ServiceOf(window.EarlierEvents(TcpRetrans.Retransmitted)
                .Where(static e => WentUnanswered(e) && Number(e, "netlens.retransmit.timeouts") >= Silent));
        }
        yield return new()
        {
            Severity = harms ? EventSeverity.Error : EventSeverity.Warn,
            Direct = given > 0,
            Sentence = $"gets no answer any more on open connections{(peer is null ? "" : $" {peer}")}: {given} were "
                + $"given up, {waiting} have waited for over 10 s",
            Evidence =
            [
                window.Grew("TCPAbortOnTimeout", given), window.Grew("EstabResets", Ended),
                new("connections with unacknowledged data", $"{waiting} for over 10 s"),
                window.Grew("resets for a keepalive without an answer", keepalive),
                window.Grew("TCPTimeouts", TcpFigures.Ext("TCPTimeouts")),
            ],
            RuledOut = Checks.Of(window, Checks.Drops, Checks.Netfilter, Checks.Conntrack),
            Knob = SysctlKnob(
                window.Subject, "net.ipv4.tcp_retries2", "8, or TCP_USER_TIMEOUT by the program, to notice sooner"),
            Confirm = Inside(window.Subject, "ss -tino state established"),
            Tuple = peer?.Last.Tuple,
        };
    }

    private static bool WentUnanswered(NetworkEvent e) => Field(e, "netlens.retransmit.kind") == "rto"
        && Field(e, "netlens.retransmit.verdict") != "dropped_here";

    // Connects that time out are in the same counter.
    private static long Connects(SubjectWindow window)
    {
        var sum = 0L;
        foreach (var row in window.Rows(ConnectCounters.Table))
        {
            if (row.Tag("netlens.connect.outcome") is "timed_out" or "host_unreachable" or "rejected")
                sum += row.Growth(ConnectCounters.Attempts);
        }
        return sum;
    }
}
