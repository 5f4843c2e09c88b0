using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Dns;

namespace Collector.Linux.Findings.Dns;

/// <summary>A DNS server answers nothing.</summary>
internal sealed class DnsServerSilent(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 2, "queries in a window",
        "One may be lost anywhere.");

    private readonly long _least = own.Get(Least);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "dns-server-silent",
        Title = "A DNS server does not answer",
        Severity = EventSeverity.Error,
        Condition = $"Within a window {Least.InWords} or more queries to a server got no answer in 5 s, or an ICMP "
            + "error, and none got one. Needs the probe dns, which is off by default.",
        Advice = "Look whether the server runs and is reachable from there: its pod, the service's endpoints, a "
            + "network policy; and whether /etc/resolv.conf names the right one.",
        Thresholds = [Least],
        Triggers = [FindingTrigger.Happens(DnsKinds.FailedInfo)],
        Evidence = [DnsCounters.Lookups],
        Explains = [DnsFiveSeconds.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var server in DnsServerWindow.In(window))
        {
            var (silent, refused) = (server.Of("timed_out"), server.Of("unreachable"));
            if (silent + refused < _least || server.Answered > 0)
                continue;
            var e = window.Events(DnsKinds.FailedInfo).LastOrDefault(
                e => e.Tuple?.Destination.ToString() == server.Name);
            yield return new()
            {
                Severity = EventSeverity.Error,
                Direct = true,
                Detail = server.Name,
                Sentence = $"gets no answer from the DNS server {server.Shown(window, DnsKinds.FailedInfo)}: "
                    + (refused > silent ? "nobody listens there (ICMP)"
                        : $"{silent} queries waited 5 s, and none was answered"),
                Evidence =
                [
                    window.Grew("timed out", silent), window.Grew("unreachable", refused), new("answered", "0"),
                ],
                RuledOut = Checks.Of(window, Checks.Conntrack, Checks.Netfilter, Checks.Drops),
                Knob = new("nameserver of /etc/resolv.conf", server.Name, "one that answers", "the pod or the node"),
                Confirm = Inside(window.Subject, server.Dig),
                Tuple = e?.Tuple,
                Process = e?.Process,
            };
        }
    }
}
