using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Buffers;

/// <summary>Segments are refused because their timestamps run backwards.</summary>
internal sealed class OldTimestamps(ProbeHost host) : LinuxRule(Kind, host)
{
    private const int Fewest = 5;

    private static readonly Metric[] Refused =
        [TcpFigures.Ext("PAWSEstab"), TcpFigures.Ext("PAWSActive"), TcpFigures.Ext("TSEcrRejected")];

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "paws-reject",
        Title = "Segments are refused for their timestamps",
        Severity = EventSeverity.Error,
        Condition = "In two windows at least 5 segments were refused because they were older, by their timestamp, "
            + "than what had come before (PAWSEstab, PAWSActive, TSEcrRejected); an error from 1 % of those received "
            + "on: they are lost.",
        Advice = "Look for several hosts behind one address (NAT) with clocks of their own, or a device that changes "
            + "timestamps.",
        Triggers = [.. Refused.Select(static m => FindingTrigger.Grows(m))],
        Evidence = [.. Refused, TcpFigures.Received],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (refused, got) = (Growth(window, Refused), window.Growth(TcpFigures.Received));
        if (refused < Fewest)
            yield break;
        yield return new()
        {
            Severity = refused * 100 >= got ? EventSeverity.Error : EventSeverity.Warn,
            Sentence = $"refuses segments whose timestamps run backwards, {refused} of {got}: several hosts behind "
                + "one address, or a device that changes timestamps",
            Evidence =
            [
                window.Grew("PAWSEstab", Refused[0]), window.Grew("PAWSActive", Refused[1]),
                window.Grew("TSEcrRejected", Refused[2]), window.Grew("InSegs", got),
            ],
            RuledOut = Checks.Of(window, Checks.Conntrack, Checks.Netfilter),
            Confirm = Inside(window.Subject, "nstat -az TcpExtPAWSEstab TcpExtPAWSActive"),
        };
    }
}
