using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Tables;

/// <summary>Connection tracking has no room for new connections.</summary>
internal sealed class ConntrackFull(ProbeHost host) : LinuxRule(Kind, host)
{
    public static FindingInfo Kind { get; } = new()
    {
        Kind = "conntrack-full",
        Title = "Connection tracking is full",
        Severity = EventSeverity.Error,
        Condition = "Packets of new connections were dropped, or other entries had to go, while the table had as many "
            + "entries as it may (drop and early_drop of conntrack's statistics).",
        Advice = "Raise net.netfilter.nf_conntrack_max, shorten time-outs, or leave traffic untracked that needs no "
            + "NAT.",
        Triggers = [FindingTrigger.Happens(ConntrackKinds.FullInfo)],
        Evidence = [Conntrack.Entries, Conntrack.Limit],
        Explains = [ConntrackFilling.Kind, NetfilterDrop.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var events = window.Events(ConntrackKinds.FullInfo).ToArray();
        if (events.Length == 0)
            yield break;
        var dropped = events.Sum(e => Number(e, "netlens.conntrack.dropped") ?? 0);
        var evicted = events.Sum(e => Number(e, "netlens.conntrack.evicted") ?? 0);
        var entries = Field(events[^1], "netlens.conntrack.entries");
        var limit = Number(events[^1], "netlens.conntrack.limit");
        yield return new()
        {
            Severity = EventSeverity.Error,
            Direct = true,
            Sentence = $"tracks as many connections as it may: {dropped} packets of new ones were dropped, "
                + $"{evicted} others had to go",
            Evidence =
            [
                window.Grew("conntrack drop", dropped), window.Grew("early_drop", evicted),
                new("nf_conntrack_count", limit is { } most ? $"{entries} of {most}" : entries),
            ],
            RuledOut = Checks.Of(window, Checks.Netfilter),
            Knob = SysctlKnob(null, "net.netfilter.nf_conntrack_max",
                limit is { } now ? (now * 2).ToString(CultureInfo.InvariantCulture) : "more"),
            Confirm = Inside(window.Subject, "conntrack -S"),
        };
    }
}
