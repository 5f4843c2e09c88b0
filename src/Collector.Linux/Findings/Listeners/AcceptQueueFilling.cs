using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Listeners;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Listeners;

/// <summary>A listener's accept queue is nearly full: nothing is dropped yet.</summary>
internal sealed class AcceptQueueFilling(ProbeHost host, FindingSettings own) : ListenRule(Kind, host, own)
{
    private static readonly ProbeOption<Share> Part = Option.Part(
        "share", Share.Percent(80), "places in the queue",
        "Nothing is dropped yet, and the next burst may fill it.", 100);

    private static readonly ProbeOption<long> Smallest = Option.Count(
        "smallest", 8, "places in the queue",
        "A queue of a few places is full with the first connection that waits a moment.");

    private readonly Share _share = own.Get(Part);
    private readonly long _smallest = own.Get(Smallest);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "accept-queue-filling",
        Title = "A listener's accept queue is nearly full",
        Severity = EventSeverity.Warn,
        Condition = $"In two windows {Part.InWords} of the places in a listener's accept queue were taken, of "
            + $"{Smallest.InWords} or more.",
        Advice = "Look what keeps the program from accepting before handshakes are dropped.",
        Thresholds = [Part, Smallest],
        Triggers = [FindingTrigger.Fills(TcpListeners.Fullest, TcpListeners.FullestLimit, Part)],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var row in window.Rows(TcpListeners.Table))
        {
            if (row.Level(TcpListeners.Fullest) is not { } depth
                || row.Level(TcpListeners.FullestLimit) is not { } limit || limit < _smallest
                || !_share.IsReached(depth, limit))
                continue;
            var (address, port) = (row.Tag("network.local.address"), row.Tag("network.local.port"));
            var end = AddressRows.End(address, port);
            // It overflows: a kind of its own.
            if (window.Events(ListenKinds.Overflow).Any(e => End(e) == end))
                continue;
            yield return new()
            {
                Severity = EventSeverity.Warn,
                Detail = end,
                Sentence = $"lets {depth} connections wait at {end}, where {limit} may: the program accepts too slowly",
                Evidence = [new("sk_ack_backlog", $"{depth} of {limit}")],
                RuledOut = Checks.Of(window, Checks.Throttling),
                Confirm = Inside(window.Subject, $"ss -ltn sport = :{port}"),
                Local = AddressRows.EndPoint(address, port),
            };
        }
    }
}
