using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tables;

namespace Collector.Linux.Findings.Tables;

/// <summary>Packets of new connections are lost because connection tracking has an equal entry already.</summary>
internal sealed class ConntrackRace(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 10, "packets in a window",
        "Fewer are mended by those who sent them.");

    private readonly long _many = own.Get(ErrorFrom);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "conntrack-race",
        Title = "New connections are lost in connection tracking",
        Severity = EventSeverity.Error,
        Condition = "In two windows entries of new connections could not be put in because an equal one was there "
            + $"(insert_failed without chaintoolong); an error, at once, from {ErrorFrom.InWords} of them in a "
            + "window.",
        Advice = "Give SNAT more addresses or ports, let it choose ports at random (--random-fully), or ask DNS "
            + "through a cache on the node or by TCP.",
        Thresholds = [ErrorFrom],
        Triggers = [FindingTrigger.Happens(ConntrackKinds.ClashInfo)],
        Evidence =
        [
            Conntrack.Counters[Ctnetlink.CTA_STATS_INSERT_FAILED]!,
            Conntrack.Counters[Ctnetlink.CTA_STATS_CLASH_RESOLVE]!,
        ],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var lost = window.Events(ConntrackKinds.ClashInfo).Sum(e => Number(e, "netlens.conntrack.dropped") ?? 0);
        if (lost == 0)
            yield break;
        yield return new()
        {
            Severity = lost >= _many ? EventSeverity.Error : EventSeverity.Warn,
            Direct = lost >= _many,
            Sentence = $"lost {lost} packets of new connections, for their conntrack entry was taken: "
                + "SNAT has no free port, or two came at once",
            Evidence =
            [
                window.Grew("conntrack insert_failed", Conntrack.Counters[Ctnetlink.CTA_STATS_INSERT_FAILED]!),
                window.Grew("clash_resolve", Conntrack.Counters[Ctnetlink.CTA_STATS_CLASH_RESOLVE]!),
            ],
            RuledOut = Checks.Of(window, Checks.Conntrack),
            Knob = new("ports of SNAT", "",
                "more addresses or ports, chosen by --random-fully; for DNS a cache on the node",
                "whoever made the NAT rule"),
            Confirm = Inside(window.Subject, "conntrack -S"),
        };
    }
}
