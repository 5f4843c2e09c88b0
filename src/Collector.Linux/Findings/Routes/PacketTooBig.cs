using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Routes;

/// <summary>Packets are larger than the way ahead allows, and their senders do not learn of it.</summary>
internal sealed class PacketTooBig(ProbeHost host) : LinuxRule(Kind, host)
{
    private const int Least = 10;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "packet-too-big",
        Title = "Packets are larger than the MTU",
        Severity = EventSeverity.Error,
        Condition = "In two windows 10 or more packets, and 1 % of those sent and forwarded, needed fragments that "
            + "they must not be cut into (FragFails); an error from 20, and 5 %. Who heeds the answer stops after "
            + "the first.",
        Advice = "Let ICMP \"fragmentation needed\" and \"packet too big\" through to the senders, give their "
            + "devices the smaller MTU, or clamp the MSS where they pass.",
        Triggers =
        [
            FindingTrigger.Grows(Ip.Of("Ip", "FragFails"), Least),
            FindingTrigger.Grows(Ip.Of("Ip6", "FragFails"), Least),
        ],
        Evidence = [Route.Of("Icmp6", "OutPktTooBigs")],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var (section, family) in Losses.Families)
        {
            var counter = Ip.Of(section, "FragFails");
            var sent = Growth(window, Ip.Of(section, "OutRequests"),
                Ip.Of(section, section == "Ip" ? "ForwDatagrams" : "OutForwDatagrams"));
            if (window.Growth(counter) is not (>= Least and var lost) || lost * 100 < sent)
                continue;
            yield return new()
            {
                Severity = Losses.Severity(lost, sent),
                Detail = family,
                Sentence = $"drops {lost} {family} packets that are larger than the MTU ahead: "
                    + "their senders do not heed that, or do not hear of it",
                Evidence =
                [
                    Losses.Part(window, $"{section} FragFails", counter, "packets sent", sent),
                    .. Losses.Example(window, "PKT_TOO_BIG"),
                ],
                RuledOut = Checks.Of(window, Checks.Netfilter),
                Knob = new("MTU of the senders", "", "that of the way ahead, or clamp the MSS to it", "whoever sends"),
                Confirm = Inside(window.Subject, $"nstat -az {section}FragFails"),
            };
        }
    }
}
