using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Drops;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Routes;

/// <summary>A router has no route for packets that come to it.</summary>
internal sealed class NoRouteIn(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    // Where the kernel gives no particular reason the function tells.
    private static readonly string[] Functions = ["ip_error", "ip6_pkt_drop"];

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 10, "packets in a window",
        "Fewer are what a scan or a late answer sends.");

    private readonly long _least = own.Get(Least);
    private readonly Gravity _gravity = Losses.GravityOf(own);
    private readonly long _wanted = own.Get(Losses.Wanted);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "no-route-in",
        Title = "Packets arrive that no route leads on",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} or more packets that were received had no route (InNoRoutes); an "
            + $"error from {Losses.ErrorFrom.InWords}, and {Losses.ErrorPart.InWords} of what the namespace "
            + $"received, where {Losses.Wanted.InWords} were for the same address and port.",
        Advice = "Add the route that is missing, or correct who sends here.",
        Thresholds = [Least, Losses.ErrorFrom, Losses.ErrorPart, Losses.Wanted],
        Triggers =
        [
            FindingTrigger.Grows(IpExt.Of("IpExt", "InNoRoutes"), Least),
            FindingTrigger.Grows(IpExt.Of("Ip6", "InNoRoutes"), Least),
        ],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        // Of most the sender is told.
        var seen = window.Events(PacketLoss.Refused).Concat(window.Events(PacketLoss.Dropped))
            .Where(static e => Field(e, "netlens.drop.reason") == "IP_INNOROUTES"
                || Functions.Contains(Field(e, "netlens.drop.location").Split('+')[0])).ToArray();
        foreach (var (section, family) in Losses.Families)
        {
            var counter = IpExt.Of(section == "Ip" ? "IpExt" : section, "InNoRoutes");
            var lost = window.Growth(counter);
            if (lost < _least)
                continue;
            var received = Losses.Received(window, section);
            yield return new()
            {
                // What scans a network nobody misses.
                Severity = Losses.ByTarget(seen.Where(e => IsOf(e, section)), _wanted).Any()
                    ? _gravity.Of(lost, received)
                    : EventSeverity.Warn,
                Detail = family,
                Sentence = $"gets {lost} {family} packets that none of its routes leads on, and drops them",
                Evidence =
                [
                    Losses.Part(window, $"{section} InNoRoutes", counter, "packets", received),
                    .. seen.LastOrDefault(e => IsOf(e, section)) is { } e
                        ? [new("kfree_skb", $"{e.Tuple} ({Field(e, "netlens.drop.reason")})")]
                        : Array.Empty<Evidence>(),
                ],
                RuledOut = Checks.Of(window, Checks.Netfilter),
                Confirm = Inside(window.Subject, $"ip -{(section == "Ip" ? 4 : 6)} route show"),
            };
        }
    }

    private static bool IsOf(NetworkEvent e, string section) => e.Tuple is { } tuple
        && tuple.Destination.AddressFamily == AddressFamily.InterNetworkV6 == (section == "Ip6");
}
