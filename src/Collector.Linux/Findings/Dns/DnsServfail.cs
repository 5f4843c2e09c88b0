using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Dns;

namespace Collector.Linux.Findings.Dns;

/// <summary>A DNS server says that it failed, or refuses.</summary>
internal sealed class DnsServfail(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly string[] Outcomes = ["servfail", "refused", "notimp", "formerr", "other"];

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "answers in a window",
        "One name whose own servers are broken fails once or twice.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(5), "answers of the server",
        "A smaller part is of single names, not of the server.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "dns-servfail",
        Title = "A DNS server answers with errors",
        Severity = EventSeverity.Error,
        Condition = $"In two windows a server answered {Least.InWords} queries or more, and {Part.InWords} of them, "
            + "by SERVFAIL, REFUSED or another error than that the name does not exist. Needs the probe dns, which "
            + "is off by default.",
        Advice = "Look at the server's log and at those it asks itself (its upstream servers).",
        Thresholds = [Least, Part],
        Triggers = [FindingTrigger.Happens(DnsKinds.FailedInfo)],
        Evidence = [DnsCounters.Lookups],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var server in DnsServerWindow.In(window))
        {
            var failed = Outcomes.Sum(server.Of);
            if (failed < _least || !_share.IsReached(failed, server.Lookups))
                continue;
            var most = Outcomes.MaxBy(server.Of)!;
            var e = window.Events(DnsKinds.FailedInfo).LastOrDefault(
                e => e.Tuple?.Destination.ToString() == server.Name && Field(e, "netlens.dns.outcome") == most);
            yield return new()
            {
                Severity = EventSeverity.Error,
                Detail = server.Name,
                Sentence = $"got {failed} of {server.Lookups} answers of the DNS server "
                    + $"{server.Shown(window, DnsKinds.FailedInfo)} as errors, most {most.ToUpperInvariant()}",
                Evidence =
                [
                    .. Outcomes.Where(o => server.Of(o) > 0)
                        .Select(o => window.Grew(o.ToUpperInvariant(), server.Of(o))),
                ],
                RuledOut = server.Answered == server.Lookups
                    ? ["each query was answered: the way there and back is good"]
                    : [],
                Knob = new("the server's upstream", "", "one that answers", $"the DNS server {server.Name}"),
                Confirm = Inside(window.Subject, server.Dig),
                Tuple = e?.Tuple,
                Process = e?.Process,
            };
        }
    }
}
