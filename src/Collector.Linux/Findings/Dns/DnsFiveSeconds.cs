using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Dns;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Dns;

/// <summary>Some queries are lost, and their programs wait 5 s until they are sent again.</summary>
internal sealed class DnsFiveSeconds(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 2, "queries in a window",
        "One may be lost anywhere; two that hang for 5 s somebody sees.");

    private readonly long _many = own.Get(ErrorFrom);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "dns-timeout-5s",
        Title = "DNS queries are lost and asked again after 5 s",
        Severity = EventSeverity.Error,
        Condition = "Within a window a query was sent again after the 5 s that resolvers wait, to a server that "
            + $"answers others; an error from {ErrorFrom.InWords}. Needs the probe dns, which is off by default.",
        Advice = "Where conntrack lost them, ask through a cache on the node, or one question at a time "
            + "(single-request-reopen); else find what drops them.",
        Thresholds = [ErrorFrom],
        Triggers = [FindingTrigger.Happens(DnsKinds.RetriedInfo)],
        Evidence = [DnsCounters.FiveSeconds],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var server in window.Events(DnsKinds.RetriedInfo)
            .Where(e => Field(e, "netlens.dns.five_seconds") == "true")
            .GroupBy(e => e.Tuple?.Destination.ToString() ?? "other"))
        {
            var its = DnsServerWindow.In(window).FirstOrDefault(s => s.Name == server.Key);
            if (its is { Answered: 0 })
                continue;
            var e = server.Last();
            var clashes = window.All.EventsOf(ConntrackKinds.ClashInfo).Count;
            yield return new()
            {
                Severity = server.Count() >= _many ? EventSeverity.Error : EventSeverity.Warn,
                Direct = true,
                Detail = server.Key,
                Sentence = $"lost {server.Count()} queries to the DNS server "
                    + $"{e.Tuple?.DestinationPod ?? server.Key} and asked again 5 s later"
                    + (clashes > 0 ? ": conntrack lost packets of new connections on this node" : ""),
                Evidence =
                [
                    window.Grew("queries sent again after 5 s", server.Count()),
                    new("answered meanwhile", $"{its?.Answered ?? 0}"),
                    .. clashes > 0 ? [new("conntrack insert_failed", $"{clashes} times")] : Array.Empty<Evidence>(),
                ],
                RuledOut = Checks.Of(window, Checks.Netfilter, Checks.Drops),
                Knob = new(
                    "options of /etc/resolv.conf", "", "single-request-reopen, or a cache on the node", "the pod"),
                Confirm = Inside(window.Subject, "conntrack -S"),
                Tuple = e.Tuple,
                Process = e.Process,
            };
        }
    }
}
