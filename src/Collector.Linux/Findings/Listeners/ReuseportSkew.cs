using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Listeners;

/// <summary>Of several sockets that share an address one is nearly full, and the others are not.</summary>
internal sealed class ReuseportSkew(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(80), "places in the fullest queue",
        "As of a listener by itself: the next burst may fill it.", 100);

    private static readonly ProbeOption<long> Smallest = Option.Count(
        "smallest", 8, "places in the fullest queue",
        "A queue of a few places is full with the first connection that waits a moment.");

    private static readonly ProbeOption<Share> Rest = Option.Part(
        "rest", Share.Percent(25), "what waits at the fullest",
        "As much waits at the others on average: where it is more all are slow, not one.");

    private readonly Share _share = own.Get(Part);
    private readonly long _smallest = own.Get(Smallest);
    private readonly Share _rest = own.Get(Rest);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "reuseport-skew",
        Title = "One of the sockets that share a port is not accepted from",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows {Part.InWords} of the places in the accept queue of one of several sockets that "
            + $"share an address (SO_REUSEPORT) were taken, of {Smallest.InWords} or more, while at the others no more "
            + $"than {Rest.InWords} of that waited on average.",
        Advice = "Find the worker that does not accept from its socket: the kernel gives it its part of the "
            + "connections all the same. End it, or let it close its listener while it does other work.",
        Thresholds = [Part, Smallest, Rest],
        Triggers = [FindingTrigger.Fills(TcpListeners.Fullest, TcpListeners.FullestLimit, Part)],
        Evidence = [TcpListeners.Fullest, TcpListeners.FullestLimit, TcpListeners.Depth, TcpListeners.Shards],
        Explains = [AcceptQueueFilling.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var row in window.Rows(TcpListeners.Table))
        {
            if (row.Level(TcpListeners.Shards) is not (> 1 and var sockets)
                || row.Level(TcpListeners.Fullest) is not { } fullest
                || row.Level(TcpListeners.FullestLimit) is not { } limit || limit < _smallest
                || !_share.IsReached(fullest, limit))
                continue;
            var others = (row.Level(TcpListeners.Depth) ?? 0) - fullest;
            if (others > _rest.Of(fullest * (sockets - 1)))
                continue;
            var (address, port) = (row.Tag("network.local.address"), row.Tag("network.local.port"));
            var end = AddressRows.End(address, port);
            yield return new()
            {
                Severity = EventSeverity.Warn,
                Detail = end,
                Sentence = $"lets {fullest} connections wait at one of {sockets} sockets that share {end}, where "
                    + $"{limit} may, and {others} at the others together: one worker does not accept",
                Evidence =
                [
                    new("sk_ack_backlog", $"{fullest} of {limit}"), new("at the others", $"{others}"),
                    new("sockets (SO_REUSEPORT)", $"{sockets}"),
                ],
                RuledOut = Checks.Of(window, Checks.Throttling),
                Confirm = Inside(window.Subject, $"ss -ltnpe sport = :{port}"),
                Local = AddressRows.EndPoint(address, port),
            };
        }
    }
}
