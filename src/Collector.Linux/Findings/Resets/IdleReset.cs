using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Resets;

/// <summary>Connections are reset when they are used again after a pause: something has forgotten them.</summary>
internal sealed class IdleReset(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private const string Setting = "net.ipv4.tcp_keepalive_time";

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "connections in a window",
        "A peer that is started anew resets one or two.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(50), "open connections that were reset",
        "Where others are reset as well the pause is not the cause.");

    private static readonly ProbeOption<TimeSpan> Idle = Option.Duration(
        "idle", TimeSpan.FromSeconds(10),
        "Less is a pause between two requests.", 100, 86_400_000);

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 5, "connections in a window",
        "Clients may close so: an error is what a program's own requests meet again and again.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);
    private readonly long _idle = own.Get(Idle).Ticks * 100;
    private readonly long _many = own.Get(ErrorFrom);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "idle-reset",
        Title = "Connections are reset after they were idle",
        Severity = EventSeverity.Error,
        Condition = $"In two windows at least {Least.InWords} open connections, and {Part.InWords} of those that were "
            + "reset, were reset by an end that is not on this node after it had acknowledged nothing for "
            + $"{Idle.InWords} or more; an error from {ErrorFrom.InWords} on where they are to a service, for "
            + "clients may close so.",
        Advice = "Send keepalives, or close idle connections, sooner than the NAT, firewall, load balancer or server "
            + "forgets them.",
        Thresholds = [Least, Part, Idle, ErrorFrom],
        Triggers = [FindingTrigger.Happens(TcpReset.Received)],
        Explains = [PeerReset.Kind],
        Blind = "Needs the tracepoint tcp:tcp_receive_reset or functions to hook.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var reset = window.Events(TcpReset.Received)
            .Where(static e => Field(e, "network.connection.state") is "established" or "close_wait")
            // What an end on this node has sent is told there, with its cause.
            .Where(e => !window.All.EventsOf(TcpReset.Sent).Any(s => PeerReset.IsFrom(s, e))).ToArray();
        var idle = reset.Where(e => Number(e, "netlens.connection.idle") >= _idle).ToArray();
        if (idle.Length < _least || !_share.IsReached(idle.Length, reset.Length)
            || TcpFigures.ServiceOf(idle) is not { } service)
            yield break;
        var pauses = idle.Select(static e => (Number(e, "netlens.connection.idle") ?? 0) / 1e9).Order().ToArray();
        yield return new()
        {
            Severity = !service.IsOurs && idle.Length >= _many ? EventSeverity.Error : EventSeverity.Warn,
            Confidence = FindingConfidence.Event,
            Detail = service.IsOurs ? service.End.ToString() : service.Remote,
            Sentence = $"has {idle.Length} connections {service} reset after {Text(pauses[0])} idle: the other "
                + "end closed them, or something before it (NAT, firewall, balancer) forgot them",
            Evidence =
            [
                window.Grew("tcp_receive_reset", reset.Length),
                new("time since the peer's last acknowledgement", $"{Text(pauses[0])} to {Text(pauses[^1])}"),
            ],
            RuledOut = Checks.Of(window, Checks.Drops, Checks.Conntrack),
            NotSeen = ["which of them: a reset carries no reason"],
            Knob = SysctlKnob(window.Subject, Setting, string.Create(CultureInfo.InvariantCulture,
                $"{Math.Max(1, pauses[0] / 2):0} (and SO_KEEPALIVE by the program)")),
            Confirm = Inside(window.Subject, "ss -tino state established"),
            Local = service.IsOurs ? service.End : null,
            Tuple = service.Last.Tuple,
        };
    }

    private static string Text(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s");
}
