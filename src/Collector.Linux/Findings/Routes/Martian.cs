using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Drops;

namespace Collector.Linux.Findings.Routes;

/// <summary>Packets with addresses that cannot be on the wire.</summary>
internal sealed class Martian(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly (string Reason, string Words)[] Reasons =
    [
        ("IP_LOCAL_SOURCE", "come from outside with an address of its own as sender"),
        ("IP_INVALID_SOURCE", "have a sender that no packet may have"),
        ("IP_LOCALNET", "come from outside for 127.0.0.0/8 or from there"),
        ("IP_INVALID_DEST", "are for an address that no packet may be for"),
    ];

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 5, "packets in a window",
        "Machines that just came up send one or two.");

    private readonly long _least = own.Get(Least);
    private readonly Gravity _gravity = Losses.GravityOf(own);
    private readonly long _wanted = own.Get(Losses.Wanted);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "martian",
        Title = "Packets have impossible addresses",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} or more packets were dropped for their source or destination "
            + $"address; an error from {Losses.ErrorFrom.InWords}, and {Losses.ErrorPart.InWords} of what the "
            + $"namespace received by IPv4, where {Losses.Wanted.InWords} were for the same address and port.",
        Advice = "Find who sends them: an address that two machines have, a loop of switches, a tunnel or NAT rule "
            + "that leaves the wrong source; net.ipv4.conf.*.log_martians shows them in the kernel's log.",
        Thresholds = [Least, Losses.ErrorFrom, Losses.ErrorPart, Losses.Wanted],
        Triggers =
        [
            FindingTrigger.Grows(PacketLossTables.DropsCounter)
                .Of("netlens.drop.reason", [.. Reasons.Select(static r => r.Reason)]),
        ],
        Blind = "Kernels without the drop reasons IP_LOCAL_SOURCE, IP_INVALID_SOURCE, IP_LOCALNET and "
            + "IP_INVALID_DEST do not tell such packets from others, and count them nowhere.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var (reason, words) in Reasons)
        {
            var lost = Checks.DropsFor(window, reason);
            if (lost < _least)
                continue;
            var received = Losses.Received(window, "Ip");
            yield return new()
            {
                // What scans a network nobody misses.
                Severity = Losses.ByTarget(window, _wanted, reason).Any()
                    ? _gravity.Of(lost, received)
                    : EventSeverity.Warn,
                Detail = reason,
                Sentence = $"drops {lost} packets that {words}",
                Evidence =
                [
                    new(reason, $"+{lost} of {received} packets in {window.Span}"), .. Losses.Example(window, reason),
                ],
                Knob = SysctlKnob(
                    window.Subject, "net.ipv4.conf.all.log_martians", "1 for a while: the log names them"),
                Confirm = "dmesg | grep martian",
            };
        }
    }
}
