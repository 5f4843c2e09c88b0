using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Tables;

/// <summary>Connection tracking is nearly full: nothing is dropped yet.</summary>
internal sealed class ConntrackFilling(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(90), "entries that it may have",
        "A tenth is left: nothing is dropped yet, and there is time to raise the limit.", 100);

    private static readonly ProbeOption<long> Smallest = Option.Count(
        "smallest", 100, "entries that it may have",
        "A smaller table is somebody's experiment.");

    private readonly Share _share = own.Get(Part);
    private readonly long _smallest = own.Get(Smallest);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "conntrack-filling",
        Title = "Connection tracking is nearly full",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows a namespace had {Part.InWords} of the connections in its table that it may have, "
            + $"of {Smallest.InWords} or more.",
        Advice = "Raise net.netfilter.nf_conntrack_max, shorten time-outs, or leave traffic untracked that needs no "
            + "NAT, before packets of new connections are dropped.",
        Thresholds = [Part, Smallest],
        Triggers = [FindingTrigger.Fills(Conntrack.Entries, Conntrack.Limit, Part)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        if (window.Level(Conntrack.Entries) is not { } entries
            || window.Level(Conntrack.Limit) is not { } limit || limit < _smallest || !_share.IsReached(entries, limit)
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
