using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Resets;

/// <summary>Peers go on sending to connections that a program has closed.</summary>
internal sealed class TimeWaitReset(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "segments in a window",
        "One may be on its way while this end closes.");

    private readonly long _least = own.Get(Least);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "reset-to-timewait",
        Title = "Peers send to connections that are closed already",
        Severity = EventSeverity.Warn,
        Condition = $"At least {Least.InWords} segments, in two windows, arrived for connections that this end had "
            + "closed in order, and were answered with resets (TIME_WAIT, or FIN_WAIT2 without a program).",
        Advice = "Let the side that still sends close first, or give idle connections a longer time-out here than "
            + "there.",
        Thresholds = [Least],
        Triggers = [FindingTrigger.Grows(TcpTwRcv.AllRefused, Least)],
        Explains = [PeerReset.Kind],
        Blind = "Needs kernel functions to hook, or Linux 6.11.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var refused = 0L;
        foreach (var row in window.Rows(TcpTwRcv.Table))
        {
            if (row.Tag("netlens.timewait.action") == "reset")
                refused += row.Growth(TcpTwRcv.Segments);
        }
        if (refused < _least)
            yield break;
        var service = TcpFigures.ServiceOf(window.Events(TcpTwRcv.Refused)
            .Where(static e => Field(e, "netlens.timewait.action") == "reset"));
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Detail = service?.End.ToString() ?? "",
            Sentence = $"closes connections {service} that the other end still sends to: {refused} segments were "
                + "answered with resets, what they asked for is lost",
            Evidence = [window.Grew("tcp_timewait_state_process TCP_TW_RST", refused)],
            RuledOut = Checks.Of(window, Checks.Drops),
            Knob = new("keep-alive time-out", "", "longer than the peer's", "the program"),
            Confirm = Inside(window.Subject, "ss -tan state time-wait"),
            Local = service?.IsOurs == true ? service.End : null,
            Tuple = service?.Last.Tuple,
        };
    }
}
