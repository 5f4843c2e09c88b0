using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Findings.Resets;

/// <summary>Segments come for open connections that do not fit them, and are asked back.</summary>
internal sealed class ChallengeAcks(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric All = TcpFigures.Ext("TCPChallengeACK");
    private static readonly Metric Syns = TcpFigures.Ext("TCPSYNChallenge");

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 10, "challenge ACKs in a window",
        "Where both ends close at once one is sent now and then; a connection gets one in half a second at most.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(1), "segments received",
        "A smaller part comes of connections that end in disorder, as those of many clients do.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "challenge-acks",
        Title = "Segments do not fit the connections that they are for",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows {Least.InWords} segments or more, and {Part.InWords} of those received, were "
            + "answered with a challenge ACK: SYNs for connections that are open, or resets and acknowledgements with "
            + "numbers that these cannot have.",
        Advice = "Find out who uses ports again whose connections are open at this end: a client that was started "
            + "anew, a NAT or load balancer that forgets sooner than the ends do, or somebody who guesses.",
        Thresholds = [Least, Part],
        Triggers = [FindingTrigger.Grows(All, Least)],
        Evidence = [All, Syns],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (all, syns, received) = (window.Growth(All), window.Growth(Syns), window.Growth(TcpFigures.Received));
        if (all < _least || !_share.IsReached(all, received))
            yield break;
        // Most of them.
        var begins = syns * 2 >= all;
        yield return new()
        {
            Severity = EventSeverity.Warn,
            Detail = begins ? "SYN" : "",
            Sentence = begins
                ? $"gets SYNs for connections that are open already, {all} of {received} segments: clients, or a NAT "
                    + "before them, use ports again whose connections never ended here"
                : $"gets segments that do not fit its open connections, {all} of {received}: something on the way, or "
                    + "somebody who guesses, sends with wrong numbers",
            Evidence =
            [
                Losses.Part(window, "TCPChallengeACK", All, "segments received", received),
                window.Grew("TCPSYNChallenge", syns),
                window.Grew("EstabResets", Probes.Mib.Tcp.Of("Tcp", "EstabResets")),
            ],
            RuledOut = Checks.Of(window, Checks.Conntrack, Checks.Retransmissions),
            NotSeen = ["whose segments: the kernel only counts them"],
            Confirm = Inside(window.Subject, "nstat -az TcpExtTCPChallengeACK TcpExtTCPSYNChallenge"),
        };
    }
}
