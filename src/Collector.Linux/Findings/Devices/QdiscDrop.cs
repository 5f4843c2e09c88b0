using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Findings.Retransmissions;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Links;

namespace Collector.Linux.Findings.Devices;

/// <summary>The queue of a device throws packets away: more is sent than it may, or than the device takes.</summary>
internal sealed class QdiscDrop(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 10, "packets in a window",
        "A few losses are how a queue tells TCP to be slower.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", new(10), "packets that were to be sent",
        "TCP at full speed loses about that much at a queue that works well.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);
    private readonly Gravity _gravity = Losses.GravityOf(own);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "qdisc-drop",
        Title = "The queue of a device drops packets",
        Severity = EventSeverity.Error,
        Condition = $"In two windows a queueing discipline dropped {Least.InWords} or more packets, and "
            + $"{Part.InWords} of those sent; an error from {Losses.ErrorFrom.InWords}, and "
            + $"{Losses.ErrorPart.InWords}. A few losses are how a queue tells TCP to be slower.",
        Advice = "Send less, raise the rate that the discipline is told (a bandwidth limit of the pod, as a rule), "
            + "or allow a longer queue where bursts are dropped.",
        Thresholds = [Least, Part, Losses.ErrorFrom, Losses.ErrorPart],
        Triggers = [FindingTrigger.Grows(Qdisc.Drops, Least)],
        Explains = [PathLoss.Kind, RtoBound.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var row in window.Rows(Qdisc.Drops))
        {
            var (lost, sent) = (row.Growth(Qdisc.Drops), row.Growth(Qdisc.Packets));
            if (lost < _least || !_share.IsReached(lost, sent + lost))
                continue;
            var (device, kind) = (row.Tag("network.interface.name"), row.Tag("netlens.qdisc.kind"));
            var (over, requeues) = (row.Growth(Qdisc.Overlimits), row.Growth(Qdisc.Requeues));
            yield return new()
            {
                Severity = _gravity.Of(lost, sent + lost),
                Detail = device,
                Sentence = $"drops {lost} of {sent + lost} packets in the queue of {device} ({kind}): "
                    + (over > 0 ? "more is sent than its rate allows" : "it is full"),
                Evidence =
                [
                    window.Grew($"{kind} drops", lost), window.Grew("overlimits", over),
                    new("backlog", $"{row.Level(Qdisc.Length) ?? 0} packets"),
                ],
                RuledOut = requeues == 0 ? ["the driver took all that it was given"] : [],
                Knob = new($"rate and limit of {kind} at {device}", "", "a higher rate, or a longer queue for bursts",
                    "whoever set the discipline"),
                Confirm = Inside(window.Subject, $"tc -s qdisc show dev {Quote(device)}"),
            };
        }
    }
}
