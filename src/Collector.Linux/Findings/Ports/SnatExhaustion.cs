using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Linux.Findings.Common;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Findings.Tables;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Ports;
using Collector.Linux.Probes.Tables;
using Figures = Collector.Linux.Probes.Ports.Ports;

namespace Collector.Linux.Findings.Ports;

/// <summary>Source NAT has no port left for further connections to a destination.</summary>
internal sealed class SnatExhaustion(ProbeHost host) : LinuxRule(Kind, host)
{
    private static readonly Metric InsertFailed = Conntrack.Counters[Ctnetlink.CTA_STATS_INSERT_FAILED]!;
    private static readonly Metric Dropped = Conntrack.Counters[Ctnetlink.CTA_STATS_DROP]!;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "snat-exhaustion",
        Title = "Source NAT has no port left",
        Severity = EventSeverity.Error,
        Condition = "Every port that source NAT may give (the probe's option snatPorts) is in use towards one "
            + "destination. An error where packets were dropped for it (insert_failed or drop of conntrack).",
        Advice = "Give NAT more addresses or ports, spread over more destination addresses, keep connections, or "
            + "shorten conntrack's time-outs (nf_conntrack_tcp_timeout_time_wait, nf_conntrack_udp_timeout).",
        Triggers =
        [
            FindingTrigger.Happens(PortKinds.Exhausted),
            FindingTrigger.Fills(Figures.TranslatedUsed, Figures.TranslatedLimit, 1),
        ],
        Evidence = [InsertFailed, Dropped],
        Explains = [ConntrackRace.Kind, NetfilterDrop.Kind, ConnectTimeout.Kind, SlowHandshake.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (failed, dropped) = (window.Growth(InsertFailed), window.Growth(Dropped));
        var e = window.Events(PortKinds.Exhausted).LastOrDefault(
            static e => e.Tuple is not null && Field(e, "netlens.ports.kind") == "snat");
        var (used, limit) = (window.Level(Figures.TranslatedUsed),
            window.Level(Figures.TranslatedLimit));
        // It is told once with its destination; while it goes on there are only figures.
        if (e is null && (used is null || used < limit))
            yield break;
        (used, limit) = (used ?? Number(e!, "netlens.ports.used"), limit ?? Number(e!, "netlens.ports.limit"));
        var from = e is null ? "" : $" from {Field(e, "netlens.ports.translated_address")}";
        var to = e is null ? "the fullest destination" : new EventParties(null, e.Tuple).Remote;
        yield return new()
        {
            Severity = failed + dropped > 0 ? EventSeverity.Error : EventSeverity.Warn,
            Direct = true,
            Sentence = $"has no port left to translate connections to {to}{from} (SNAT): "
                + $"{used} of {limit} are in use",
            Confidence = e is null ? FindingConfidence.SharedCounter : FindingConfidence.Event,
            Evidence =
            [
                new("ctnetlink, translated to one end", $"{used} of {limit}"),
                window.Grew("insert_failed", failed), window.Grew("drop", dropped),
            ],
            RuledOut = Checks.Of(window, Checks.Conntrack),
            Knob = new("SNAT's ports of one address",
                (limit ?? 0).ToString(CultureInfo.InvariantCulture), "more addresses, or a wider range", "the node"),
            Confirm = Inside(window.Subject, e is null ? "conntrack -L --src-nat"
                : $"conntrack -L --src-nat -d {e.Tuple!.Destination}"),
            Tuple = e?.Tuple,
        };
    }
}
