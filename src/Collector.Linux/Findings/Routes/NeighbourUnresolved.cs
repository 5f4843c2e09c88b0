using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.NextHops;

namespace Collector.Linux.Findings.Routes;

/// <summary>A next hop does not say where it is, again and again.</summary>
internal sealed class NeighbourUnresolved(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    /// <summary>Hops of a subject that are told apart in a window: those asked for most.</summary>
    private const int MostHops = 3;

    // Before Linux 5.17 the function tells instead, or the one that called it last of all.
    private static readonly string[] Reasons =
    [
        "NEIGH_FAILED", "NEIGH_QUEUEFULL", "arp_error_report", "ndisc_error_report", "neigh_invalidate",
        "__neigh_event_send",
    ];

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 10, "packets thrown away for it in a window",
        "Fewer are what is sent to a machine that is away for a moment.");

    private readonly long _many = own.Get(ErrorFrom);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "neighbour-unresolved",
        Title = "A next hop does not answer",
        Severity = EventSeverity.Error,
        Condition = "In two windows an address on the same network did not answer ARP or neighbour discovery; an "
            + $"error where {ErrorFrom.InWords} or more packets were thrown away for it in a window (on average, "
            + "where there are several).",
        Advice = "Look whether the machine behind the address lives and is on that network, and whether the route that "
            + "names it as gateway, or the prefix of the interface, is right.",
        Thresholds = [ErrorFrom],
        Triggers = [FindingTrigger.Happens(NextHop.Failed)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var lost = Reasons.Sum(r => Checks.DropsFor(window, r));
        var hops = window.Events(NextHop.Failed).GroupBy(e => Field(e, "netlens.neighbour.address"))
            .OrderByDescending(static g => g.Count()).ToArray();
        foreach (var hop in hops.Take(MostHops))
        {
            // The kernel counts them for all together.
            var each = lost / hops.Length;
            var e = hop.Last();
            var (device, before) = (
                Field(e, "network.interface.name"), Field(e, "netlens.neighbour.hardware_address.before"));
            var asked = hop.Key.Contains(':', StringComparison.Ordinal) ? "neighbour discovery" : "ARP";
            yield return new()
            {
                Severity = each >= _many ? EventSeverity.Error : EventSeverity.Warn,
                Confidence = FindingConfidence.Event,
                Detail = hop.Key,
                Sentence = $"cannot send to {hop.Key}: nobody answers {asked} for it at {device}, "
                    + (before.Length > 0 ? $"where {before} had it before" : "and nobody did before"),
                Evidence =
                [
                    window.Grew("neigh_timer_handler: failed", hop.Count()),
                    .. lost > 0 ? [window.Grew("packets thrown away for all such", lost)] : Array.Empty<Evidence>(),
                ],
                RuledOut = Checks.Of(window, Checks.Netfilter),
                Confirm = Inside(window.Subject, $"ip neigh show {hop.Key}"),
            };
        }
    }
}
