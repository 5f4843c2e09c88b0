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
        if (window.Events(PortKinds.Filling).LastOrDefault(static e => IsLocal(e)) is { } e)
        {
            var end = e.Tuple!.End(e.Tuple.Destination, e.Tuple.DestinationPort);
            yield return new()
            {
                Severity = EventSeverity.Warn,
                Direct = true,
                Sentence = $"runs out of local ports for {new EventParties(null, e.Tuple).Remote} in "
                    + $"{Field(e, "netlens.ports.time_to_full")} s: {Field(e, "netlens.ports.used")} of "
                    + $"{Field(e, "netlens.ports.limit")} are in use",
                Confidence = FindingConfidence.Event,
                Evidence = [.. Levels(window)],
                RuledOut = [],
                Knob = SysctlKnob(window.Subject, "net.ipv4.ip_local_port_range", "1024 65535"),
                Confirm = Inside(window.Subject, $"ss -Htan state connected dst {end}"),
                Tuple = e.Tuple,
                Process = e.Process,
            };
        }
        else if (window.Level(Figures.TimeToFull) is > 0 and < 600)
        {
            // It was told with its destination, and goes on.
            yield return new() { Severity = EventSeverity.Info, Sentence = "runs out of local ports" };
        }
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
