using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Connects;

namespace Collector.Linux.Findings.Connects;

/// <summary>A rule says no to connects: on this node, or with an ICMP error from elsewhere.</summary>
internal sealed class AdministrativelyRejected(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private readonly long _least = own.Get(PeerConnects.Fewest);
    private readonly Gravity _gravity = PeerConnects.GravityOf(own);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "administratively-rejected",
        Title = "A rule rejects connections",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {PeerConnects.Fewest.InWords} connects or more to one address and port were "
            + "rejected by a rule: an ICMP error said so, or a rule of this node let no SYN out. An error from "
            + $"{PeerConnects.ErrorFrom.InWords} on that are {PeerConnects.ErrorPart.InWords} of all connects to "
            + "such ports, for now and then to try what is forbidden is no fault.",
        Advice = "Allow the connection where it is rejected (firewall, network policy, Service without endpoints), "
            + "or keep the program from trying.",
        Thresholds = [PeerConnects.Fewest, PeerConnects.ErrorFrom, PeerConnects.ErrorPart],
        Triggers = [FindingTrigger.Happens(ConnectKinds.FailedInfo)],
        Evidence = [ConnectCounters.Attempts],
        Blind = "Where functions cannot be hooked, an IPv4 socket is told of a prohibition (ICMP code 9, 10 or 13) "
            + "the same as of a host that is not there, and the finding is connect-host-unreachable.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var peer in PeerConnects.Of(
            window, ConnectKinds.FailedInfo, _least, static e => PeerConnects.Outcome(e) == "rejected"))
        {
            var (error, code) = (Field(peer.Last, "error.type"), Field(peer.Last, "netlens.icmp.code"));
            yield return new()
            {
                Severity = peer.Severity(_gravity),
                Detail = peer.Peer,
                Sentence = $"may not connect to {peer.Remote}: {Why(error, code)}, {peer.Times(window)} failed",
                Confidence = FindingConfidence.Event,
                Evidence =
                [
                    .. peer.Proof(window, code.Length > 0 ? $"{error}, ICMP code {code}" : error),
                    .. Checks.NetfilterDrops(window),
                ],
                RuledOut = ["a closed port: that is answered with a reset", .. Checks.Of(window, Checks.Conntrack)],
                // Rules of the node or of another namespace reject more often than its own.
                Confirm = $"iptables-save | grep {peer.Address}; nft list ruleset",
                Tuple = peer.Last.Tuple,
                Process = peer.Last.Process,
            };
        }
    }

    private static string Why(string error, string code) => (error, code) switch
    {
        ("ETIMEDOUT", _) => "a rule on this node lets no SYN out",
        ("ECONNREFUSED", _) => "a rule rejects it (ICMP: port unreachable)",
        (_, { Length: > 0 }) => $"a rule prohibits it (ICMP: code {code})",
        _ => "a rule or a route prohibits it",
    };
}
