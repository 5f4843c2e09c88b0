using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Tables;

/// <summary>Connection tracking knows nothing to do with many packets, so NAT leaves them as they are.</summary>
internal sealed class ConntrackInvalid(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric Invalid = Conntrack.Counters[Ctnetlink.CTA_STATS_INVALID]!;

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 50, "packets in a window",
        "Late segments of connections that are over are invalid now and then.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(1), "packets received",
        "A smaller part harms no connection that anybody would notice.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "conntrack-invalid",
        Title = "Connection tracking calls many packets invalid",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows {Least.InWords} or more packets, and {Part.InWords} of those received, could not "
            + "be tracked (invalid).",
        Advice = "Look for a way there and another back, for connections whose entry timed out, and for wrong "
            + "checksums; drop invalid packets so that no reset answers them, or be liberal about windows.",
        Thresholds = [Least, Part],
        Triggers = [FindingTrigger.Grows(Invalid, Least)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var invalid = window.Growth(Invalid);
        var received = Losses.Received(window, "Ip") + Losses.Received(window, "Ip6");
        if (invalid < _least || !_share.IsReached(invalid, received))
            yield break;
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Sentence = $"has {invalid} packets that fit no connection it tracks: NAT leaves them as they are, "
                + "and connections break by resets or drops",
            Evidence =
            [
                Losses.Part(window, "conntrack invalid", Invalid, "packets received", received),
                window.Grew("TcpOutRsts", Probes.Mib.Tcp.Of("Tcp", "OutRsts")),
            ],
            RuledOut = Checks.Of(window, Checks.Conntrack, Checks.Netfilter),
            Knob = SysctlKnob(
                window.Subject, "net.netfilter.nf_conntrack_tcp_be_liberal", "1, where windows are the cause"),
            Confirm = Inside(window.Subject, "conntrack -S"),
        };
    }
}
