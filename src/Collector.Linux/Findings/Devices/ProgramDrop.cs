using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Drops;

namespace Collector.Linux.Findings.Devices;

/// <summary>An eBPF program, or a filter of traffic control, drops what somebody sends again and again.</summary>
internal sealed class ProgramDrop(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly (string Reason, string Who, string Show)[] Reasons =
    [
        ("TC_INGRESS", "a tc filter or its eBPF program, at ingress,", "tc filter show dev DEVICE ingress"),
        ("TC_EGRESS", "a tc filter or its eBPF program, at egress,", "tc filter show dev DEVICE egress"),
        ("XDP", "an XDP program", "bpftool net show"),
        ("BPF_CGROUP_EGRESS", "an eBPF program of a cgroup, at egress,", "bpftool cgroup tree"),
    ];

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "packets for one address and port in a window",
        "Less is somebody who tried once: what is sent again somebody wants.");

    private readonly long _least = own.Get(Least);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "program-dropped",
        Title = "A program or filter drops packets",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows {Least.InWords} or more packets for the same address and port were dropped by "
            + "XDP, traffic control or a program of a cgroup. Never an error: somebody attached it.",
        Advice = "Find the program and whose it is (bpftool net, tc filter, bpftool cgroup tree): a network plugin's "
            + "policy as a rule.",
        Thresholds = [Least],
        Triggers =
        [
            FindingTrigger.Happens(PacketLoss.Dropped)
                .Of("netlens.drop.reason", [.. Reasons.Select(static r => r.Reason)]),
        ],
        Evidence = [PacketLossTables.DropsCounter],
        Blind = "Kernels without these drop reasons tell the function only. What XDP drops in a driver no kernel "
            + "tells.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var (reason, who, show) in Reasons)
        {
            foreach (var target in Losses.ByTarget(window, _least, reason))
            {
                var e = target.Last();
                var tuple = e.Tuple!;
                yield return new()
                {
                    Severity = EventSeverity.Warn,
                    Confidence = FindingConfidence.Event,
                    Detail = $"{reason} {target.Key}",
                    Sentence = $"has {who} that drops {target.Key}, {target.Count()} or more packets from "
                        + (tuple.SourcePod ?? tuple.Source.ToString()),
                    Evidence =
                    [
                        window.Grew(reason, Checks.DropsFor(window, reason)),
                        new("place", Field(e, "netlens.drop.location")),
                    ],
                    RuledOut = Checks.Of(window, Checks.Netfilter),
                    Knob = new("the program", "", $"let {target.Key} through, if it is wanted", "whoever attached it"),
                    Confirm = Inside(window.Subject, show),
                    Tuple = tuple,
                };
            }
        }
    }
}
