using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Tables;

/// <summary>Connection tracking knows nothing to do with many packets, so NAT leaves them as they are.</summary>
internal sealed class ConntrackInvalid(ProbeHost host) : LinuxRule(Kind, host)
{
    private const int Least = 50;

    private static readonly Metric Invalid = Conntrack.Counters[Ctnetlink.CTA_STATS_INVALID]!;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "conntrack-invalid",
        Title = "Connection tracking calls many packets invalid",
        Severity = EventSeverity.Warn,
        Condition = "In two windows 50 or more packets, and 1 % of those received, could not be tracked (invalid).",
        Advice = "Look for a way there and another back, for connections whose entry timed out, and for wrong "
            + "checksums; drop invalid packets so that no reset answers them, or be liberal about windows.",
        Triggers = [FindingTrigger.Grows(Invalid, Least)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var invalid = window.Growth(Invalid);
        var received = Losses.Received(window, "Ip") + Losses.Received(window, "Ip6");
        if (invalid < Least || invalid * 100 < received)
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
