using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Transmits;

namespace Collector.Linux.Findings.Devices;

/// <summary>Packets wait long in the queue of a device before they leave.</summary>
internal sealed class QueueingDelay(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "packets that were measured, in a window",
        "Only some are measured: one alone may be chance.");

    private readonly long _least = own.Get(Least);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "queueing-delay",
        Title = "Packets wait in the queue of a device",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows {Least.InWords} or more packets that were measured waited over 100 ms in the "
            + "queue of a device or were as long with its driver. Needs the probe transmit, which is off by "
            + "default.",
        Advice = "Send less, raise the rate that the queue is told, or take a discipline that keeps queues short "
            + "(fq_codel).",
        Thresholds = [Least],
        Triggers = [FindingTrigger.Happens(TransmitKinds.SlowInfo)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var queue in window.Events(TransmitKinds.SlowInfo)
            .Where(e => Field(e, "netlens.transmit.station") is "queue" or "driver")
            .GroupBy(e => (Device: Field(e, "network.interface.name"), Station: Field(e, "netlens.transmit.station"))))
        {
            if (queue.Count() < _least)
                continue;
            var (device, station) = queue.Key;
            var worst = queue.MaxBy(e => e.Duration ?? 0)!;
            var where = station == "queue" ? $"in the queue of {device}" : $"with the driver of {device}";
            yield return new()
            {
                Severity = EventSeverity.Warn,
                Confidence = FindingConfidence.Event,
                Detail = $"{station} of {device}",
                Sentence = $"lets packets wait {where}, up to {Durations.Milliseconds(worst.Duration ?? 0)} ms: "
                    + (station == "queue" ? "more is sent than leaves" : "the device is slow or stands still"),
                Evidence = [window.Grew($"packets over 100 ms {where}", queue.Count())],
                RuledOut = Checks.Of(window, Checks.Throttling),
                Knob = new($"rate of {device}", "", "a higher rate, or fq_codel for short queues",
                    "whoever set the discipline"),
                Confirm = Inside(window.Subject, $"tc -s qdisc show dev {Quote(device)}"),
                Tuple = worst.Tuple,
            };
        }
    }
}
