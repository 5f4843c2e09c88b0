using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Dns;

namespace Collector.Linux.Findings.Dns;

/// <summary>Most of what is asked does not exist: each name is tried with every search domain first.</summary>
internal sealed class DnsNxdomain(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 5, "queries per second",
        "Fewer cost neither the server nor the program anything.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(60), "answers",
        "With several search domains most answers are of names that nobody meant.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "dns-nxdomain-amplified",
        Title = "Most DNS queries are for names that do not exist",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows a server answered {Least.InWords} queries per second or more, and {Part.InWords} "
            + "of all, that the name does not exist. Needs the probe dns, which is off by default.",
        Advice = "Lower ndots in the pod's dnsConfig, or end names outside the cluster with a dot: with ndots:5 each "
            + "is tried with all search domains first.",
        Thresholds = [Least, Part],
        Triggers = [FindingTrigger.Grows(DnsCounters.Lookups, Least)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var server in DnsServerWindow.In(window))
        {
            var missing = server.Of("nxdomain");
            if (missing < _least * window.Seconds || !_share.IsReached(missing, server.Lookups))
                continue;
            yield return new()
            {
                Severity = EventSeverity.Warn,
                Detail = server.Name,
                Sentence = $"asks the DNS server {server.Name} for names that do not exist, "
                    + $"{missing} of {server.Lookups} times: search domains are tried first (ndots)",
                Evidence = [window.Grew("NXDOMAIN", missing), window.Grew("NOERROR", server.Of("noerror"))],
                RuledOut = server.Of("servfail") == 0 ? ["the server reported no failure of its own"] : [],
                Knob = new("ndots of /etc/resolv.conf", "", "1 or 2, or names that end with a dot", "the pod"),
                Confirm = Inside(window.Subject, $"tcpdump -nn -c 20 host {server.Name} and port 53"),
            };
        }
    }
}
