using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Routes;

/// <summary>Packets are larger than the way ahead allows, and their senders do not learn of it.</summary>
internal sealed class PacketTooBig(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 10, "packets in a window",
        "Who heeds the answer stops after the first.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(1), "packets sent and forwarded",
        "Senders that learn of the size leave a few behind: a smaller part is that.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);
    private readonly Gravity _gravity = Losses.GravityOf(own);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "packet-too-big",
        Title = "Packets are larger than the MTU",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} or more packets, and {Part.InWords} of those sent and forwarded, "
            + "needed fragments that they must not be cut into (FragFails); an error from "
            + $"{Losses.ErrorFrom.InWords}, and {Losses.ErrorPart.InWords}. Who heeds the answer stops after the "
            + "first.",
        Advice = "Let ICMP \"fragmentation needed\" and \"packet too big\" through to the senders, give their "
            + "devices the smaller MTU, or clamp the MSS where they pass.",
        Thresholds = [Least, Part, Losses.ErrorFrom, Losses.ErrorPart],
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
            var lost = window.Growth(counter);
            if (lost < _least || !_share.IsReached(lost, sent))
                continue;
            yield return new()
            {
                Severity = _gravity.Of(lost, sent),
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
