using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Connects;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Connects;

/// <summary>A peer does not answer SYNs at all.</summary>
internal sealed class ConnectTimeout(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 3, "connects in a window",
        "Each keeps its caller waiting for a second at least: as few as are told.");

    private readonly long _least = own.Get(PeerConnects.Fewest);
    private readonly Gravity _gravity = new(own.Get(ErrorFrom), own.Get(PeerConnects.ErrorPart));

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "connect-timeout",
        Title = "A peer does not answer SYNs",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {PeerConnects.Fewest.InWords} connects or more to one address and port got no "
            + "answer to two SYNs or more: they ended with ETIMEDOUT, or their caller gave up. An error from "
            + $"{ErrorFrom.InWords} on that are {PeerConnects.ErrorPart.InWords} of all connects to such ports, for "
            + "each keeps its caller waiting for a second at least.",
        Advice = "Find out where the SYN or its answer is lost: a rule that drops on the way (network policy, "
            + "security group), a host that is down, a way back that differs, or a listener whose queue is full.",
        Thresholds = [PeerConnects.Fewest, ErrorFrom, PeerConnects.ErrorPart],
        Triggers = [FindingTrigger.Happens(ConnectKinds.FailedInfo)],
        Evidence = [ConnectCounters.Attempts, TcpExt.Of("TcpExt", "TCPSynRetrans")],
        Explains = [SlowHandshake.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var peer in PeerConnects.Of(window, ConnectKinds.FailedInfo, _least, IsUnanswered))
        {
            yield return new()
            {
                Severity = peer.Severity(_gravity),
                Detail = peer.Peer,
                Sentence = $"gets no answer from {peer.Remote}: {peer.Times(window)} failed after up to {peer.Longest} "
                    + $"and {peer.Syns} SYNs",
                Confidence = FindingConfidence.Event,
                Evidence =
                [
                    .. peer.Proof(window, $"SYN_SENT to CLOSE, {Ends(peer)}"),
                    window.Grew("TCPSynRetrans", TcpExt.Of("TcpExt", "TCPSynRetrans")),
                    .. Checks.NetfilterDrops(window),
                ],
                RuledOut = Checks.Of(window, Checks.Drops, Checks.Conntrack, Checks.Netfilter),
                NotSeen = ["what becomes of the SYN beyond this node"],
                Confirm = Inside(window.Subject, $"timeout 30 tcpdump -c 20 -nn host {peer.Address} and tcp"),
                Tuple = peer.Last.Tuple,
                Process = peer.Last.Process,
            };
        }
    }

    // Who gives up after one SYN may just have had a better address to try.
    private static bool IsUnanswered(NetworkEvent e) => PeerConnects.SilentHop(e) is null
        && PeerConnects.Outcome(e) is "timed_out" or "aborted"
        && e.Field("error.type")?.Text is null or "ETIMEDOUT"
        && e.Field("netlens.connect.retransmits") is { Number: > 0 };

    private static string Ends(PeerConnects peer) =>
        peer.Events.All(static e => PeerConnects.Outcome(e) == "timed_out") ? "ETIMEDOUT"
        : peer.Events.All(static e => PeerConnects.Outcome(e) == "aborted") ? "given up by the caller"
        : "ETIMEDOUT or given up by the caller";
}
