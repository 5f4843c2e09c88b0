using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Softirq;

namespace Collector.Linux.Findings.Cpu;

/// <summary>More packets come to a processor than it can pass on, and it throws some away.</summary>
internal sealed class BacklogOverflow(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 10, "packets in a window",
        "A single burst may drop a few.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", new(10), "packets passed on",
        "All namespaces share the backlogs: so small a part of all may be much of one of them.");

    private readonly long _least = own.Get(Least);
    private readonly Gravity _gravity = new(own.Get(Losses.ErrorFrom), own.Get(ErrorPart));

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "backlog-overflow",
        Title = "The backlog of a processor overflows",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} or more packets were dropped at the processors' backlogs "
            + "(dropped of softnet_stat), which all veth devices and RPS use; an error from "
            + $"{Losses.ErrorFrom.InWords}, and {ErrorPart.InWords} of those passed on.",
        Advice = "Raise net.core.netdev_max_backlog for bursts, and spread the load over more processors (queues, "
            + "RPS) where one is busy all the time.",
        Thresholds = [Least, Losses.ErrorFrom, ErrorPart],
        Triggers = [FindingTrigger.Grows(Softnet.Dropped, Least)],
        Evidence = [Softnet.Processed, Softnet.Squeezed],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (lost, passed) = (window.Growth(Softnet.Dropped), window.Growth(Softnet.Processed));
        if (lost < _least)
            yield break;
        yield return new()
        {
            Severity = _gravity.Of(lost, passed),
            Confidence = FindingConfidence.SharedCounter,
            Sentence = $"drops {lost} packets at the backlogs of its processors: "
                + "more come at once than they may hold, for whichever pod",
            Evidence =
            [
                Losses.Part(window, "softnet dropped", Softnet.Dropped, "packets", lost + passed),
                window.Grew("time_squeeze", Softnet.Squeezed),
            ],
            RuledOut = window.Growth(Softnet.FlowLimited) == 0 ? ["no flow was limited (flow_limit)"] : [],
            Knob = SysctlKnob(null, "net.core.netdev_max_backlog", "4 times that, and RPS or more queues"),
            Confirm = "cat /proc/net/softnet_stat",
        };
    }
}
