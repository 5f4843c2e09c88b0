using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Routes;

/// <summary>Datagrams that came in fragments are lost because a part is missing.</summary>
internal sealed class ReassemblyFails(ProbeHost host) : LinuxRule(Kind, host)
{
    private const int Least = 5;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "reassembly-fails",
        Title = "Fragments cannot be put together",
        Severity = EventSeverity.Error,
        Condition = "In two windows 5 or more reassemblies failed (ReasmFails); an error where those are 5 % of the "
            + "fragments received.",
        Advice = "Avoid fragments: smaller datagrams, or the MTU of the way. Else look for what drops one of the "
            + "parts, and whether the memory for them is used up.",
        Triggers =
        [
            FindingTrigger.Grows(Ip.Of("Ip", "ReasmFails"), Least),
            FindingTrigger.Grows(Ip.Of("Ip6", "ReasmFails"), Least),
        ],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var (section, family) in Losses.Families)
        {
            var counter = Ip.Of(section, "ReasmFails");
            if (window.Growth(counter) is not (>= Least and var failed))
                continue;
            var (fragments, late) = (
                window.Growth(Ip.Of(section, "ReasmReqds")), window.Growth(Ip.Of(section, "ReasmTimeout")));
            yield return new()
            {
                Severity = failed * 20 >= fragments ? EventSeverity.Error : EventSeverity.Warn,
                Detail = family,
                Sentence = $"lost {failed} {family} datagrams that came in fragments: "
                    + (late > 0 ? "a part of each did not come in time" : "they did not fit, or there was no memory"),
                Evidence =
                [
                    Losses.Part(window, $"{section} ReasmFails", counter, "fragments", fragments),
                    window.Grew("ReasmTimeout", late),
                ],
                RuledOut = Checks.Of(window, Checks.Netfilter),
                Knob = SysctlKnob(window.Subject,
                    section == "Ip" ? "net.ipv4.ipfrag_high_thresh" : "net.ipv6.ip6frag_high_thresh",
                    "more, where nothing is late"),
                Confirm = Inside(window.Subject, $"nstat -az {section}ReasmFails {section}ReasmTimeout"),
            };
        }
    }
}
