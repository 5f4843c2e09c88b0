using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Buffers;

/// <summary>Segments are refused because their timestamps run backwards.</summary>
internal sealed class OldTimestamps(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric[] Refused =
        [TcpFigures.Ext("PAWSEstab"), TcpFigures.Ext("PAWSActive"), TcpFigures.Ext("TSEcrRejected")];

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 5, "segments in a window",
        "Segments that were long on their way are refused in good order.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", Share.Percent(1), "segments received",
        "They are lost: from there on connections become slow by it.");

    private readonly long _least = own.Get(Least);
    private readonly Share _errorShare = own.Get(ErrorPart);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "paws-reject",
        Title = "Segments are refused for their timestamps",
        Severity = EventSeverity.Error,
        Condition = $"In two windows at least {Least.InWords} segments were refused because they were older, by their "
            + "timestamp, than what had come before (PAWSEstab, PAWSActive, TSEcrRejected); an error from "
            + $"{ErrorPart.InWords} of those received on: they are lost.",
        Advice = "Look for several hosts behind one address (NAT) with clocks of their own, or a device that changes "
            + "timestamps.",
        Thresholds = [Least, ErrorPart],
        Triggers = [.. Refused.Select(static m => FindingTrigger.Grows(m))],
        Evidence = [.. Refused, TcpFigures.Received],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (refused, got) = (Growth(window, Refused), window.Growth(TcpFigures.Received));
        if (refused < _least)
            yield break;
        yield return new()
        {
            Severity = _errorShare.IsReached(refused, got) ? EventSeverity.Error : EventSeverity.Warn,
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
