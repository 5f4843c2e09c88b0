using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Softirq;

namespace Collector.Linux.Findings.Cpu;

/// <summary>Receiving is cut short again and again: packets come faster than a processor may take them.</summary>
internal sealed class BudgetSqueeze(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 50, "polls per second",
        "A processor that receives at full speed is cut short now and then, and goes on at once.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", new(10), "packets",
        "At a smaller part packets wait no longer for it.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "budget-squeeze",
        Title = "Receiving is cut short",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows receive polls were cut short {Least.InWords} times per second or more "
            + $"(time_squeeze), and for {Part.InWords} of the packets.",
        Advice = "Spread interrupts over more processors, or raise net.core.netdev_budget and netdev_budget_usecs "
            + "where one has time left.",
        Thresholds = [Least, Part],
        Triggers = [FindingTrigger.Grows(Softnet.Squeezed, Least)],
        Evidence = [Softnet.Processed],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (cut, passed) = (window.Growth(Softnet.Squeezed), window.Growth(Softnet.Processed));
        if (cut < _least * window.Seconds || !_share.IsReached(cut, passed))
            yield break;
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Confidence = FindingConfidence.SharedCounter,
            Sentence = $"cut receiving short {cut} times in {window.Span}: "
                + "packets come faster than its processors may take them",
            Evidence = [Losses.Part(window, "time_squeeze", Softnet.Squeezed, "packets", passed)],
            RuledOut = window.Growth(Softnet.Dropped) == 0 ? ["the backlogs dropped nothing"] : [],
            Knob = SysctlKnob(null, "net.core.netdev_budget_usecs", "twice that, or more queues"),
            Confirm = "cat /proc/net/softnet_stat",
        };
    }
}
