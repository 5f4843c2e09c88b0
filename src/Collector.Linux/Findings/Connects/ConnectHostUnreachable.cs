using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Findings.Routes;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Connects;

namespace Collector.Linux.Findings.Connects;

/// <summary>The next hop does not tell its hardware address, or a router says that a host cannot be reached.</summary>
internal sealed class ConnectHostUnreachable(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 1, "connects in a window",
        "The kernel tried for seconds before: one says that the hop is silent.");

    private readonly long _least = own.Get(Least);
    private readonly Gravity _gravity = PeerConnects.GravityOf(own);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "connect-host-unreachable",
        Title = "A host or the gateway to it does not answer",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} connect or more failed because the next hop did not answer ARP "
            + "or neighbour discovery, or because a router said that the host cannot be reached (EHOSTUNREACH). An "
            + $"error from {PeerConnects.ErrorFrom.InWords} in a window on that are {PeerConnects.ErrorPart.InWords} "
            + "of all connects to such ports, for one host that is away is nothing unusual.",
        Advice = "Look whether the host or gateway is up and in the same network segment, and whether the address "
            + "still is somebody's; replace a route whose gateway is gone.",
        Thresholds = [Least, PeerConnects.ErrorFrom, PeerConnects.ErrorPart],
        Triggers = [FindingTrigger.Happens(ConnectKinds.FailedInfo)],
        Evidence = [ConnectCounters.Attempts],
        Explains = [SlowHandshake.Kind, NeighbourUnresolved.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var peer in PeerConnects.Of(
            window, ConnectKinds.FailedInfo, _least, IsUnreachable, Hop))
        {
            var hop = PeerConnects.SilentHop(peer.Last);
            yield return new()
            {
                Severity = peer.Severity(_gravity),
                Detail = peer.Peer,
                Sentence = $"cannot reach {peer.Remote}: {Why(peer, hop)}, {peer.Times(window)} failed",
                Confidence = FindingConfidence.Event,
                Evidence =
                [
                    .. peer.Proof(window, "EHOSTUNREACH or no answer"),
                    .. hop is null ? Array.Empty<Evidence>() : [new("neigh_timer_handler", $"{hop} {State(peer)}")],
                ],
                RuledOut =
                [
                    .. hop is null ? Array.Empty<string>() : ["the route: there is one"],
                    .. Checks.Of(window, Checks.Conntrack, Checks.Netfilter),
                ],
                Confirm = Inside(window.Subject, hop is null ? $"ping -c 3 {peer.Address}" : $"ip neigh show {hop}"),
                Tuple = peer.Last.Tuple,
                Process = peer.Last.Process,
            };
        }
    }

    private static bool IsUnreachable(NetworkEvent e) => PeerConnects.Outcome(e) switch
    {
        "host_unreachable" => true,
        "timed_out" or "aborted" => PeerConnects.SilentHop(e) is not null,
        _ => false,
    };

    // All behind one gateway fail together.
    private static string Hop(NetworkEvent e) => PeerConnects.SilentHop(e) ?? e.Tuple!.Destination.ToString();

    private static string State(PeerConnects peer) => peer.Last.Field("netlens.neighbour.state")?.Text ?? "";

    private static string Why(PeerConnects peer, string? hop)
    {
        if (hop is null)
            return "a router or a rule says that the host cannot be reached";
        var protocol = hop.Contains(':', StringComparison.Ordinal) ? "neighbour discovery" : "ARP";
        return $"{(hop == peer.Address ? "it" : $"the next hop {hop}")} does not answer {protocol}";
    }
}
