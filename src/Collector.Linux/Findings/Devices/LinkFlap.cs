using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Links;

namespace Collector.Linux.Findings.Devices;

/// <summary>A device loses its carrier again and again.</summary>
internal sealed class LinkFlap(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 4, "changes of the carrier in a window",
        "Down and up, twice: once is a cable that somebody plugged in.");

    private readonly long _least = own.Get(Least);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "link-flap",
        Title = "A link goes down and up",
        Severity = EventSeverity.Warn,
        Condition = $"The carrier of a device came or went {Least.InWords} times or more within a window.",
        Advice = "Look at the cable, the transceiver and the switch's port; of a virtual device, at who sets it down.",
        Thresholds = [Least],
        Triggers = [FindingTrigger.Grows(Netdev.CarrierChanges, Least)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var row in window.Rows(Netdev.CarrierChanges))
        {
            var changes = row.Growth(Netdev.CarrierChanges);
            if (changes < _least)
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
