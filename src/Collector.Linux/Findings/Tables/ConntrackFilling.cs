using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Tables;

/// <summary>Connection tracking is nearly full: nothing is dropped yet.</summary>
internal sealed class ConntrackFilling(ProbeHost host) : LinuxRule(Kind, host)
{
    private const double Share = 0.9;

    /// <summary>A smaller table is somebody's experiment.</summary>
    private const int Smallest = 100;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "conntrack-filling",
        Title = "Connection tracking is nearly full",
        Severity = EventSeverity.Warn,
        Condition = "In two windows a namespace had 90 % of the connections in its table that it may have, of 100 or "
            + "more.",
        Advice = "Raise net.netfilter.nf_conntrack_max, shorten time-outs, or leave traffic untracked that needs no "
            + "NAT, before packets of new connections are dropped.",
        Triggers = [FindingTrigger.Fills(Conntrack.Entries, Conntrack.Limit, Share)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        if (window.Level(Conntrack.Entries) is not { } entries
            || window.Level(Conntrack.Limit) is not (>= Smallest and var limit) || entries < limit * Share
            || window.Growth(Conntrack.Counters[Ctnetlink.CTA_STATS_EARLY_DROP]!) > 0
            || window.Events(ConntrackKinds.FullInfo).Any())
            yield break;
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Sentence = $"tracks {entries} connections, and {limit} is the most: "
                + "new ones are dropped once they are reached",
            Evidence = [new("nf_conntrack_count", $"{entries} of {limit}")],
            RuledOut = window.Growth(Conntrack.Counters[Ctnetlink.CTA_STATS_DROP]!) == 0
                ? ["nothing was dropped yet"]
                : [],
            Knob = new("net.netfilter.nf_conntrack_max", limit.ToString(CultureInfo.InvariantCulture),
                (limit * 2).ToString(CultureInfo.InvariantCulture), "the node"),
            Confirm = Inside(window.Subject, "sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max"),
        };
    }
}
