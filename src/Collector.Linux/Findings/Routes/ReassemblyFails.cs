using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Routes;

/// <summary>Datagrams that came in fragments are lost because a part is missing.</summary>
internal sealed class ReassemblyFails(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 5, "datagrams in a window",
        "A lost packet now and then takes a datagram with it.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", Share.Percent(5), "fragments received",
        "Of a smaller part programs mend the loss unnoticed.");

    private readonly long _least = own.Get(Least);
    private readonly Share _errorShare = own.Get(ErrorPart);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "reassembly-fails",
        Title = "Fragments cannot be put together",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} or more reassemblies failed (ReasmFails); an error where those "
            + $"are {ErrorPart.InWords} of the fragments received.",
        Advice = "Avoid fragments: smaller datagrams, or the MTU of the way. Else look for what drops one of the "
            + "parts, and whether the memory for them is used up.",
        Thresholds = [Least, ErrorPart],
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
            var failed = window.Growth(counter);
            if (failed < _least)
                continue;
            var (fragments, late) = (
                window.Growth(Ip.Of(section, "ReasmReqds")), window.Growth(Ip.Of(section, "ReasmTimeout")));
            yield return new()
            {
                Severity = _errorShare.IsReached(failed, fragments) ? EventSeverity.Error : EventSeverity.Warn,
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
