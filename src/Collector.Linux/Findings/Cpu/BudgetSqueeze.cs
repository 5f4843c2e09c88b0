using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Softirq;

namespace Collector.Linux.Findings.Cpu;

/// <summary>Receiving is cut short again and again: packets come faster than a processor may take them.</summary>
internal sealed class BudgetSqueeze(ProbeHost host) : LinuxRule(Kind, host)
{
    /// <summary>Per second.</summary>
    private const int Least = 50;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "budget-squeeze",
        Title = "Receiving is cut short",
        Severity = EventSeverity.Warn,
        Condition = "In two windows receive polls were cut short 50 times per second or more (time_squeeze), and at "
            + "least once in 1,000 packets.",
        Advice = "Spread interrupts over more processors, or raise net.core.netdev_budget and netdev_budget_usecs "
            + "where one has time left.",
        Triggers = [FindingTrigger.Grows(Softnet.Squeezed, Least)],
        Evidence = [Softnet.Processed],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (cut, passed) = (window.Growth(Softnet.Squeezed), window.Growth(Softnet.Processed));
        if (cut < Least * window.Seconds || cut * 1000 < passed)
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
