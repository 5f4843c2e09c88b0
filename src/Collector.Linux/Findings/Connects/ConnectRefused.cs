using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Connects;

namespace Collector.Linux.Findings.Connects;

/// <summary>A peer answers connects with resets.</summary>
internal sealed class ConnectRefused(ProbeHost host) : LinuxRule(Kind, host)
{
    private const int Many = 10;

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "connect-refused",
        Title = "A peer refuses connections",
        Severity = EventSeverity.Error,
        Condition = "In two windows three connects or more to one address and port were answered with a reset "
            + "(ECONNREFUSED); an error from ten on that are a tenth of all connects to such ports, for a server "
            + "that starts anew refuses a few.",
        Advice = "Look whether the server runs, and listens at this address and port; whether its port or a "
            + "Service's targetPort is right; or which rule rejects with a reset.",
        Triggers = [FindingTrigger.Happens(ConnectKinds.FailedInfo)],
        Evidence = [ConnectCounters.Attempts],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var peer in PeerConnects.Of(
            window, ConnectKinds.FailedInfo, static e => PeerConnects.Outcome(e) == "refused"))
        {
            yield return new()
            {
                Severity = peer.IsTrouble(Many) ? EventSeverity.Error : EventSeverity.Warn,
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
