using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.NextHops;

namespace Collector.Linux.Findings.Routes;

/// <summary>Two machines answer for one address: it goes from one hardware address to another and back.</summary>
internal sealed class AddressMoves(ProbeHost host) : LinuxRule(Kind, host)
{
    public static FindingInfo Kind { get; } = new()
    {
        Kind = "mac-flap",
        Title = "Two machines have one address",
        Severity = EventSeverity.Warn,
        Condition = "Within one window an address moved to another hardware address and back. That it moves once is a "
            + "failover.",
        Advice = "Find the two machines by their hardware addresses and take the address from one of them.",
        Triggers = [FindingTrigger.Happens(NextHop.Changed)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var hop in window.Events(NextHop.Changed).GroupBy(e => Field(e, "netlens.neighbour.address")))
        {
            var left = hop.Select(e => Field(e, "netlens.neighbour.hardware_address.before")).ToHashSet();
            if (!hop.Any(e => left.Contains(Field(e, "netlens.neighbour.hardware_address"))))
                continue;
            var e = hop.Last();
            var device = Field(e, "network.interface.name");
            string[] both = [.. left.Order(StringComparer.Ordinal)];
            yield return new()
            {
                Severity = EventSeverity.Warn,
                Direct = true,
                Confidence = FindingConfidence.Event,
                Detail = hop.Key,
                Sentence = $"finds {hop.Key} at {both[0]} and at {both[^1]} in turn: "
                    + $"two machines at {device} have that address, and each gets a part of the packets",
                Evidence = [window.Grew("neigh_update: another lladdr", hop.Count())],
                Confirm = Inside(window.Subject, $"arping -D -c 3 -I {Quote(device)} {hop.Key}"),
            };
        }
    }
}
