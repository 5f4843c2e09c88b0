using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Routes;

/// <summary>Packets are passed on until their time to live is over.</summary>
internal sealed class RoutingLoop(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 30, "packets in a window",
        "Whoever traces a route needs fewer.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", new(50), "packets forwarded",
        "In a circle a packet is forwarded 255 times at most before it ends: a smaller part is other traffic.");

    private static readonly ProbeOption<long> Passes = Option.Count(
        "errorPasses", 4, "packets forwarded for each that ended",
        "Who traces routes ends packets that nobody forwards here.", 0, 255);

    private readonly long _least = own.Get(Least);
    private readonly Share _errorShare = own.Get(ErrorPart);
    private readonly long _passes = own.Get(Passes);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "ttl-loop",
        Title = "Packets go in a circle",
        Severity = EventSeverity.Error,
        Condition = $"In two windows the time to live of {Least.InWords} or more packets ended here (InHdrErrors, and "
            + $"senders that were told: OutTimeExcds); an error where that is {ErrorPart.InWords} of the packets "
            + $"forwarded, and {Passes.InWords} times as many were forwarded, as in a circle: who traces routes ends "
            + "packets that nobody forwards here.",
        Advice = "Follow the route of one of the destinations to the two routers that point at each other, and "
            + "correct one.",
        Thresholds = [Least, ErrorPart, Passes],
        Triggers =
        [
            FindingTrigger.Grows(Ip.Of("Ip", "InHdrErrors"), Least),
            FindingTrigger.Grows(Ip.Of("Ip6", "InHdrErrors"), Least),
        ],
        Evidence = [Icmp.Of("Icmp", "OutTimeExcds"), Icmp.Of("Icmp6", "OutTimeExcds")],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var (section, family) in Losses.Families)
        {
            var errors = Ip.Of(section, "InHdrErrors");
            var told = Icmp.Of(section == "Ip" ? "Icmp" : "Icmp6", "OutTimeExcds");
            var forwarded = Ip.Of(section, section == "Ip" ? "ForwDatagrams" : "OutForwDatagrams");
            // A bad header ends nobody's time to live.
            var lost = window.Growth(errors);
            if (lost < _least || window.Growth(told) == 0)
                continue;
            // Of a circle each packet is forwarded many times before it ends.
            var passed = window.Growth(forwarded);
            var loops = passed >= lost * _passes && _errorShare.IsReached(lost, passed);
            yield return new()
            {
                Severity = loops ? EventSeverity.Error : EventSeverity.Warn,
                Detail = family,
                Sentence = $"ends {lost} {family} packets whose time to live is used up: "
                    + (loops ? "they go in a circle" : "a circle, or somebody traces a route"),
                Evidence =
                [
                    window.Grew($"{section} InHdrErrors", errors), window.Grew($"{section} forwarded", forwarded),
                    window.Grew("OutTimeExcds", told),
                    .. Losses.Example(window, "IP_INHDR"),
                ],
                Confirm = Inside(window.Subject, $"ip -{(section == "Ip" ? 4 : 6)} route show"),
            };
        }
    }
}
