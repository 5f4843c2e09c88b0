using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Dns;

namespace Collector.Linux.Findings.Dns;

/// <summary>A DNS server answers late.</summary>
internal sealed class DnsSlow(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "answers in a window",
        "Names that the server has to ask for first take longer now and then.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", Share.Percent(25), "answers of the server",
        "Where every fourth is late it is the server, not the names.");

    private readonly long _least = own.Get(Least);
    private readonly Share _errorShare = own.Get(ErrorPart);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "dns-slow",
        Title = "A DNS server answers late",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} or more answers of a server took over 500 ms; an error where "
            + $"that is {ErrorPart.InWords} of all. Needs the probe dns, which is off by default.",
        Advice = "Look at the server's processor time and quota, and at the servers that it asks itself; names that "
            + "end with a dot are asked once.",
        Thresholds = [Least, ErrorPart],
        Triggers = [FindingTrigger.Happens(DnsKinds.SlowInfo)],
        Evidence = [DnsCounters.Duration],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var server in window.Events(DnsKinds.SlowInfo)
            .GroupBy(e => e.Tuple?.Destination.ToString() ?? "other"))
        {
            var slow = server.Count();
            if (slow < _least)
                continue;
            var its = DnsServerWindow.In(window).FirstOrDefault(s => s.Name == server.Key);
            var answered = Math.Max(its?.Answered ?? 0, slow);
            var worst = server.MaxBy(e => e.Duration ?? 0)!;
            yield return new()
            {
                Severity = _errorShare.IsReached(slow, answered) ? EventSeverity.Error : EventSeverity.Warn,
                Confidence = FindingConfidence.Event,
                Detail = server.Key,
                Sentence = $"got {slow} of {answered} answers of the DNS server "
                    + $"{worst.Tuple?.DestinationPod ?? server.Key} late, "
                    + $"up to {Durations.Milliseconds(worst.Duration ?? 0)} ms",
                Evidence = [new("answers over 500 ms", $"{slow} of {answered} in {window.Span}")],
                RuledOut = Checks.Of(window, Checks.Throttling, Checks.Drops),
                Knob = new(
                    "the server", "", "more processor time, or a nearer upstream", $"the DNS server {server.Key}"),
                Confirm = Inside(window.Subject, its?.Dig ?? "dig ."),
                Tuple = worst.Tuple,
                Process = worst.Process,
            };
        }
    }
}
