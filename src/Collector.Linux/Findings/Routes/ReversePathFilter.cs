using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Routes;

/// <summary>Packets come by a device that the way back does not lead to, and are thrown away.</summary>
internal sealed class ReversePathFilter(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    // Before Linux 5.17 the function tells instead.
    private static readonly string[] Reasons = ["IP_RPFILTER", "ip_rcv_finish_core"];

    private static readonly Metric Filtered = TcpExt.Of("TcpExt", "IPReversePathFilter");

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 5, "packets in a window",
        "A route that changes drops one or two on its way.");

    private readonly long _least = own.Get(Least);
    private readonly Gravity _gravity = Losses.GravityOf(own);
    private readonly long _wanted = own.Get(Losses.Wanted);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "rp-filter",
        Title = "The reverse path filter drops packets",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} or more packets were dropped by the reverse path filter; an "
            + $"error from {Losses.ErrorFrom.InWords}, and {Losses.ErrorPart.InWords} of what the namespace received "
            + $"by IPv4, where {Losses.Wanted.InWords} were for the same address and port.",
        Advice = "Give the way back a route by the same device, or allow another one: rp_filter 2 (loose), or 0. The "
            + "larger of the values of \"all\" and of the device counts.",
        Thresholds = [Least, Losses.ErrorFrom, Losses.ErrorPart, Losses.Wanted],
        Triggers = [FindingTrigger.Grows(Filtered, Least)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (lost, received) = (window.Growth(Filtered), Losses.Received(window, "Ip"));
        if (lost < _least)
            yield break;
        yield return new()
        {
            // What scans a network nobody misses.
            Severity = Losses.ByTarget(window, _wanted, Reasons).Any()
                ? _gravity.Of(lost, received)
                : EventSeverity.Warn,
            Sentence = $"drops {lost} packets that came by another device than its way back to their sender takes "
                + "(reverse path filter)",
            Evidence =
            [
                Losses.Part(window, "IPReversePathFilter", Filtered, "packets", received),
                .. Losses.Example(window, Reasons),
            ],
            RuledOut = Checks.Of(window, Checks.Netfilter),
            Knob = SysctlKnob(window.Subject, "net.ipv4.conf.all.rp_filter", "2, or a route back by that device"),
            Confirm = Inside(window.Subject, "nstat -az TcpExtIPReversePathFilter"),
        };
    }
}
