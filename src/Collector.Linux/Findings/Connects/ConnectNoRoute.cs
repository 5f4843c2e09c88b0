using System.Text;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Subjects;
using Collector.Linux.Findings.Common;
using Collector.Linux.Interop;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Connects;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Findings.Connects;

/// <summary>A namespace sends to where none of its routes leads, or a router on the way has no route.</summary>
internal sealed class ConnectNoRoute(ProbeHost host, FindingSettings own) : LinuxRule(Kind, host, own)
{
    private static readonly Metric IPv4 = Ip.Of("Ip", "OutNoRoutes");
    private static readonly Metric IPv6 = Ip.Of("Ip6", "OutNoRoutes");

    private readonly long _least = own.Get(PeerConnects.Fewest);
    private readonly Gravity _gravity = PeerConnects.GravityOf(own);

    public static FindingInfo Kind { get; } = new()
    {
        Kind = "connect-no-route",
        Title = "No route leads to where a program connects",
        Severity = EventSeverity.Error,
        Condition = $"In two windows {PeerConnects.Fewest.InWords} packets or more had no route (OutNoRoutes) in a "
            + "namespace that has routes of that family, or as many connects ended because a router had none "
            + $"(ENETUNREACH). An error from {PeerConnects.ErrorFrom.InWords} IPv4 packets on, where they are "
            + $"{PeerConnects.ErrorPart.InWords} of what connects and a TCP connect is seen to fail so; else a "
            + "warning, for resolvers try addresses that way.",
        Advice = "Give the namespace the route that is missing (a default route, that of the pod or service "
            + "network), or correct the destination.",
        Thresholds = [PeerConnects.Fewest, PeerConnects.ErrorFrom, PeerConnects.ErrorPart],
        Triggers =
        [
            FindingTrigger.Grows(IPv4, PeerConnects.Fewest), FindingTrigger.Grows(IPv6, PeerConnects.Fewest),
            FindingTrigger.Happens(ConnectKinds.FailedInfo),
        ],
        Evidence = [ConnectCounters.Attempts, Tcp.Of("Tcp", "ActiveOpens")],
        Blind = "Who connected, and to where, is known only where functions can be hooked, and only of TCP: without, "
            + "the namespace's counter is all there is, and the finding stays a warning.",
    };

    public override IEnumerable<Verdict> Judge(SubjectWindow window)
    {
        if (Own(window, IPv4, "IPv4") is { } ipv4)
            yield return ipv4;
        if (Own(window, IPv6, "IPv6") is { } ipv6)
            yield return ipv6;
        foreach (var peer in PeerConnects.Of(
            window, ConnectKinds.FailedInfo, _least, static e => IsNoRoute(e) && e.Duration is > 0))
        {
            yield return new()
            {
                Severity = peer.Severity(_gravity),
                Detail = peer.Peer,
                Sentence = $"cannot reach {peer.Remote}: a router on the way has no route, {peer.Times(window)} failed",
                Confidence = FindingConfidence.Event,
                Evidence = [.. peer.Proof(window, "ENETUNREACH by an ICMP error")],
                RuledOut = ["this namespace's own routes: the SYN left"],
                Confirm = Inside(window.Subject, $"traceroute -n {peer.Address}"),
                Tuple = peer.Last.Tuple,
                Process = peer.Last.Process,
            };
        }
    }

    // Without routes of the family nobody here uses it, but asks which of a name's addresses it could.
    private Verdict? Own(SubjectWindow window, Metric metric, string family)
    {
        var count = window.Growth(metric);
        if (count < _least || window.Subject is null || !HasRoutes(window.Subject, family == "IPv6"))
            return null;
        var last = window.Events(ConnectKinds.FailedInfo).LastOrDefault(e => IsNoRoute(e) && e.Duration is null or 0
            && e.Tuple!.Destination.ToString().Contains(':') == (family == "IPv6"));
        var opened = window.Growth(Tcp.Of("Tcp", "ActiveOpens"));
        var to = last is null ? "some of its destinations" : last.Tuple!.Destination.ToString();
        return new()
        {
            Severity = last is not null && family == "IPv4" && _gravity.IsError(count, opened)
                ? EventSeverity.Error : EventSeverity.Warn,
            Detail = family,
            Sentence = $"has no {family} route to {to}: {count} packets in {window.Span} could not be sent",
            Evidence =
            [
                window.Grew(family == "IPv6" ? "Ip6OutNoRoutes" : "IpOutNoRoutes", count),
                .. last is null ? Array.Empty<Evidence>() : [new("connect()", Field(last, "error.type"))],
            ],
            RuledOut = Checks.Of(window, Checks.Netfilter),
            NotSeen = last is null
                ? ["who sent it and to where: no TCP connect, or functions cannot be hooked here"] : [],
            Confirm = Inside(window.Subject, (family, last) switch
            {
                ("IPv6", null) => "ip -6 route",
                (_, null) => "ip route",
                _ => $"ip route get {to}",
            }),
            Process = last?.Process,
        };
    }

    private static bool IsNoRoute(NetworkEvent e) => e.Tuple is not null && PeerConnects.Outcome(e) == "no_route";

    private bool HasRoutes(Subject subject, bool ipv6)
    {
        try
        {
            if (HandleOf(subject) is not { } ns)
                return false;
            using var file = ns.OpenFile(ipv6 ? "net/ipv6_route" : "net/route");
            // They come in the order of their prefixes: the first ones tell.
            Span<byte> first = stackalloc byte[4096];
            var length = Math.Max(0, file.Read(first, 0, out _));
            return Encoding.ASCII.GetString(first[..length]).Split('\n').Skip(ipv6 ? 0 : 1)
                .Any(ipv6 ? IsGlobal : static line => line.Length > 0);
        }
        catch (LinuxException)
        {
            return false;
        }
    }

    // Every namespace has some of lo and of its links.
    private static bool IsGlobal(string line) => line.Length > 0 && !line.EndsWith(" lo", StringComparison.Ordinal)
        && !line.StartsWith("fe80", StringComparison.Ordinal) && !line.StartsWith("ff00", StringComparison.Ordinal);
}
