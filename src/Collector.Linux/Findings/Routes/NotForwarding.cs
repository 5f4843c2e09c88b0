using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Routes;

/// <summary>Packets for others come here, and forwarding is off.</summary>
internal sealed class NotForwarding(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 10, "packets in a window",
        "Fewer are what was on its way when an address went elsewhere.");

    private readonly long _least = own.Get(Least);
    private readonly Gravity _gravity = Losses.GravityOf(own);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "not-forwarding",
        Title = "Packets for others arrive where forwarding is off",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} or more packets were discarded for their destination "
            + $"(InAddrErrors) while the namespace forwards none; an error from {Losses.ErrorFrom.InWords}, and "
            + $"{Losses.ErrorPart.InWords} of what it received.",
        Advice = "Switch forwarding on where this is a router; else correct who sends here: a route, or an address "
            + "that this namespace had before.",
        Thresholds = [Least, Losses.ErrorFrom, Losses.ErrorPart],
        Triggers =
        [
            FindingTrigger.Grows(Ip.Of("Ip", "InAddrErrors"), Least),
            FindingTrigger.Grows(Ip.Of("Ip6", "InAddrErrors"), Least),
        ],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var (section, family) in Losses.Families)
        {
            var counter = Ip.Of(section, "InAddrErrors");
            var name = section == "Ip" ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding";
            var lost = window.Growth(counter);
            if (lost < _least || SysctlNumber(window.Subject, name) != 0)
                continue;
            var received = Losses.Received(window, section);
            yield return new()
            {
                Severity = _gravity.Of(lost, received),
                Detail = family,
                Sentence = $"gets {lost} {family} packets for addresses that it does not have, and drops them: "
                    + "it does not forward",
                Evidence =
                [
                    Losses.Part(window, $"{section} InAddrErrors", counter, "packets", received),
                    .. Losses.Example(window, "IP_INADDRERRORS"),
                ],
                RuledOut = Checks.Of(window, Checks.Netfilter),
                Knob = SysctlKnob(window.Subject, name, "1 where it is to be a router"),
                Confirm = Inside(window.Subject, $"nstat -az {section}InAddrErrors"),
            };
        }
    }
}
