using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Drops;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Devices;

/// <summary>Whoever reads from a virtual device is too slow: a guest, a tunnel's program.</summary>
internal sealed class FullRing(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly string[] Reasons = ["FULL_RING", "tun_net_xmit", "tap_handle_frame"];

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 10, "packets in a window",
        "A burst that meets a full ring once loses a few.");

    private readonly long _least = own.Get(Least);
    private readonly Gravity _gravity = Losses.GravityOf(own);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "virtual-queue-overflow",
        Title = "The queue of a virtual device overflows",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} or more packets were dropped because the ring of a tun, tap or "
            + $"veth device was full (FULL_RING); an error from {Losses.ErrorFrom.InWords}, and "
            + $"{Losses.ErrorPart.InWords} of what the namespace sent and received.",
        Advice = "Give the program that reads the device (a guest, a VPN, a user-mode network) more processor time "
            + "or more queues, or the device a longer one (txqueuelen).",
        Thresholds = [Least, Losses.ErrorFrom, Losses.ErrorPart],
        Triggers =
        [
            FindingTrigger.Grows(PacketLossTables.DropsCounter).Of("netlens.drop.reason", Reasons),
        ],
        Blind = "Kernels without the drop reason FULL_RING tell the function that dropped: tun_net_xmit or "
            + "tap_handle_frame, which have other reasons, too; Linux 5.17 tells neither.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var lost = Reasons.Sum(r => Checks.DropsFor(window, r));
        if (lost < _least)
            yield break;
        var packets = lost + Growth(window, Ip.Of("Ip", "OutTransmits"), Ip.Of("Ip", "InReceives"),
            Ip.Of("Ip6", "OutTransmits"), Ip.Of("Ip6", "InReceives"));
        yield return new()
        {
            Severity = _gravity.Of(lost, packets),
            Sentence = $"drops {lost} packets for a virtual device whose reader is too slow: its ring is full",
            Evidence = [window.Grew("FULL_RING", lost), .. Losses.Example(window, Reasons)],
            RuledOut = Checks.Of(window, Checks.Netfilter, Checks.Throttling),
            Knob = new("txqueuelen of the device", "", "more, or more processor time for who reads it", "the reader"),
            Confirm = Inside(window.Subject, "ip -s link show type tun"),
        };
    }
}
