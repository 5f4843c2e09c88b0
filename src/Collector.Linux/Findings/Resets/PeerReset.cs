using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Resets;

/// <summary>Open connections are reset from outside of this node.</summary>
internal sealed class PeerReset(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric Established = Tcp.Of("Tcp", "EstabResets");

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "connections in a window",
        "A peer that is started anew resets one or two.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(5), "connections that began",
        "A smaller part is clients that give up.");

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 10, "connections in a window",
        "Fewer are what a restart of the peer breaks.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);
    private readonly long _many = own.Get(ErrorFrom);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "peer-reset",
        Title = "Open connections are reset by the peer",
        Severity = EventSeverity.Error,
        Condition = $"In two windows at least {Least.InWords} open connections, and {Part.InWords} of those that "
            + "began, were reset by a peer that is not on this node, or whose reset was not seen there. An error "
            + $"from {ErrorFrom.InWords} in a window on where the connections are to a service: a server's clients "
            + "and probes may end theirs so.",
        Advice = "Look at the peer, or at a firewall or load balancer before it: this end did nothing to deserve it.",
        Thresholds = [Least, Part, ErrorFrom],
        Triggers = [FindingTrigger.Happens(TcpReset.Received), FindingTrigger.Grows(Established, Least)],
        Evidence = [Established],
        Blind = "A reset carries no reason.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var reset = TcpFigures.Resets(window, "peer", static (state, _) => IsOpen(state));
        if (reset < _least || !_share.IsReached(reset, TcpFigures.Opened(window)))
            yield break;
        var seen = window.Events(TcpReset.Received)
            .Where(static e => e.Tuple is not null && IsOpen(Field(e, "network.connection.state"))).ToArray();
        // What an end on this node has sent is told there, with its cause.
        var unknown = seen.Where(e => !window.All.EventsOf(TcpReset.Sent).Any(s => IsFrom(s, e))).ToArray();
        if (unknown.Length * 2 <= seen.Length || TcpFigures.ServiceOf(unknown) is not { } service)
            yield break;
        yield return new()
        {
            Severity = !service.IsOurs && reset >= _many ? EventSeverity.Error : EventSeverity.Warn,
            Detail = service.IsOurs ? service.End.ToString() : service.Remote,
            Sentence = $"has open connections {service} reset by the other end, {reset} of them: {service.Remote} or "
                + "something before it ended them",
            Evidence = [window.Grew("tcp_receive_reset", reset), window.Grew("EstabResets", Established)],
            RuledOut = ["the resets were not sent on this node", .. Checks.Of(window, Checks.Drops, Checks.Conntrack)],
            NotSeen = ["why: a reset carries no reason"],
            Confirm = Inside(window.Subject, "nstat -az TcpEstabResets"),
            Local = service.IsOurs ? service.End : null,
            Tuple = service.Last.Tuple,
        };
    }

    private static bool IsOpen(string state) => state is "established" or "close_wait";

    /// <summary>An end on this node sent it. One of the two ends may be translated in between.</summary>
    internal static bool IsFrom(NetworkEvent sent, NetworkEvent received) =>
        sent.Tuple is { } s && received.Tuple is { } r
        && ((s.Destination.Equals(r.Source) && s.DestinationPort == r.SourcePort)
            || (s.Source.Equals(r.Destination) && s.SourcePort == r.DestinationPort));
}
