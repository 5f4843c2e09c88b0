using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Linux.Probes.Connects;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Each way in which a connect can fail, really caused.</summary>
public sealed class ConnectCauseTests
{
    private static readonly IPAddress Nobody4 = IPAddress.Parse("192.0.2.99");
    private static readonly IPAddress Nobody6 = IPAddress.Parse("2001:db8::99");

    private static void ShouldBe(NetworkEvent e, string outcome, string? error, string why)
    {
        e.Fields.Take(2).Select(f => f?.Text).ShouldBe([outcome, error], e.Message);
        e.Message.ShouldContain(why);
        e.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
    }

    /// <summary>All at once, for each takes its seconds.</summary>
    [RequiresBpfFact("nft", "nstat", "ping")]
    public void What_nobody_answers_times_out_and_says_where()
    {
        // Both know each other already: a question for an address that is lost is not asked again here.
        using var pair = DropTraffic.Pair();
        using var run = new BpfProbeRun("connect");
        ConnectLab.KeepRetriesShort(pair.Left);
        TcpLab.Drop(pair.Right, "tcp dport 81 drop");
        TcpLab.Drop(pair.Left);
        pair.Left.Run("nft", "add", "chain", "inet", "t", "output", "{ type filter hook output priority 0; }");
        pair.Left.Run("nft", "add", "rule", "inet", "t", "output", "tcp", "dport", "82", "drop");
        pair.Left.Sysctl($"net.ipv4.neigh.{TestNetnsPair.Interface}.mcast_solicit", "1");
        pair.Left.Sysctl($"net.ipv6.neigh.{TestNetnsPair.Interface}.mcast_solicit", "1");
        var (right4, right6) = (TcpLab.Right(Ends.V4), TcpLab.Right(Ends.V6));
        Socket[] sockets =
        [
            ConnectLab.Begin(pair.Left, right4, 81, 1), ConnectLab.Begin(pair.Left, right6, 81, 1),
            ConnectLab.Begin(pair.Left, right4, 82, 1), ConnectLab.Begin(pair.Left, right6, 82, 1),
            ConnectLab.Begin(pair.Left, Nobody4, 83), ConnectLab.Begin(pair.Left, Nobody6, 83),
        ];

        foreach (var right in new[] { right4, right6 })
        {
            var lost = ConnectLab.Await(run, pair.Left, right, 81);
            ShouldBe(lost, "timed_out", "ETIMEDOUT", "no answer to 2 SYNs");
            lost.Severity.ShouldBe(EventSeverity.Error);
            lost.Duration.ShouldNotBeNull().ShouldBeGreaterThan(2_900_000_000);
            ShouldBe(ConnectLab.Await(run, pair.Left, right, 82), "rejected", "ETIMEDOUT",
                "a rule on this node does not let 2 SYNs out");
        }
        ShouldBeUnresolved(ConnectLab.Await(run, pair.Left, Nobody4, 83), Nobody4, "ARP");
        ShouldBeUnresolved(ConnectLab.Await(run, pair.Left, Nobody6, 83), Nobody6, "neighbour discovery");
        foreach (var socket in sockets)
            socket.Dispose();
        run.Sum(ConnectLab.Failed, pair.Left).ShouldBe(6);
        TcpLab.Nstat(pair.Left, "TcpAttemptFails").ShouldBe(6);
    }

    private static void ShouldBeUnresolved(NetworkEvent e, IPAddress hop, string protocol)
    {
        ShouldBe(e, "host_unreachable", "EHOSTUNREACH", $"the next hop {hop} does not answer {protocol}");
        ConnectLab.Text(e, "netlens.neighbour.address").ShouldBe(hop.ToString());
        ConnectLab.Text(e, "netlens.neighbour.state").ShouldBe("failed");
    }

    /// <summary>The router is named, not the host behind it.</summary>
    [RequiresBpfFact]
    public void A_gateway_that_does_not_answer_is_named()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("connect");
        pair.Left.Sysctl($"net.ipv4.neigh.{TestNetnsPair.Interface}.mcast_solicit", "1");
        pair.Left.Sysctl($"net.ipv6.neigh.{TestNetnsPair.Interface}.mcast_solicit", "1");
        pair.Left.Ip($"route add 198.51.100.0/24 via {Nobody4}", $"route add 2001:db8:1::/64 via {Nobody6}");
        var (far4, far6) = (IPAddress.Parse("198.51.100.7"), IPAddress.Parse("2001:db8:1::7"));
        using var client4 = ConnectLab.Begin(pair.Left, far4, 443);
        using var client6 = ConnectLab.Begin(pair.Left, far6, 443);
        ShouldBeUnresolved(ConnectLab.Await(run, pair.Left, far4, 443), Nobody4, "ARP");
        ShouldBeUnresolved(ConnectLab.Await(run, pair.Left, far6, 443), Nobody6, "neighbour discovery");
        run.Sum(ConnectLab.Attempts, pair.Left, "host_unreachable", "https").ShouldBe(2);
    }

    [RequiresBpfFact("nft")]
    public void A_rule_that_rejects_is_told_from_a_closed_port()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("connect");
        var codes = ConnectLab.Taken(run, "what ICMP errors of IPv4 say");
        TcpLab.Drop(pair.Right, "tcp dport 81 reject with icmpx type port-unreachable",
            "tcp dport 82 reject with icmpx type admin-prohibited");
        foreach (var ends in TcpLab.All)
        {
            using var first = TcpLab.Make(pair.Left, ends);
            Should.Throw<SocketException>(() => first.Connect(new IPEndPoint(TcpLab.Right(ends), 81)));
            using var second = TcpLab.Make(pair.Left, ends);
            Should.Throw<SocketException>(() => second.Connect(new IPEndPoint(TcpLab.Right(ends), 82)));
        }
        var (right4, right6) = (TcpLab.Right(Ends.V4), TcpLab.Right(Ends.V6));
        ShouldBe(ConnectLab.Await(run, pair.Left, right4, 81), "rejected", "ECONNREFUSED", "port unreachable");
        ShouldBe(ConnectLab.Await(run, pair.Left, right6, 81), "rejected", "ECONNREFUSED", "port unreachable");
        ShouldBe(ConnectLab.Await(run, pair.Left, right6, 82), "rejected", "EACCES", "a rule prohibits it (ICMP)");
        // An IPv4 socket is told the same of a host that is not there; only the ICMP error itself says more.
        var prohibited = ConnectLab.Await(run, pair.Left, right4, 82);
        if (codes)
            ShouldBe(prohibited, "rejected", "EHOSTUNREACH", "(ICMP: code 13)");
        else
            ShouldBe(prohibited, "host_unreachable", "EHOSTUNREACH", "a router or a rule");
        ConnectLab.Text(prohibited, "netlens.icmp.code").ShouldBe(codes ? "13" : null);
        run.Sum(ConnectLab.Attempts, pair.Left, "rejected").ShouldBe(codes ? 6 : 4);
        run.Sum(ConnectLab.Attempts, pair.Left, "refused").ShouldBe(0);
    }

    [RequiresBpfFact]
    public void A_used_up_port_range_is_told_from_a_port_that_is_taken()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("connect");
        pair.Left.Sysctl("net.ipv4.ip_local_port_range", "40000 40001");
        foreach (var ends in TcpLab.All)
        {
            using var listener = TcpLab.Listen(pair.Right, ends);
            var port = TcpLab.Port(listener.LocalEndPoint);
            using var first = TcpLab.Make(pair.Left, ends);
            using var second = TcpLab.Make(pair.Left, ends);
            first.Connect(new IPEndPoint(TcpLab.Right(ends), port));
            second.Connect(new IPEndPoint(TcpLab.Right(ends), port));

            using var third = TcpLab.Make(pair.Left, ends);
            Should.Throw<SocketException>(() => third.Connect(new IPEndPoint(TcpLab.Right(ends), port)))
                .SocketErrorCode.ShouldBe(SocketError.AddressNotAvailable);
            var e = ConnectLab.Await(run, pair.Left, TcpLab.Right(ends), port);
            ShouldBe(e, "no_free_port", "EADDRNOTAVAIL", "every local port to there is in use");
            e.Tuple!.SourcePort.ShouldBe(0);
        }
        run.Sum(ConnectLab.Attempts, pair.Left, "no_free_port").ShouldBe(3);
        run.Sum(ConnectLab.Attempts, pair.Left, "established").ShouldBe(6);
        PortTaken(run, pair);
    }

    private static void PortTaken(BpfProbeRun run, TestNetnsPair pair)
    {
        using var listener = TcpLab.Listen(pair.Right, Ends.V4);
        var port = TcpLab.Port(listener.LocalEndPoint);
        using var first = TcpLab.Make(pair.Left, Ends.V4);
        first.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        first.Bind(new IPEndPoint(IPAddress.Any, 4001));
        first.Connect(new IPEndPoint(TcpLab.Right(Ends.V4), port));
        ConnectLab.Fail(pair.Left, TcpLab.Right(Ends.V4), port, 4001).ShouldBe(SocketError.AddressNotAvailable);
        var e = ConnectLab.Await(run, pair.Left, TcpLab.Right(Ends.V4), port);
        ShouldBe(e, "port_in_use", "EADDRNOTAVAIL", "the local port is in use");
        e.Tuple!.SourcePort.ShouldBe(4001);
    }

    /// <summary>Where functions cannot be hooked, nothing shows that somebody wanted to connect.</summary>
    [RequiresBpfFact]
    public void Without_a_route_there_is_no_connect_but_where_functions_can_be_hooked()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("connect");
        var seen = ConnectLab.Taken(run, "connects without a route");
        pair.Left.Ip("route add prohibit 203.0.113.0/24");
        var (far4, far6) = (IPAddress.Parse("198.51.100.7"), IPAddress.Parse("2001:db8:1::7"));
        var prohibited = IPAddress.Parse("203.0.113.7");
        ConnectLab.Fail(pair.Left, far4, 81).ShouldBe(SocketError.NetworkUnreachable);
        ConnectLab.Fail(pair.Left, far6, 81).ShouldBe(SocketError.NetworkUnreachable);
        ConnectLab.Fail(pair.Left, prohibited, 81).ShouldBe(SocketError.AccessDenied);
        run.Sum(ConnectLab.Failed, pair.Left).ShouldBe(seen ? 3 : 0);
        if (!seen)
            return;
        ShouldBe(ConnectLab.Await(run, pair.Left, far4, 81), "no_route", "ENETUNREACH", "no route leads there");
        ShouldBe(ConnectLab.Await(run, pair.Left, far6, 81), "no_route", "ENETUNREACH", "no route leads there");
        ShouldBe(ConnectLab.Await(run, pair.Left, prohibited, 81), "rejected", "EACCES", "its route prohibits it");
    }

    [RequiresBpfFact("nft")]
    public void Who_gives_up_late_is_told_and_who_gives_up_at_once_is_counted()
    {
        using var pair = new TestNetnsPair();
        TcpLab.Drop(pair.Right, "meta l4proto tcp drop");
        using var run = new BpfProbeRun("connect");
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
            ConnectLab.Begin(pair.Left, TcpLab.Right(ends), 81).Dispose();
        run.Sum(ConnectLab.Attempts, pair.Left, "aborted").ShouldBe(2);
        run.Probe.Reconfigure(ConnectLab.Settings(("slow", "1ms"))).ShouldBeTrue();
        var late = ConnectLab.Begin(pair.Left, TcpLab.Right(Ends.V4), 82);
        Thread.Sleep(2);
        late.Dispose();
        var e = ConnectLab.Await(run, pair.Left, TcpLab.Right(Ends.V4), 82);
        ShouldBe(e, "aborted", null, "the caller gave up, no answer to the SYN");
        e.Severity.ShouldBe(EventSeverity.Warn);
        ConnectLab.Of(run, pair.Left).Length.ShouldBe(1);
        run.Sum(ConnectLab.Failed, pair.Left).ShouldBe(0);
    }

    /// <summary>A SYN meets ours; the answer to it is answered with a reset by the peer, where no socket is.</summary>
    [RequiresBpfFact("nft", "nstat")]
    public void A_reset_in_a_simultaneous_open()
    {
        using var pair = new TestNetnsPair();
        TcpLab.Drop(pair.Right, "tcp flags & (syn|ack) == syn drop");
        using var run = new BpfProbeRun("connect");
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            using var client = TcpLab.Make(pair.Left, ends);
            client.Blocking = false;
            client.Bind(new IPEndPoint(TcpLab.Any(ends), 4001));
            Should.Throw<SocketException>(() => client.Connect(new IPEndPoint(TcpLab.Right(ends), 81)));
            ResetInjector.SendSyn(pair.Right, TcpLab.Right(ends), 81, TcpLab.Left(ends), 4001);
            var e = ConnectLab.Await(run, pair.Left, TcpLab.Right(ends), 81);
            ShouldBe(e, "reset", "ECONNRESET", "both ends connected to each other");
        }
        run.Sum(ConnectLab.Failed, pair.Left).ShouldBe(2);
    }

    /// <summary>Both are connects, though one goes through the state of those that a listener accepts.</summary>
    [RequiresBpfFact("nft")]
    public void A_simultaneous_open_that_succeeds()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("connect");
        foreach (var ns in new[] { pair.Left, pair.Right })
            TcpLab.Drop(ns, "tcp flags & (syn|ack) == syn drop");
        using var left = Bound(pair.Left, 4001);
        using var right = Bound(pair.Right, 4002);
        Should.Throw<SocketException>(() => left.Connect(new IPEndPoint(TcpLab.Right(Ends.V4), 4002)));
        Should.Throw<SocketException>(() => right.Connect(new IPEndPoint(TcpLab.Left(Ends.V4), 4001)));
        TcpLab.Pass(pair.Left);
        foreach (var socket in new[] { left, right })
            socket.Poll(30_000_000, SelectMode.SelectWrite).ShouldBeTrue();
        foreach (var ns in new[] { pair.Left, pair.Right })
        {
            run.Sum(ConnectLab.Attempts, ns, "established", "registered").ShouldBe(1);
            ConnectLab.Times(run, ns).Count.ShouldBe(1);
            run.Sum(ConnectLab.Failed, ns).ShouldBe(0);
        }

        static Socket Bound(TestNetns ns, int port)
        {
            var socket = TcpLab.Make(ns, Ends.V4);
            socket.Blocking = false;
            socket.Bind(new IPEndPoint(IPAddress.Any, port));
            return socket;
        }
    }
}
