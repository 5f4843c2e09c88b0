using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Links;

namespace Collector.Linux.Findings.Devices;

/// <summary>A device loses its carrier again and again.</summary>
internal sealed class LinkFlap(ProbeHost host) : LinuxRule(Kind, host)
{
    /// <summary>Down and up, twice.</summary>
    private const int Least = 4;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "link-flap",
        Title = "A link goes down and up",
        Severity = EventSeverity.Warn,
        Condition = "The carrier of a device came or went 4 times or more within a window.",
        Advice = "Look at the cable, the transceiver and the switch's port; of a virtual device, at who sets it down.",
        Triggers = [FindingTrigger.Grows(Netdev.CarrierChanges, Least)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var row in window.Rows(Netdev.CarrierChanges))
        {
            if (row.Growth(Netdev.CarrierChanges) is not (>= Least and var changes))
                continue;
            var device = row.Tag("network.interface.name");
            var up = row.Level(Netdev.Up) == 1 ? "it is up now" : "it is down now";
            yield return new()
            {
                Severity = EventSeverity.Warn,
                Direct = true,
                Detail = device,
                Sentence = $"loses the link of {device} again and again, {changes} changes in {window.Span}: {up}",
                Evidence = [window.Grew("carrier_changes", changes)],
                Confirm = Inside(window.Subject, $"ip -s -s link show dev {Quote(device)}"),
            };
        }
    }
}
