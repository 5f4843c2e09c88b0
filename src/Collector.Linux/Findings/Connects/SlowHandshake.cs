using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Connects;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Connects;

/// <summary>Connects succeed late: a SYN or its answer was lost, or the answer took its time.</summary>
internal sealed class SlowHandshake(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 10, "SYNs sent again in a window",
        "Fewer are of a single loss on the path.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", Share.Percent(5), "connects",
        "Each makes its caller wait for one, three or seven seconds: so many callers see it.");

    private readonly Gravity _gravity = new(own.Get(ErrorFrom), own.Get(ErrorPart));
    private readonly long _least = own.Get(PeerConnects.Fewest);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "slow-handshake",
        Title = "Connects succeed late",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {PeerConnects.Fewest.InWords} connects or more to one address and port took "
            + "longer than half a second (the probe's option slow). An error where SYNs were sent again, "
            + $"{ErrorFrom.InWords} of them or more and for {ErrorPart.InWords} of all connects: each makes its "
            + "caller wait for one, three or seven seconds.",
        Advice = "Where SYNs are sent again find the loss (a listener's full queue, conntrack, the path); else look "
            + "why the peer or the path takes so long.",
        Thresholds = [PeerConnects.Fewest, ErrorFrom, ErrorPart],
        Triggers = [FindingTrigger.Happens(ConnectKinds.SlowInfo)],
        Evidence = [ConnectCounters.Attempts, TcpExt.Of("TcpExt", "TCPSynRetrans"), Tcp.Of("Tcp", "ActiveOpens")],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (again, opened) = (window.Growth(TcpExt.Of("TcpExt", "TCPSynRetrans")),
            window.Growth(Tcp.Of("Tcp", "ActiveOpens")));
        foreach (var peer in PeerConnects.Of(window, ConnectKinds.SlowInfo, _least, static _ => true))
        {
            var lost = peer.Events.Count(static e => e.Field("netlens.connect.retransmits") is { Number: > 0 });
            var harms = lost > 0 && _gravity.IsError(again, opened);
            yield return new()
            {
                Severity = harms ? EventSeverity.Error : EventSeverity.Warn,
                Detail = peer.Peer,
                Sentence = $"waits long to connect to {peer.Remote}: {peer.Times(window)} took up to {peer.Longest}, "
                    + Why(peer, lost),
                Confidence = FindingConfidence.Event,
                Evidence =
                [
                    window.Grew("SYN_SENT to ESTABLISHED, late", peer.Count),
                    new("after a SYN sent again", lost.ToString(CultureInfo.InvariantCulture)),
                    window.Grew("TCPSynRetrans", again), window.Grew("TcpActiveOpens", opened),
                ],
                RuledOut = Checks.Of(window, Checks.Drops, Checks.Conntrack, Checks.Netfilter),
                NotSeen = lost > 0 ? ["whether the SYN or its answer was lost"] : [],
                Confirm = Inside(window.Subject, $"timeout 30 tcpdump -c 20 -nn host {peer.Address} and tcp"),
                Tuple = peer.Last.Tuple,
                Process = peer.Last.Process,
            };
        }
    }

    private static string Why(PeerConnects peer, int lost)
    {
        if (peer.Events.Select(PeerConnects.SilentHop).FirstOrDefault(static h => h is not null) is { } hop)
            return $"the next hop {hop} did not tell its hardware address at first";
        return lost * 2 >= peer.Events.Length ? "SYNs or their answers get lost" : "the answer to the SYN comes late";
    }
}
