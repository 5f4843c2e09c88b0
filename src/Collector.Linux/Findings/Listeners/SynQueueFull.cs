using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Listeners;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Listeners;

/// <summary>Too many handshakes are under way at a listener, and further SYNs are dropped.</summary>
internal sealed class SynQueueFull(ProbeHost host) : ListenRule(Kind, host)
{
    public static FindingInfo Kind { get; } = new()
    {
        Kind = "syn-queue-full",
        Title = "A listener drops SYNs: too many handshakes are under way",
        Severity = EventSeverity.Error,
        Condition = "A listener dropped SYNs because as many handshakes were under way as it may have, and SYN "
            + "cookies are switched off (TCPReqQFullDrop of its namespace, drops of the listener).",
        Advice = "Switch SYN cookies on; then find out whether it is load (a longer queue) or a flood, or why "
            + "clients do not get or answer the SYN-ACK.",
        Triggers = [FindingTrigger.Happens(ListenKinds.Overflow)],
        Evidence = [TcpExt.Of("TcpExt", "TCPReqQFullDrop"), TcpExt.Of("TcpExt", "ListenDrops")],
        Explains = [ListenDropNotOverflow.Kind, ConnectTimeout.Kind, SlowHandshake.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        foreach (var listener in Listeners(window, ListenKinds.Overflow, "netlens.listen.cause", "syn_queue"))
        {
            var e = listener.Last();
            var open = Number(e, "netlens.listen.half_open");
            yield return new()
            {
                Severity = EventSeverity.Error,
                Direct = true,
                Detail = listener.Key,
                Sentence = $"drops SYNs at {listener.Key}: {(open is { } n ? $"{n}" : "too many")} handshakes are "
                    + "under way that clients do not complete, and it may send no cookies",
                Evidence =
                [
                    window.Grew("TCPReqQFullDrop", TcpExt.Of("TcpExt", "TCPReqQFullDrop")),
                    window.Grew("dropped by the listener", Dropped(listener)),
                    .. HalfOpen(e),
                    .. Peers(e),
                ],
                RuledOut =
                [
                    $"a slow program: {Number(e, "netlens.listen.queue")} connections wait to be accepted",
                    .. Checks.Of(window, Checks.Conntrack, Checks.Netfilter),
                ],
                NotSeen = open is null
                    ? ["how many handshakes are under way: only a walk of the kernel's tables tells"] : [],
                Knob = Sysctl(window.Subject, "net.ipv4.tcp_syncookies") == "0"
                    ? SysctlKnob(window.Subject, "net.ipv4.tcp_syncookies", "1")
                    : LimitOf(window, e),
                Confirm = Inside(window.Subject, $"ss -tn state syn-recv sport = :{Field(e, "network.local.port")}"),
                Local = LocalOf(e),
                Process = e.Process,
            };
        }
    }
}
