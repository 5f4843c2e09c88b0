using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Ports;
using Figures = Collector.Linux.Probes.Ports.Ports;

namespace Collector.Linux.Findings.Ports;

/// <summary>Local ports towards a destination become fewer, and will soon be used up.</summary>
internal sealed class EphemeralPortsFilling(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    /// <summary>The range to set: a port of it may be taken before its listener starts.</summary>
    internal const string Range = "15000 65535, with listeners' ports in net.ipv4.ip_local_reserved_ports";

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(50), "ports of the range",
        "With half of them free a burst may end before they are used up.", 100);

    private static readonly ProbeOption<TimeSpan> Soon = Option.Duration(
        "within", TimeSpan.FromMinutes(10),
        "As the probe's option warn by default, which tells by an event and is not held back by this.", 10_000,
        86_400_000);

    private readonly Share _share = own.Get(Part);
    private readonly long _soon = own.Get(Soon).Ticks * 100;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "ephemeral-ports-filling",
        Title = "Local ports towards a destination run out",
        Severity = EventSeverity.Warn,
        Condition = $"More than {Part.InWords} of the local ports towards one destination are in use, and at the rate "
            + $"of the last half minute to minute none is left within {Soon.InWords} (the probe's option warn).",
        Advice = "Look which program opens connections and does not close them, or opens one for each request; keep "
            + "connections, or widen net.ipv4.ip_local_port_range.",
        Thresholds = [Part, Soon],
        Triggers =
        [
            FindingTrigger.Happens(PortKinds.Filling),
            FindingTrigger.Fills(Figures.Used, Figures.Limit, Part),
        ],
        Evidence = [Figures.TimeToFull, Figures.TimeWait],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        // It is told once with its destination; while it goes on there are only figures.
        var e = window.Events(PortKinds.Filling).LastOrDefault(static e => IsLocal(e));
        var (used, limit) = (window.Level(Figures.Used), window.Level(Figures.Limit));
        var left = window.Level(Figures.TimeToFull);
        if (e is not null)
            left ??= Number(e, "netlens.ports.time_to_full");
        if ((used is { } u && limit is { } l && !_share.IsReached(u, l)) || left is not > 0
            || (e is null && left >= _soon / 1_000_000_000))
            yield break;
        var to = e is null ? "its fullest destination" : new EventParties(null, e.Tuple).Remote;
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Direct = e is not null,
            Sentence = $"runs out of local ports for {to} in {left} s: {used} of {limit} are in use",
            Confidence = e is null ? FindingConfidence.OwnCounter : FindingConfidence.Event,
            Evidence = [.. Levels(window)],
            Knob = SysctlKnob(window.Subject, "net.ipv4.ip_local_port_range", Range),
            Confirm = Inside(window.Subject, e is null ? "ss -Htan state connected"
                : $"ss -Htan state connected dst {e.Tuple!.End(e.Tuple.Destination, e.Tuple.DestinationPort)}"),
            Tuple = e?.Tuple,
            Process = e?.Process,
        };
    }

    /// <summary>Of the namespace's own connections, not of those that it translates.</summary>
    internal static bool IsLocal(NetworkEvent e) => e.Tuple is not null && Field(e, "netlens.ports.kind") == "local";

    /// <summary>How many ports the fullest destination has, as evidence.</summary>
    internal static IEnumerable<Evidence> Levels(SubjectWindow window)
    {
        if (window.Level(Figures.Used) is { } used && window.Level(Figures.Limit) is { } limit)
            yield return new("sock_diag, ports in use", $"{used} of {limit}");
        if (window.Level(Figures.TimeWait) is > 0 and var over)
            yield return new("of them in TIME_WAIT", $"{over}");
    }
}
