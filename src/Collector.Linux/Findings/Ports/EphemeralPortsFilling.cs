using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Ports;
using Figures = Collector.Linux.Probes.Ports.Ports;

namespace Collector.Linux.Findings.Ports;

/// <summary>Local ports towards a destination become fewer, and will soon be used up.</summary>
internal sealed class EphemeralPortsFilling(ProbeHost host) : LinuxRule(Kind, host)
{
    /// <summary>The range to set: a port of it may be taken before its listener starts.</summary>
    internal const string Range = "15000 65535, with listeners' ports in net.ipv4.ip_local_reserved_ports";

    /// <summary>Seconds: as the probe's option warn by default.</summary>
    private const int Soon = 600;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "ephemeral-ports-filling",
        Title = "Local ports towards a destination run out",
        Severity = EventSeverity.Warn,
        Condition = "More than half of the local ports towards one destination are in use, and at the rate of the "
            + "last half minute to minute none is left within ten minutes (the probe's option warn).",
        Advice = "Look which program opens connections and does not close them, or opens one for each request; keep "
            + "connections, or widen net.ipv4.ip_local_port_range.",
        Triggers =
        [
            FindingTrigger.Happens(PortKinds.Filling),
            FindingTrigger.Fills(Figures.Used, Figures.Limit, 0.5),
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
        if (used * 2 < limit || left is not > 0 || (e is null && left >= Soon))
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
