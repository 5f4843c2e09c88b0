using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Linux.Findings.Routes;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>Faults of routing and of next hops, caused, and what is found of them.</summary>
public sealed class RouteFindingTests
{
    private const string Elsewhere = "203.0.113.1";
    private const string ElsewhereIPv6 = "2001:db8:9::1";

    [RequiresBpfFact("ip", "sysctl")]
    public void A_next_hop_that_does_not_answer()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        pair.Left.Sysctl($"net.ipv4.neigh.{TestNetnsPair.Interface}.retrans_time_ms", "50");
        var found = run.Await(NeighbourUnresolved.Kind, pair.Left,
            () => DropTraffic.Datagrams(pair.Left, "192.0.2.99", 9, count: 30),
            f => f.Severity == EventSeverity.Error);
        found.Verdict.Detail.ShouldBe("192.0.2.99");
        found.Sentence.ShouldBe($"network namespace {pair.Left.Name} cannot send to 192.0.2.99: nobody answers ARP for it "
            + $"at {TestNetnsPair.Interface}, and nobody did before");
        found.Verdict.Evidence[0].Source.ShouldBe("neigh_timer_handler: failed");
        found.Verdict.Confirm.ShouldBe($"ip netns exec {pair.Left.Name} ip neigh show 192.0.2.99");
        pair.Left.Run("ip", "neigh", "show", "192.0.2.99").ShouldContain("192.0.2.99");
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfFact("ip", "sysctl", "ping")]
    public void An_address_that_two_machines_have()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        pair.Left.Sysctl($"net.ipv4.neigh.{TestNetnsPair.Interface}.locktime", "0");
        pair.Left.Run("ping", "-c1", "-W5", TestNetnsPair.RightIPv4);
        var found = run.Await(AddressMoves.Kind, pair.Left, () =>
        {
            foreach (var hardware in new[] { "02:00:00:00:00:77", "02:00:00:00:00:78", "02:00:00:00:00:77" })
            {
                pair.Right.Ip($"link set {TestNetnsPair.Interface} address {hardware}",
                    $"neigh flush dev {TestNetnsPair.Interface}");
                pair.Right.Run("ping", "-c1", "-W5", TestNetnsPair.LeftIPv4);
            }
        });
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Verdict.Detail.ShouldBe(TestNetnsPair.RightIPv4);
        found.Sentence.ShouldContain($" finds {TestNetnsPair.RightIPv4} at ");
        found.Sentence.ShouldContain("02:00:00:00:00:77");
        run.Of(pair.Left).ShouldBe([found]);
    }

    [RequiresBpfFact("nstat", "sysctl")]
    public void A_way_back_by_another_device()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        pair.Right.Sysctl("net.ipv4.conf.all.rp_filter", "1");
        var found = run.Await(ReversePathFilter.Kind, pair.Right,
            () => RawPackets.Udp(pair.Left, "198.51.100.7", TestNetnsPair.RightIPv4, 40),
            // Without a reason of its own the drop may not be told from others.
            static f => f.Severity == EventSeverity.Error || !Reasons.Has("IP_RPFILTER"));
        found.Sentence.ShouldMatch($@"^network namespace {pair.Right.Name} drops \d+ packets that came by another device ");
        found.Verdict.Evidence[0].Source.ShouldBe("IPReversePathFilter");
        found.Verdict.Knob!.Name.ShouldBe("net.ipv4.conf.all.rp_filter");
        found.Verdict.Knob.Now.ShouldBe("1");
        TcpLab.Nstat(pair.Right, "TcpExtIPReversePathFilter").ShouldBeGreaterThanOrEqualTo(40);
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    /// <summary>Only where the kernel has a reason for it; else it is silent.</summary>
    [RequiresBpfFact("sysctl")]
    public void A_sender_that_has_the_receivers_address()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        void Cause() => RawPackets.Udp(pair.Left, TestNetnsPair.RightIPv4, TestNetnsPair.RightIPv4, 40);
        if (!Reasons.Has("IP_LOCAL_SOURCE"))
        {
            run.ShouldBeSilent(Cause, pair.Left, pair.Right);
            return;
        }
        var found = run.Await(Martian.Kind, pair.Right, Cause, static f => f.Severity == EventSeverity.Error);
        found.Verdict.Confirm.ShouldBe("dmesg | grep martian");
        found.Verdict.Detail.ShouldBe("IP_LOCAL_SOURCE");
        found.Sentence.ShouldMatch($@"^network namespace {pair.Right.Name} drops \d+ packets that come from outside with an ");
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfFact("sysctl", "nstat")]
    public void Two_routers_that_point_at_each_other()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        foreach (var (ns, peer) in new[]
                 {
                     (pair.Left, TestNetnsPair.RightIPv4), (pair.Right, TestNetnsPair.LeftIPv4),
                 })
        {
            ns.Run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0",
                $"net.ipv4.conf.{TestNetnsPair.Interface}.rp_filter=0", "net.ipv4.conf.all.send_redirects=0",
                $"net.ipv4.conf.{TestNetnsPair.Interface}.send_redirects=0",
                $"net.ipv4.conf.{TestNetnsPair.Interface}.accept_local=1");
            ns.Ip($"route add default via {peer}");
        }
        var found = run.Await(RoutingLoop.Kind, pair.Left,
            () => DropTraffic.Datagrams(pair.Left, Elsewhere, 4243, count: 60));
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Verdict.Detail.ShouldBe("IPv4");
        found.Sentence.ShouldMatch($@"^network namespace {pair.Left.Name} ends \d+ IPv4 packets whose time to live is used up: "
            + "they go in a circle$");
        TcpLab.Nstat(pair.Left, "IpInHdrErrors").ShouldBeGreaterThanOrEqualTo(60);
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfTheory("nstat")]
    [InlineData(Elsewhere, "IPv4", "IpInAddrErrors")]
    [InlineData(ElsewhereIPv6, "IPv6", "Ip6InAddrErrors")]
    public void A_router_that_does_not_forward(string to, string family, string counter)
    {
        var run = FindingRun.Shared;
        using var pair = Via(to);
        // Where it would go to.
        pair.Right.Ip($"route add {to} via {(family == "IPv4" ? TestNetnsPair.LeftIPv4 : TestNetnsPair.LeftIPv6)}");
        var found = run.Await(NotForwarding.Kind, pair.Right, () => DropTraffic.Datagrams(pair.Left, to, 4243, count: 60));
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Verdict.Detail.ShouldBe(family);
        found.Sentence.ShouldMatch($@"^network namespace {pair.Right.Name} gets \d+ {family} packets for addresses that ");
        found.Verdict.Knob!.Now.ShouldBe("0");
        TcpLab.Nstat(pair.Right, counter).ShouldBeGreaterThanOrEqualTo(60);
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfTheory("nstat", "sysctl")]
    [InlineData(Elsewhere, "IPv4", "IpExtInNoRoutes")]
    [InlineData(ElsewhereIPv6, "IPv6", "Ip6InNoRoutes")]
    public void A_router_without_a_route(string to, string family, string counter)
    {
        var run = FindingRun.Shared;
        using var pair = Via(to);
        pair.Right.Run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
        var found = run.Await(NoRouteIn.Kind, pair.Right, () => DropTraffic.Datagrams(pair.Left, to, 4243, count: 60),
            static f => f.Severity == EventSeverity.Error);
        found.Verdict.Detail.ShouldBe(family);
        found.Sentence.ShouldMatch($@"^network namespace {pair.Right.Name} gets \d+ {family} packets that none of its routes ");
        TcpLab.Nstat(pair.Right, counter).ShouldBeGreaterThanOrEqualTo(60);
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfTheory("nstat", "sysctl")]
    [InlineData("10.77.0.2", "IPv4", "IpFragFails")]
    [InlineData("2001:db8:77::2", "IPv6", "Ip6FragFails")]
    public void A_sender_that_does_not_heed_the_mtu(string to, string family, string counter)
    {
        var run = FindingRun.Shared;
        using var pair = Via(to);
        using var far = new TestNetns();
        pair.Right.Run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
        pair.Right.Ip($"link add wan0 type veth peer name eth0 netns {far.Name}", "addr add 10.77.0.1/24 dev wan0",
            "addr add 2001:db8:77::1/64 dev wan0 nodad", "link set wan0 mtu 1280 up");
        far.Ip("addr add 10.77.0.2/24 dev eth0", "addr add 2001:db8:77::2/64 dev eth0 nodad", "link set eth0 up",
            "route add default via 10.77.0.1", "route add ::/0 via 2001:db8:77::1");
        var found = run.Await(PacketTooBig.Kind, pair.Right, () => SendWhole(pair.Left, to, 60));
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Verdict.Detail.ShouldBe(family);
        found.Sentence.ShouldMatch($@"^network namespace {pair.Right.Name} drops \d+ {family} packets that are larger than ");
        TcpLab.Nstat(pair.Right, counter).ShouldBeGreaterThanOrEqualTo(60);
        run.Of(pair.Left, pair.Right, far).ShouldBe([found]);
    }

    [RequiresBpfFact("nstat", "sysctl")]
    public void Fragments_that_stay_incomplete()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        pair.Right.Sysctl("net.ipv4.ipfrag_time", "1");
        var first = 0;
        var found = run.Await(ReassemblyFails.Kind, pair.Right, () =>
        {
            RawPackets.Fragments(pair.Left, TestNetnsPair.LeftIPv4, TestNetnsPair.RightIPv4, first, 30);
            first += 30;
        });
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Verdict.Detail.ShouldBe("IPv4");
        found.Sentence.ShouldMatch(
            $@"^network namespace {pair.Right.Name} lost \d+ IPv4 datagrams that came in fragments: a part of each did not ");
        TcpLab.Nstat(pair.Right, "IpReasmTimeout").ShouldBeGreaterThan(0);
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    /// <summary>A trace of the route, a packet that is cut, pings, an ARP answer that comes late: all of that is life.</summary>
    [RequiresBpfFact("sysctl", "ping", "nft")]
    public void Healthy_routers_and_neighbours_yield_nothing()
    {
        var run = FindingRun.Shared;
        using var pair = Via(Elsewhere);
        pair.Right.Run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
        pair.Right.Ip($"addr add {Elsewhere}/32 dev lo");
        run.ShouldBeSilent(
            () =>
            {
                DropTraffic.Healthy(pair);
                pair.Left.Run("ping", "-q", "-c", "3", "-i", "0.1", Elsewhere);
                pair.Left.Run("ping", "-q", "-c", "1", "-s", "4000", TestNetnsPair.RightIPv4);
                pair.Left.Try("ping", "-q", "-c", "3", "-i", "0.1", "-t", "1", "-W", "1", "203.0.113.9");
                pair.Right.Ip($"neigh flush dev {TestNetnsPair.Interface}");
            },
            pair.Left, pair.Right);
    }

    /// <summary>What goes to an address goes by the right end.</summary>
    private static TestNetnsPair Via(string to)
    {
        var pair = DropTraffic.Pair();
        pair.Left.Ip(to.Contains(':') ? $"route add ::/0 via {TestNetnsPair.RightIPv6}"
            : $"route add default via {TestNetnsPair.RightIPv4}");
        return pair;
    }

    /// <summary>Datagrams that must not be cut, of a sender that knows better what fits.</summary>
    private static void SendWhole(TestNetns from, string to, int count) => from.Inside(() =>
    {
        var target = new IPEndPoint(IPAddress.Parse(to), 4243);
        using var socket = new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        // IP_MTU_DISCOVER or IPV6_MTU_DISCOVER to IP_PMTUDISC_PROBE.
        var (level, option) = target.AddressFamily == AddressFamily.InterNetwork ? (0, 10) : (41, 23);
        socket.SetRawSocketOption(level, option, BitConverter.GetBytes(3));
        for (var i = 0; i < count; i++)
            socket.SendTo(new byte[1400], target);
    });
}
