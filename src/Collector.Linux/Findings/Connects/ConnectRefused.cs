using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Connects;

namespace Collector.Linux.Findings.Connects;

/// <summary>A peer answers connects with resets.</summary>
internal sealed class ConnectRefused(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private readonly long _least = own.Get(PeerConnects.Fewest);
    private readonly Gravity _gravity = PeerConnects.GravityOf(own);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "connect-refused",
        Title = "A peer refuses connections",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {PeerConnects.Fewest.InWords} connects or more to one address and port were "
            + $"answered with a reset (ECONNREFUSED); an error from {PeerConnects.ErrorFrom.InWords} on that are "
            + $"{PeerConnects.ErrorPart.InWords} of all connects to such ports, for a server that starts anew "
            + "refuses a few.",
        Advice = "Look whether the server runs, and listens at this address and port; whether its port or a "
            + "Service's targetPort is right; or which rule rejects with a reset.",
        Thresholds = [PeerConnects.Fewest, PeerConnects.ErrorFrom, PeerConnects.ErrorPart],
        Triggers = [FindingTrigger.Happens(ConnectKinds.FailedInfo)],
        Evidence = [ConnectCounters.Attempts],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var peer in PeerConnects.Of(
            window, ConnectKinds.FailedInfo, _least, static e => PeerConnects.Outcome(e) == "refused"))
        {
            yield return new()
            {
                Severity = peer.Severity(_gravity),
                Detail = peer.Peer,
                Sentence = $"is refused by {peer.Remote}: it answers with resets, {peer.Times(window)} failed",
                Confidence = FindingConfidence.Event,
                Evidence = [.. peer.Proof(window, "ECONNREFUSED, tcp_receive_reset in SYN_SENT")],
                RuledOut =
                [
                    peer.Longest.Length == 0 ? "the way there" : $"the way there: it answered within {peer.Longest}",
                    .. Checks.Of(window, Checks.Conntrack),
                ],
                Confirm = Inside(window.Subject, $"curl -v telnet://{peer.Peer}"),
                Tuple = peer.Last.Tuple,
                Process = peer.Last.Process,
            };
        }
    }
}
