using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Findings.Resets;
using Collector.Linux.Findings.Tables;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Drops;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Retransmissions;

/// <summary>Data of a connection had to be sent again because this very node dropped it.</summary>
internal sealed class LocalDrop(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private const string Again = "dropped_here";
    private static readonly string[] Kinds = [.. TcpFigures.Losses, "tlp"];

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "segments in a window",
        "A full queue drops one or two in good order.");

    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", new(20), "segments sent",
        "That is how a full queue tells TCP to be slower.");

    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 5, "segments in a window",
        "Fewer delay one connection for a moment.");

    private static readonly ProbeOption<Share> ErrorPart = Option.Part(
        "errorShare", Share.Percent(2), "segments sent",
        "From there on connections become slow by it.");

    private readonly long _least = own.Get(Least);
    private readonly Share _share = own.Get(Part);
    private readonly Gravity _gravity = new(own.Get(ErrorFrom), own.Get(ErrorPart));

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "local-drop-caused-retransmission",
        Title = "This node drops packets that TCP has to send again",
        Severity = EventSeverity.Error,
        Condition = $"In two windows at least {Least.InWords} segments were sent again, and {Part.InWords} of those "
            + "sent, whose packet or acknowledgement was seen to be dropped on this node; an error from "
            + $"{ErrorFrom.InWords} segments and {ErrorPart.InWords} on. A full queue drops a few in good order.",
        Advice = "Look at the place and the reason: it is this node that loses them, not the network.",
        Thresholds = [Least, Part, ErrorFrom, ErrorPart],
        Triggers = [FindingTrigger.Happens(TcpRetrans.Retransmitted)],
        Evidence = [TcpFigures.Sent],
        Explains = [DeadPeer.Kind, NetfilterDrop.Kind],
        Blind = "Needs the probe packetloss; before Linux 5.17 the reason is the name of a function.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        var (again, sent) = (TcpFigures.SentAgain(window, Kinds, Again), window.Growth(TcpFigures.Sent));
        if (again < _least || !_share.IsReached(again, sent))
            yield break;
        var seen = window.Events(TcpRetrans.Retransmitted)
            .Where(static e => Field(e, "netlens.retransmit.verdict") == Again
                && Kinds.Contains(Field(e, "netlens.retransmit.kind")))
            .GroupBy(static e => Field(e, "netlens.drop.reason"))
            .MaxBy(static g => g.Count());
        if (seen?.Last() is not { } e)
            yield break;
        var place = Field(e, "netlens.drop.location");
        yield return new()
        {
            Severity = _gravity.Of(again, sent),
            Confidence = FindingConfidence.Event,
            Detail = seen.Key,
            Sentence = $"sends data again to {TcpFigures.ServiceOf(seen)?.Remote}: {DroppedBy(window, seen)} dropped "
                + $"{again} packets, {DropWords.Why(seen.Key, place)}",
            Evidence =
            [
                window.Grew("tcp_retransmit_skb of what kfree_skb had dropped", again),
                new("RetransSegs of it", TcpFigures.Percent(again, sent)),
                new("kfree_skb", $"{seen.Key} in {place}"),
            ],
            RuledOut = Checks.Of(window, Checks.Conntrack, Checks.Throttling),
            Confirm = Inside(window.Subject, $"ss -tino dst {e.Tuple?.Destination}"),
            Tuple = e.Tuple,
        };
    }

    // The events of the packets tell in which namespace; some may have been held back, or are of a window before.
    private static string DroppedBy(SubjectWindow window, IEnumerable<NetworkEvent> again)
    {
        var lost = again.Select(static e => e.Tuple).OfType<FlowTuple>()
            .SelectMany(static t => new[] { t, t.Reverse() })
            .ToHashSet();
        return window.All.EventsOf(PacketLoss.Dropped)
            .FirstOrDefault(e => e.Subject is not null && e.Tuple is { } tuple && lost.Contains(tuple)) is { } e
                ? new EventParties(e.Subject, null).Where
                : "this node";
    }
}
