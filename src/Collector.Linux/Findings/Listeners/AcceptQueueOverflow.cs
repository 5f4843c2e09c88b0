using System.Globalization;
using System.Net;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Listeners;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Findings.Listeners;

/// <summary>A program accepts more slowly than connections come, and handshakes are dropped at its listener.</summary>
internal sealed class AcceptQueueOverflow(ProbeHost host) : LinuxRule(Kind, host)
{
    public static FindingInfo Kind { get; } = new()
    {
        Kind = "accept-queue-overflow",
        Title = "A listener's accept queue overflows",
        Severity = EventSeverity.Error,
        Condition = "A listener dropped handshakes while its accept queue was full (ListenOverflows of its namespace, "
            + "and sk_drops and sk_ack_backlog of the listener).",
        Advice = "Accept faster, run more acceptors, or allow a longer queue: the smaller of what the program asks "
            + "for with listen() and of net.core.somaxconn in its namespace.",
        Triggers = [FindingTrigger.Happens(ListenKinds.Overflow)],
        Evidence = [TcpExt.Of("TcpExt", "ListenOverflows"), TcpListeners.Drops, TcpListeners.Depth, TcpListeners.Limit],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        // Each collection tells a listener once: the newest says what it is like, all together how much was dropped.
        foreach (var listener in window.Events(ListenKinds.Overflow)
            .Where(e => Field(e, "netlens.listen.cause") == "accept_queue")
            .GroupBy(End))
        {
            var e = listener.Last();
            var dropped = DropsOf(window, e) is > 0 and var drops
                ? drops
                : listener.Sum(o => Number(o, "netlens.listen.dropped") ?? 0);
            var (queue, limit) = (Number(e, "netlens.listen.queue"), Number(e, "netlens.listen.limit"));
            yield return new()
            {
                Severity = EventSeverity.Error,
                Direct = true,
                Detail = listener.Key,
                Sentence = $"drops handshakes at {listener.Key}: the program accepts too slowly, "
                    + $"{queue} connections wait, {limit} may",
                Evidence =
                [
                    window.Grew("ListenOverflows", TcpExt.Of("TcpExt", "ListenOverflows")),
                    window.Grew("sk_drops of the listener", dropped),
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

    private static long DropsOf(SubjectWindow window, NetworkEvent e) => window.Rows(TcpListeners.Table)
        .Where(r => r.Tag("network.local.address") == Field(e, "network.local.address")
            && r.Tag("network.local.port") == Field(e, "network.local.port"))
        .Sum(r => r.Growth(TcpListeners.Drops));

    private static IEnumerable<Evidence> Peers(NetworkEvent e)
    {
        var peers = Field(e, "netlens.listen.unanswered.peers");
        return peers.Length > 0 ? [new("SYNs without an answer", peers)] : [];
    }

    private Knob LimitOf(SubjectWindow window, NetworkEvent e)
    {
        var limit = Number(e, "netlens.listen.limit") ?? 0;
        var wanted = Math.Max(128, limit * 4).ToString(CultureInfo.InvariantCulture);
        if (Field(e, "netlens.listen.limit.origin") == "somaxconn")
            return SysctlKnob(window.Subject, "net.core.somaxconn", $"{wanted}, then start the program anew");
        var most = Sysctl(window.Subject, "net.core.somaxconn");
        return new("listen(backlog)", limit.ToString(CultureInfo.InvariantCulture),
            most.Length > 0 ? $"{wanted} (net.core.somaxconn is {most})" : wanted, "the program");
    }

    internal static string End(NetworkEvent e)
    {
        var (address, port) = (Field(e, "network.local.address"), Field(e, "network.local.port"));
        return address.Contains(':', StringComparison.Ordinal) ? $"[{address}]:{port}" : $"{address}:{port}";
    }

    internal static IPEndPoint? LocalOf(NetworkEvent e) =>
        IPAddress.TryParse(Field(e, "network.local.address").Split('%')[0], out var address)
        && Number(e, "network.local.port") is { } port
            ? new(address, (int)port)
            : null;
}
