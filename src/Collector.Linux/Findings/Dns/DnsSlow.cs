using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Dns;

namespace Collector.Linux.Findings.Dns;

/// <summary>A DNS server answers late.</summary>
internal sealed class DnsSlow(ProbeHost host) : LinuxRule(Kind, host)
{
    private const int Least = 3;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "dns-slow",
        Title = "A DNS server answers late",
        Severity = EventSeverity.Error,
        Condition = "In two windows 3 or more answers of a server took over 500 ms; an error where that is a quarter "
            + "of all. Needs the probe dns, which is off by default.",
        Advice = "Look at the server's processor time and quota, and at the servers that it asks itself; names that "
            + "end with a dot are asked once.",
        Triggers = [FindingTrigger.Happens(DnsKinds.SlowInfo)],
        Evidence = [DnsCounters.Duration],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var server in window.Events(DnsKinds.SlowInfo)
            .GroupBy(e => e.Tuple?.Destination.ToString() ?? "other"))
        {
            var slow = server.Count();
            if (slow < Least)
                continue;
            var its = DnsServerWindow.In(window).FirstOrDefault(s => s.Name == server.Key);
            var answered = Math.Max(its?.Answered ?? 0, slow);
            var worst = server.MaxBy(e => e.Duration ?? 0)!;
            yield return new()
            {
                Severity = slow * 4 >= answered ? EventSeverity.Error : EventSeverity.Warn,
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
