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
            + "another yet, and where UDP sockets have all ports of the range.",
        Advice = "Keep connections and use them again, spread over more destination or source addresses, widen "
            + "net.ipv4.ip_local_port_range, or let TIME_WAIT be used again (net.ipv4.tcp_tw_reuse of 1).",
        Triggers =
        [
            FindingTrigger.Happens(ConnectKinds.FailedInfo), FindingTrigger.Happens(PortKinds.Exhausted),
            FindingTrigger.Fills(Figures.UdpUsed, Figures.UdpLimit, 1),
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
        if (OfDatagrams(window) is { } datagrams)
            yield return datagrams;
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
            Knob = Range(window),
            Confirm = Inside(window.Subject, $"ss -Htan state connected dst {end}"),
            Tuple = e.Tuple,
            Process = e.Process,
        };

    // It is told once; while it goes on there are only figures.
    private Verdict? OfDatagrams(SubjectWindow window)
    {
        var e = window.Events(PortKinds.Exhausted).LastOrDefault(static e => Field(e, "netlens.ports.kind") == "udp");
        var (used, limit) = (window.Level(Figures.UdpUsed), window.Level(Figures.UdpLimit));
        if (e is null && (used is null || used < limit))
            return null;
        // Some may be free again by now.
        if (used is null || used < limit)
            (used, limit) = (Number(e!, "netlens.ports.used"), Number(e!, "netlens.ports.limit"));
        return new()
        {
            Severity = EventSeverity.Warn,
            Direct = e is not null,
            Detail = "udp",
            Sentence = $"has no local port left for UDP sockets: {used} of {limit} are in use, and one without a port "
                + "gets none",
            Confidence = e is null ? FindingConfidence.OwnCounter : FindingConfidence.Event,
            Evidence = [new("sock_diag, ports of UDP sockets", $"{used} of {limit}")],
            Knob = Range(window),
            Confirm = Inside(window.Subject, "ss -Huan"),
            Process = e?.Process,
        };
    }

    private Knob Range(SubjectWindow window) =>
        SysctlKnob(window.Subject, "net.ipv4.ip_local_port_range", EphemeralPortsFilling.Range);

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
