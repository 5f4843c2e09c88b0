using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Tables;

/// <summary>The machine's table of next hops has no room: new ones cannot be reached, whichever pod wants it.</summary>
internal sealed class NeighbourFull(ProbeHost host) : LinuxRule(Kind, host)
{
    public static FindingInfo Kind { get; } = new()
    {
        Kind = "neighbour-table-full",
        Title = "The neighbour table is full",
        Severity = EventSeverity.Error,
        Condition = "A new next hop found no room in the table that all namespaces of the node share (table_fulls).",
        Advice = "Raise gc_thresh3, with gc_thresh2 and gc_thresh1 below it, to more than the pods and machines that "
            + "this node talks to on its own networks.",
        Triggers = [FindingTrigger.Grows(Neighbour.TableFull)],
        Evidence = [Neighbour.Entries, Neighbour.Limit],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var row in window.Rows(Neighbour.TableFull))
        {
            if (row.Growth(Neighbour.TableFull) is not (> 0 and var refused))
                continue;
            var (family, protocol) = row.Tag("network.type") == "ipv4" ? ("IPv4", "ipv4") : ("IPv6", "ipv6");
            var entries = $"{row.Level(Neighbour.Entries)} of {row.Level(Neighbour.Limit)}";
            yield return new()
            {
                Severity = EventSeverity.Error,
                Direct = true,
                Confidence = FindingConfidence.SharedCounter,
                Detail = family,
                Sentence = $"has no room for {refused} new {family} neighbours, and cannot send to them: "
                    + "all pods share that table",
                Evidence = [window.Grew("table_fulls", refused), new("entries of gc_thresh3", entries)],
                Knob = SysctlKnob(
                    null, $"net.{protocol}.neigh.default.gc_thresh3", "four times that, and gc_thresh2 half of it"),
                Confirm = $"ip -s ntable show name {(family == "IPv4" ? "arp_cache" : "ndisc_cache")}",
            };
        }
    }
}
