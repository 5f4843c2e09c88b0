using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings.Common;
using Collector.Linux.Findings.Connects;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Listeners;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Listeners;

/// <summary>A listener drops handshakes though none of its queues is full.</summary>
internal sealed class ListenDropNotOverflow(ProbeHost host, FindingSettings own) : ListenRule(Kind, host, own)
{
    // What the kernel calls drops at a listener that have to do with neither queue.
    private static readonly string[] Reasons =
        ["SOCKET_FILTER", "SECURITY_HOOK", "XFRM_POLICY", "TCP_MD5NOTFOUND", "TCP_MD5FAILURE", "PROTO_MEM", "TCP_CSUM"];

    private static readonly ProbeOption<long> Least = Option.Count(
        "least", 3, "packets in a window",
        "A listener drops a stray segment now and then.");

    private readonly long _least = own.Get(Least);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "listen-drop-not-overflow",
        Title = "A listener drops handshakes though its queues have room",
        Severity = EventSeverity.Error,
        Condition = $"In two windows a listener dropped {Least.InWords} packets or more while neither its "
            + "accept queue nor its queue of handshakes was full. An error where clients get no answer and no IPv4 "
            + "route leads back to them, for then none of their handshakes can succeed; else a warning, for the "
            + "packets need not have been handshakes.",
        Advice = "Give the namespace a route back to its clients; else look for a socket filter, a security policy, "
            + "TCP MD5 keys that differ, or want of memory.",
        Thresholds = [Least],
        Triggers = [FindingTrigger.Happens(ListenKinds.Overflow)],
        Evidence = [TcpExt.Of("TcpExt", "ListenDrops"), Ip.Of("Ip", "OutNoRoutes")],
        Explains = [ConnectTimeout.Kind, SlowHandshake.Kind, ConnectNoRoute.Kind],
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        // Of IPv6 resolvers have some that ask which addresses could be used.
        var routeless = window.Growth(Ip.Of("Ip", "OutNoRoutes"));
        foreach (var listener in Listeners(window, ListenKinds.Overflow, "netlens.listen.cause", "other"))
        {
            var (e, dropped) = (listener.Last(), Dropped(listener));
            if (dropped < _least)
                continue;
            var peers = listener.SelectMany(static o => Peers(o)).TakeLast(1).ToArray();
            var lost = routeless * 2 >= dropped && peers.Length > 0;
            var reason = Array.Find(Reasons, r => Checks.DropsFor(window, r) >= _least);
            yield return new()
            {
                Severity = lost ? EventSeverity.Error : EventSeverity.Warn,
                Detail = listener.Key,
                Sentence = $"drops handshakes at {listener.Key} though its queue has room: "
                    + (lost ? "no route leads back to who connects" : reason is null ? "the kernel tells no reason"
                        : $"the kernel's reason is {reason}"),
                Evidence =
                [
                    window.Grew("dropped by the listener", dropped),
                    window.Grew("ListenDrops", TcpExt.Of("TcpExt", "ListenDrops")),
                    .. lost ? [window.Grew("OutNoRoutes", routeless)] : Array.Empty<Evidence>(),
                    .. reason is null ? [] : Drops(window, reason),
                    .. peers,
                ],
                RuledOut =
                [
                    $"a slow program: {Number(e, "netlens.listen.queue")} connections wait, "
                        + $"{Number(e, "netlens.listen.limit")} may",
                    .. Checks.Of(window, Checks.Conntrack, Checks.Netfilter),
                ],
                NotSeen = lost || reason is not null ? []
                    : ["which packets: those that a listener drops before it answers have no reason in skb:kfree_skb"],
                Confirm = lost ? Inside(window.Subject, "ip route") : Show(window, e),
                Local = LocalOf(e),
                Process = e.Process,
            };
        }
    }

    private static Evidence[] Drops(SubjectWindow window, string reason) =>
        [window.Grew(reason, Checks.DropsFor(window, reason))];
}
