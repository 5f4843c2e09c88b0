using System.Net;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Core.Subjects;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Retransmissions;

/// <summary>The way to a peer loses large packets without a word; small ones pass.</summary>
internal sealed class MtuBlackHole(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    // Bytes of data. A way that is of use carries a thousand: IPv6 asks for 1,280 with all headers.
    private const long Large = 1000;
    private const long Small = 500;
    private const long Timeouts = 3;

    /// <summary>Nanoseconds: the longest time-out of TCP.</summary>
    private const long Memory = 120_000_000_000;

    private const int MostPeers = 64;

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "connections in a window",
        "One or two may have lost their peer just then.");

    private readonly long _least = own.Get(Least);
    private readonly Dictionary<Subject, Dictionary<IPAddress, long>> _silent = [];

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "mtu-black-hole",
        Title = "The path loses large packets, and small ones pass",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {Least.InWords} or more connections sent a segment of {Large} bytes or more "
            + $"again, by the {Timeouts}rd time-out in a row or a later one, though all that their peers had taken of "
            + $"them came in segments of at most {Small} bytes on average; those that this node dropped do not count, "
            + "nor do those to a peer for whom a small segment's time had run out, too, within two minutes. Nothing "
            + $"is said while there are {MostPeers} such peers; a warning where no peer has taken more than the "
            + "handshake: it may be gone.",
        Advice = "Let ICMP \"fragmentation needed\" and \"packet too big\" through to the senders, give their devices "
            + "the path's MTU, or clamp the MSS; net.ipv4.tcp_mtu_probing=1 finds the size without ICMP.",
        Thresholds = [Least],
        Triggers = [FindingTrigger.Happens(TcpRetrans.Retransmitted)],
        Evidence =
        [
            TcpFigures.Ext("TCPTimeouts"), Icmp.Of("Icmp", "InDestUnreachs"), Route.Of("Icmp6", "InPktTooBigs"),
        ],
        Explains = [DeadPeer.Kind, PathLoss.Kind, RtoBound.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        if (window.Subject is not { } subject)
            yield break;
        var late = window.Events(TcpRetrans.Retransmitted).Where(IsTimeout).ToArray();
        var silent = SilentPeers(subject, late, window.EndMoment);
        var large = late.Where(e => IsStuck(e) && silent?.ContainsKey(e.Tuple!.Destination) != true).ToArray();
        var connections = large.Select(static e => e.Tuple).Distinct().Count();
        // Where so many peers are gone the network is, for packets of every size.
        if (connections < _least || silent?.Count >= MostPeers)
            yield break;
        var service = TcpFigures.ServiceOf(large)!;
        var size = Number(service.Last, "netlens.retransmit.size");
        var peer = service.Last.Tuple!.Destination;
        var isProven = large.Any(static e => Number(e, "netlens.retransmit.delivered_size") > 1);
        var arrived = isProven ? "small segments" : "handshakes";
        yield return new()
        {
            Severity = isProven ? EventSeverity.Error : EventSeverity.Warn,
            Confidence = FindingConfidence.Event,
            Sentence = $"gets no large segments through on connections {service}: {connections} of them sent {size} "
                + $"bytes again and again without an answer, and {arrived} arrived",
            Evidence =
            [
                new("tcp_retransmit_skb by time-out",
                    $"{size} bytes, {Timeouts} times or more, of {connections} connections"),
                new("bytes_acked / delivered", $"{Number(service.Last, "netlens.retransmit.delivered_size")} bytes"),
                window.Grew("Icmp InDestUnreachs", Icmp.Of("Icmp", "InDestUnreachs")),
                window.Grew("Icmp6 InPktTooBigs", Route.Of("Icmp6", "InPktTooBigs")),
            ],
            RuledOut = Checks.Of(window, Checks.Drops, Checks.Netfilter, Checks.Conntrack),
            Knob = SysctlKnob(window.Subject, "net.ipv4.tcp_mtu_probing", "1, until ICMP comes through"),
            Confirm = Inside(window.Subject, $"ping -c 3 -M do -s {size + HeaderOf(subject)} {peer}"),
            Tuple = service.Last.Tuple,
        };
    }

    // By how much TCP's header is longer than that of an echo: 8 bytes.
    private long HeaderOf(Subject subject) => SysctlNumber(subject, "net.ipv4.tcp_timestamps") == 0 ? 12 : 24;

    // Those that small segments do not reach either. Their time-outs are others than those of large ones, and may be in
    // another window. One is enough: of many the kernel side tells a few, and may hold back the later ones.
    private Dictionary<IPAddress, long>? SilentPeers(Subject subject, NetworkEvent[] late, long now)
    {
        foreach (var (other, since) in _silent)
        {
            foreach (var (peer, last) in since)
            {
                if (now - last > Memory)
                    since.Remove(peer);
            }
            if (since.Count == 0)
                _silent.Remove(other);
        }
        foreach (var e in late)
        {
            if (Number(e, "netlens.retransmit.size") >= Small)
                continue;
            if (!_silent.TryGetValue(subject, out var peers))
                _silent.Add(subject, peers = []);
            if (peers.Count < MostPeers || peers.ContainsKey(e.Tuple!.Destination))
                peers[e.Tuple!.Destination] = now;
        }
        return _silent.GetValueOrDefault(subject);
    }

    // Without a size where the peer's window was closed.
    private static bool IsTimeout(NetworkEvent e) => e.Tuple is not null
        && Number(e, "netlens.retransmit.timeouts") >= 1 && Number(e, "netlens.retransmit.size") is not null
        && Field(e, "netlens.retransmit.verdict") != "dropped_here";

    private static bool IsStuck(NetworkEvent e) => Number(e, "netlens.retransmit.timeouts") >= Timeouts
        && Number(e, "netlens.retransmit.size") >= Large && Number(e, "netlens.retransmit.delivered_size") <= Small;
}
