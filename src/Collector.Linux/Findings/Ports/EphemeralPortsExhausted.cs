using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Connects;
using Collector.Linux.Probes.Ports;
using Figures = Collector.Linux.Probes.Ports.Ports;

namespace Collector.Linux.Findings.Ports;

/// <summary>No local port is left for further connections to a destination.</summary>
internal sealed class EphemeralPortsExhausted(ProbeHost host) : LinuxRule(Kind, host)
{
    public static FindingInfo Kind { get; } = new()
    {
        Kind = "ephemeral-ports-exhausted",
        Title = "Local ports towards a destination are used up",
        Severity = EventSeverity.Error,
        Condition = "A connect found no local port (EADDRNOTAVAIL): one is enough, for the kernel has tried each of "
            + "the range before, and gives up for good. A warning where all are in use and nobody has asked for "
            + "another yet.",
        Advice = "Keep connections and use them again, spread over more destination or source addresses, widen "
            + "net.ipv4.ip_local_port_range, or let TIME_WAIT be used again (net.ipv4.tcp_tw_reuse of 1).",
        Triggers =
        [
            FindingTrigger.Happens(ConnectKinds.FailedInfo), FindingTrigger.Happens(PortKinds.Exhausted),
        ],
        Evidence = [ConnectCounters.Attempts, Figures.Used, Figures.Limit, Figures.TimeWait],
        Explains = [EphemeralPortsFilling.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var failed = PeerConnects.Of(window, ConnectKinds.FailedInfo, 1,
            static e => PeerConnects.Outcome(e) == "no_free_port");
        foreach (var peer in failed)
        {
            yield return Make(window, peer.Peer, peer.Last, EventSeverity.Error,
                $"has no local port left for {peer.Remote}: {peer.Times(window)} failed{Use(window)}",
                [window.Grew("connect() EADDRNOTAVAIL", peer.Count)]);
        }
        foreach (var e in window.Events(PortKinds.Exhausted).Where(static e => EphemeralPortsFilling.IsLocal(e)))
        {
            var end = e.Tuple!.End(e.Tuple.Destination, e.Tuple.DestinationPort);
            if (failed.All(p => p.Peer != end))
            {
                yield return Make(window, end, e, EventSeverity.Warn,
                    $"has no local port left for {new EventParties(null, e.Tuple).Remote}: the next connect fails"
                        + Use(window),
                    []);
            }
        }
    }

    private Verdict Make(
        SubjectWindow window, string end, NetworkEvent e, EventSeverity severity, string sentence,
        Evidence[] failed) => new()
        {
            Severity = severity,
            Direct = true,
            Detail = end,
            Sentence = sentence,
            Confidence = FindingConfidence.Event,
            Evidence = [.. failed, .. EphemeralPortsFilling.Levels(window)],
            RuledOut = Checks.Of(window, Checks.Conntrack),
            Knob = SysctlKnob(window.Subject, "net.ipv4.ip_local_port_range", EphemeralPortsFilling.Range),
            Confirm = Inside(window.Subject, $"ss -Htan state connected dst {end}"),
            Tuple = e.Tuple,
            Process = e.Process,
        };

    // Of the destination that has most of them, which is the one that has all.
    private static string Use(SubjectWindow window)
    {
        if (window.Level(Figures.Used) is not { } used || window.Level(Figures.Limit) is not { } limit)
            return "";
        var over = window.Level(Figures.TimeWait) ?? 0;
        return string.Create(CultureInfo.InvariantCulture, $", {used} of {limit} are in use")
            + (over * 2 >= used ? ", most in TIME_WAIT" : "");
    }
}
