using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Listeners;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Listeners;

/// <summary>A program accepts more slowly than connections come, and handshakes are dropped at its listener.</summary>
internal sealed class AcceptQueueOverflow(ProbeHost host, FindingSettings own) : ListenRule(Kind, host, own)
{
    private static readonly ProbeOption<long> ErrorFrom = Option.Count(
        "errorFrom", 3, "handshakes in a window",
        "A client tries again after a second: one or two nobody notices.");

    private readonly long _many = own.Get(ErrorFrom);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "accept-queue-overflow",
        Title = "A listener's accept queue overflows",
        Severity = EventSeverity.Error,
        Condition = "A listener dropped handshakes while its accept queue was full (ListenOverflows of its "
            + $"namespace, and drops and sk_ack_backlog of the listener); an error from {ErrorFrom.InWords} on "
            + "where it is still full.",
        Advice = "Accept faster, run more acceptors, or allow a longer queue: the smaller of what the program asks "
            + "for with listen() and of net.core.somaxconn in its namespace.",
        Thresholds = [ErrorFrom],
        Triggers = [FindingTrigger.Happens(ListenKinds.Overflow)],
        Evidence = [TcpExt.Of("TcpExt", "ListenOverflows"), TcpListeners.Drops, TcpListeners.Depth, TcpListeners.Limit],
        Explains = [ListenDropNotOverflow.Kind, ConnectTimeout.Kind, SlowHandshake.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        // Each collection tells a listener once: the newest says what it is like, all together how much was dropped.
        foreach (var listener in window.Events(ListenKinds.Overflow)
            .Where(e => Field(e, "netlens.listen.cause") == "accept_queue")
            .GroupBy(End))
        {
            var e = listener.Last();
            var (queue, limit) = (Number(e, "netlens.listen.queue"), Number(e, "netlens.listen.limit"));
            var dropped = Dropped(listener);
            yield return new()
            {
                Severity = dropped >= _many && queue >= limit ? EventSeverity.Error : EventSeverity.Warn,
                Direct = true,
                Detail = listener.Key,
                Sentence = $"drops handshakes at {listener.Key}: the program accepts too slowly, "
                    + $"{queue} connections wait, {limit} may",
                Evidence =
                [
                    window.Grew("ListenOverflows", TcpExt.Of("TcpExt", "ListenOverflows")),
                    window.Grew("dropped by the listener", dropped),
                    new("sk_ack_backlog", $"{queue} of {limit}"),
                    .. Peers(e),
                ],
                RuledOut = Checks.Of(window, Checks.Throttling, Checks.Conntrack, Checks.Netfilter),
                Knob = LimitOf(window, e),
                Confirm = Inside(window.Subject, $"ss -ltn sport = :{Field(e, "network.local.port")}"),
                Local = LocalOf(e),
                Process = e.Process,
            };
        }
    }
}
