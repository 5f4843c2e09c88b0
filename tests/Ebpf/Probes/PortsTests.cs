using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Probes.Ports;
using Collector.Linux.Sources;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Namespaces with few ports, of which a test takes all; ss and conntrack say how many are in use.</summary>
public sealed class PortsTests
{
    private const string Used = "netlens.ports.used";
    private const string Limit = "netlens.ports.limit";
    private const string TranslatedUsed = "netlens.ports.snat.used";
    private const string TimeToFull = "netlens.ports.time_to_full";
    private const int First = 40_000;
    /// <summary>Even: of an odd range connect() leaves one out, now this one and now that.</summary>
    private const int Count = 50;

    private static void Narrow(TestNetns ns) =>
        ns.Sysctl("net.ipv4.ip_local_port_range", $"{First} {First + Count - 1}");

    private static NetworkEvent[] Of(BpfProbeRun run, TestNetns ns, EventInfo info)
    {
        var inode = ns.Inode;
        return [.. run.Events.All.Where(e => e.Info == info && e.Subject?.Inode == inode)];
    }

    private static long InUse(TestNetns ns, IPAddress to, int port)
    {
        var address = TcpLab.Shown(to);
        var text = address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();
        return ns.Run("ss", "-Htan", "state", "connected", "dst", $"{text}:{port}")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
    }

    /// <summary>Collects until the namespace was looked at since: how often that is depends on what it costs.</summary>
    private static void Await(BpfProbeRun run, TestNetns ns, long used, params (string Metric, long Value)[] others) =>
        BpfProbeRun.Eventually(() =>
        {
            run.Sum(Used, ns).ShouldBe(used);
            foreach (var (metric, value) in others)
                run.Sum(metric, ns).ShouldBe(value);
        });

    [RequiresBpfTheory("ss")]
    [InlineData(Ends.V4, CollectionSource.Auto)]
    [InlineData(Ends.V6, CollectionSource.Auto)]
    [InlineData(Ends.Mapped, CollectionSource.Auto)]
    [InlineData(Ends.V4, CollectionSource.Proc)]
    [InlineData(Ends.V6, CollectionSource.Proc)]
    public void Ports_are_counted_until_none_is_left_and_that_is_an_event(Ends ends, CollectionSource source)
    {
        using var pair = new TestNetnsPair();
        Narrow(pair.Left);
        using var left = new SocketLab(pair.Left);
        using var right = new SocketLab(pair.Right);
        right.Listen(TcpLab.Any(ends), 8080, 2 * Count);
        var to = TcpLab.Right(ends);
        using var run = BpfProbeRun.By(source, "ports", ("top", "2"));

        for (var i = 0; i < 20; i++)
            left.Connect(to, 8080);
        Await(run, pair.Left, 20, (Limit, Count));
        InUse(pair.Left, to, 8080).ShouldBe(20);
        Of(run, pair.Left, PortKinds.Exhausted).ShouldBeEmpty();

        for (var i = 20; i < Count; i++)
            left.Connect(to, 8080);
        Await(run, pair.Left, Count, (Limit, Count), (TimeToFull, 0));
        InUse(pair.Left, to, 8080).ShouldBe(Count);
        // The kernel agrees that there is none left.
        ConnectLab.Fail(pair.Left, TcpLab.Shown(to), 8080).ShouldBe(SocketError.AddressNotAvailable);

        var shown = TcpLab.Shown(to).ToString();
        var from = TcpLab.Left(ends).ToString();
        run.Sum("netlens.ports.group.used", pair.Left, from, shown, 8080).ShouldBe(Count);
        var inode = pair.Left.Inode;
        var e = run.Events.Await(e => e.Info == PortKinds.Exhausted && e.Subject?.Inode == inode);
        e.Severity.ShouldBe(EventSeverity.Error);
        e.Fields.Take(4).Select(f => f!.Value.Text).ShouldBe(["local", "50", "50", "0"]);
        e.Tuple.ShouldNotBeNull().Destination.ToString().ShouldBe(shown);
        e.Tuple.DestinationPort.ShouldBe(8080);
        e.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
        e.Message.ShouldMatch(@"^network namespace \S+ has no local port left for \S+8080: 50 of 50 are in use "
            + @"\(net\.ipv4\.ip_local_port_range\); one is of \S");
        // Told once; the server's side has no such ports.
        run.Collect();
        Of(run, pair.Left, PortKinds.Exhausted).Length.ShouldBe(1);
        run.Sum(Used, pair.Right).ShouldBe(0);
        run.Failures.ShouldBeEmpty();
    }

    /// <summary>Ports are of each destination; some are reserved, at another somebody listens.</summary>
    [RequiresBpfFact("ss")]
    public void The_fullest_destination_counts_and_the_limit_is_what_connect_may_take()
    {
        using var lab = new SocketLab(new TestNetns());
        Narrow(lab.Ns);
        lab.Ns.Sysctl("net.ipv4.ip_local_reserved_ports", $"8000,{First + 3}-{First + 5},{First + 9}");
        lab.Listen(IPAddress.Loopback, 8080, 100);
        lab.Listen(IPAddress.Loopback, 8081, 100);
        lab.Listen(IPAddress.IPv6Any, First + 1, 100);
        using var run = new BpfProbeRun("ports", null, ("top", "3"));
        for (var i = 0; i < 30; i++)
            lab.Connect(IPAddress.Loopback, 8080);
        for (var i = 0; i < 10; i++)
            lab.Connect(IPAddress.Loopback, 8081);
        const int Free = Count - 4 - 1;
        Await(run, lab.Ns, 30, (Limit, Free));
        run.Sum("netlens.ports.group.used", lab.Ns, "127.0.0.1", "127.0.0.1", 8080).ShouldBe(30);
        run.Sum("netlens.ports.group.used", lab.Ns, "127.0.0.1", "127.0.0.1", 8081).ShouldBe(10);
        for (var i = 30; i < Free; i++)
            lab.Connect(IPAddress.Loopback, 8080);
        ConnectLab.Fail(lab.Ns, IPAddress.Loopback, 8080).ShouldBe(SocketError.AddressNotAvailable);
        Await(run, lab.Ns, Free, (Limit, Free));
        run.Failures.ShouldBeEmpty();
    }

    [RequiresBpfFact("ss")]
    public void Connections_that_are_over_are_told_apart_and_growth_is_warned_of_once()
    {
        using var lab = new SocketLab(new TestNetns());
        Narrow(lab.Ns);
        lab.Ns.Sysctl("net.ipv4.tcp_tw_reuse", "0");
        var listener = lab.Listen(IPAddress.Loopback, 8080, 100);
        using var run = new BpfProbeRun("ports", null, ("warn", "1h"));
        var inode = lab.Ns.Inode;
        var used = 0;
        // As long as it takes until a look comes between two connections, twice.
        while (Of(run, lab.Ns, PortKinds.Filling).Length == 0 && used < Count - 5)
        {
            var (client, server) = lab.Pair(listener, IPAddress.Loopback);
            client.Close();
            server.Close();
            // Not for each: on a slow machine the first would be over before the last.
            if (++used >= Count * 2 / 5)
                Await(run, lab.Ns, used);
        }
        InUse(lab.Ns, IPAddress.Loopback, 8080).ShouldBe(used);
        run.Sum("netlens.ports.time_wait", lab.Ns).ShouldBe(used);
        run.Sum(TimeToFull, lab.Ns).ShouldBeInRange(1, 3600);
        var e = run.Events.Await(e => e.Info == PortKinds.Filling && e.Subject?.Inode == inode);
        e.Severity.ShouldBe(EventSeverity.Warn);
        e.Field("netlens.ports.used")!.Value.Number.ShouldBeInRange((Count + 1) / 2, used);
        e.Field("netlens.ports.time_to_full")!.Value.Number.ShouldBeInRange(1, 3600);
        e.Message.ShouldMatch(@"runs out of local ports for 127\.0\.0\.1:8080 in \d+ s: \d+ of 50 are in use "
            + @"\(net\.ipv4\.ip_local_port_range\), \d+ by connections that are over \(TIME_WAIT\)");
        Of(run, lab.Ns, PortKinds.Filling).Length.ShouldBe(1);
        Of(run, lab.Ns, PortKinds.Exhausted).ShouldBeEmpty();
    }

    [RequiresBpfFact("ss")]
    public void A_namespace_with_few_connections_has_no_row_and_costs_nothing()
    {
        using var lab = new SocketLab(new TestNetns());
        var listener = lab.Listen(IPAddress.Loopback, 8080, 100);
        for (var i = 0; i < 40; i++)
            lab.Pair(listener, IPAddress.Loopback);
        using var run = new BpfProbeRun("ports", null, ("top", "4"));
        for (var i = 0; i < 5; i++)
        {
            run.Sum(Used, lab.Ns).ShouldBe(0);
            run.Sum(Limit, lab.Ns).ShouldBe(0);
        }
        Of(run, lab.Ns, PortKinds.Exhausted).ShouldBeEmpty();
        Of(run, lab.Ns, PortKinds.Filling).ShouldBeEmpty();
        run.Failures.ShouldBeEmpty();
    }

    /// <summary>sockstat counts what came from outside, too.</summary>
    [RequiresBpfFact]
    public void A_server_with_many_connections_has_none_of_its_own_where_proc_counts_them()
    {
        using var pair = new TestNetnsPair();
        Narrow(pair.Right);
        using var left = new SocketLab(pair.Left);
        using var right = new SocketLab(pair.Right);
        var listener = right.Listen(IPAddress.Any, 8080, 2 * Count);
        using var run = BpfProbeRun.By(CollectionSource.Proc, "ports");
        for (var i = 0; i < 30; i++)
        {
            left.Connect(TcpLab.Right(Ends.V4), 8080);
            right.Accept(listener);
        }
        for (var i = 0; i < 5; i++)
            run.Sum(Limit, pair.Right).ShouldBe(0);
        Of(run, pair.Right, PortKinds.Exhausted).ShouldBeEmpty();
        run.Failures.ShouldBeEmpty();
    }

    /// <summary>Each has one, whatever it is connected to.</summary>
    [RequiresBpfTheory("ss")]
    [InlineData(Ends.V4, CollectionSource.Auto)]
    [InlineData(Ends.V6, CollectionSource.Auto)]
    [InlineData(Ends.Mapped, CollectionSource.Proc)]
    public void Ports_of_UDP_sockets_are_counted_until_none_is_left_and_that_is_an_event(
        Ends ends, CollectionSource source)
    {
        using var pair = new TestNetnsPair();
        Narrow(pair.Left);
        using var lab = new UdpLab(pair.Left);
        var to = TcpLab.Right(ends);
        using var run = BpfProbeRun.By(source, "ports", ("top", "2"));

        for (var i = 0; i < 20; i++)
            lab.Connect(to, 9000 + i);
        AwaitUdp(run, pair.Left, 20, Count);
        InUseByUdp(pair.Left).ShouldBe(20);
        Of(run, pair.Left, PortKinds.Exhausted).ShouldBeEmpty();

        for (var i = 20; i < Count; i++)
            lab.Connect(to, 9000 + i);
        AwaitUdp(run, pair.Left, Count, Count);
        InUseByUdp(pair.Left).ShouldBe(Count);
        // The kernel agrees that there is none left: EAGAIN, and EADDRINUSE of bind().
        Should.Throw<SocketException>(() => lab.Connect(to, 9100)).SocketErrorCode.ShouldBe(SocketError.WouldBlock);
        Should.Throw<SocketException>(() => lab.Bind(ends is Ends.V6 ? IPAddress.IPv6Any : IPAddress.Any, 0))
            .SocketErrorCode.ShouldBe(SocketError.AddressAlreadyInUse);

        run.Sum(TimeToFull, pair.Left).ShouldBe(0);
        var from = TcpLab.Left(ends).ToString();
        run.Sum("netlens.ports.group.used", pair.Left, from, "", "", "udp").ShouldBe(Count);
        var inode = pair.Left.Inode;
        var e = run.Events.Await(e => e.Info == PortKinds.Exhausted && e.Subject?.Inode == inode);
        e.Fields.Select(f => f?.Text).ShouldBe(["udp", "50", "50", "0", null]);
        e.Tuple.ShouldBeNull();
        e.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
        e.Message.ShouldMatch(@"^network namespace \S+ has no local port left for UDP sockets: 50 of 50 are in use "
            + @"\(net\.ipv4\.ip_local_port_range\); one is of \S");
        // Told once; who has no such sockets has no figures of them.
        run.Collect();
        Of(run, pair.Left, PortKinds.Exhausted).Length.ShouldBe(1);
        Udp(run, pair.Right).ShouldBe((Metric.Absent, Metric.Absent));
        run.Failures.ShouldBeEmpty();
    }

    /// <summary>A shared port is one, a reserved one none, and one that two addresses have is each one's.</summary>
    [RequiresBpfFact("ss")]
    public void Ports_of_UDP_sockets_are_told_by_address_and_those_out_of_the_range_are_none()
    {
        using var lab = new UdpLab(new TestNetns());
        Narrow(lab.Ns);
        lab.Ns.Sysctl("net.ipv4.ip_local_reserved_ports", $"8000,{First + 3}-{First + 5},{First + 9}");
        for (var i = 0; i < 3; i++)
            lab.Bind(IPAddress.Any, First + 1, share: true);
        lab.Bind(IPAddress.Loopback, First + 2);
        lab.Bind(IPAddress.Parse("127.0.0.2"), First + 2);
        lab.Bind(IPAddress.Loopback, First + 9);
        lab.Bind(IPAddress.Loopback, First + Count);
        for (var i = 0; i < 9; i++)
            lab.Bind(IPAddress.Loopback, 0);
        for (var i = 0; i < 5; i++)
            lab.Bind(IPAddress.IPv6Loopback, 0);
        using var run = new BpfProbeRun("ports", null, ("top", "4"));
        AwaitUdp(run, lab.Ns, InUseByUdp(lab.Ns, First + 9), Count - 4);
        long Of(string address) => run.Sum("netlens.ports.group.used", lab.Ns, address, "", "", "udp");
        (Of("0.0.0.0"), Of("127.0.0.1"), Of("127.0.0.2"), Of("::1")).ShouldBe((1, 10, 1, 5));
        PortsTests.Of(run, lab.Ns, PortKinds.Exhausted).ShouldBeEmpty();
        PortsTests.Of(run, lab.Ns, PortKinds.Filling).ShouldBeEmpty();
        run.Failures.ShouldBeEmpty();
    }

    [RequiresBpfFact("ss")]
    public void A_namespace_with_few_UDP_sockets_has_no_figures_of_them()
    {
        using var tcp = new SocketLab(new TestNetns());
        using var udp = new UdpLab(tcp.Ns);
        Narrow(tcp.Ns);
        tcp.Listen(IPAddress.Loopback, 8080, 100);
        for (var i = 0; i < 20; i++)
            tcp.Connect(IPAddress.Loopback, 8080);
        for (var i = 0; i < 5; i++)
            udp.Connect(IPAddress.Loopback, 9000);
        using var run = new BpfProbeRun("ports", null, ("top", "4"));
        Await(run, tcp.Ns, 20, (Limit, Count));
        InUseByUdp(tcp.Ns).ShouldBe(5);
        Udp(run, tcp.Ns).ShouldBe((Metric.Absent, Metric.Absent));
        // One more is enough to be looked at, and TCP's are not among them.
        udp.Connect(IPAddress.Loopback, 9000);
        udp.Connect(IPAddress.Loopback, 9000);
        AwaitUdp(run, tcp.Ns, 7, Count);
        run.Failures.ShouldBeEmpty();
    }

    /// <summary>Ports of the range that ss shows, but for one.</summary>
    private static int InUseByUdp(TestNetns ns, int but = 0) => ns.Run("ss", "-Huan")
        .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3])
        .Select(end => int.Parse(end[(end.LastIndexOf(':') + 1)..]))
        .Where(port => port is >= First and < First + Count && port != but).Distinct().Count();

    private static (long Used, long Limit) Udp(BpfProbeRun run, TestNetns ns)
    {
        if (run.Collect().Find(Ports.UdpUsed.Table) is not { } table)
            return (Metric.Absent, Metric.Absent);
        for (var r = 0; r < table.Count; r++)
        {
            if (table.Rows[r].Subject?.Inode == ns.Inode)
                return (table.Column(Ports.UdpUsed)[r], table.Column(Ports.UdpLimit)[r]);
        }
        return (Metric.Absent, Metric.Absent);
    }

    private static void AwaitUdp(BpfProbeRun run, TestNetns ns, long used, long limit) =>
        BpfProbeRun.Eventually(() => Udp(run, ns).ShouldBe((used, limit)));

    /// <summary>Two clients behind a router that gives both its own address and few ports.</summary>
    [RequiresBpfTheory("nft", "conntrack", "sysctl")]
    [InlineData(false, CollectionSource.Auto)]
    [InlineData(false, CollectionSource.Proc)]
    [InlineData(true, CollectionSource.Auto)]
    public void Ports_of_SNAT_are_counted_until_none_is_left_with_who_has_most(bool ipv6, CollectionSource source)
    {
        using var lab = new NatLab(First, Count);
        using var server = new SocketLab(lab.Server);
        server.Listen(IPAddress.IPv6Any, 8080, 2 * Count);
        using var many = new SocketLab(lab.Clients[0]);
        using var few = new SocketLab(lab.Clients[1]);
        var to = NatLab.ServerAddress(ipv6);
        using var run = BpfProbeRun.By(source, "ports", ("snatPorts", $"{Count}"), ("warn", "0s"));

        for (var i = 0; i < 30; i++)
            many.Connect(to, 8080);
        AwaitTranslated(run, lab, 30);
        lab.Tracked(ipv6).ShouldBe(30);
        Of(run, lab.Router, PortKinds.Exhausted).ShouldBeEmpty();
        for (var i = 30; i < Count; i++)
            few.Connect(to, 8080);
        AwaitTranslated(run, lab, Count);
        lab.Tracked(ipv6).ShouldBe(Count);

        var inode = lab.Router.Inode;
        var e = run.Events.Await(e => e.Info == PortKinds.Exhausted && e.Subject?.Inode == inode);
        var router = NatLab.RouterAddress(ipv6).ToString();
        e.Fields.Select(f => f?.Text).ShouldBe(["snat", "50", "50", "0", router]);
        e.Tuple.ShouldNotBeNull().Source.ShouldBe(NatLab.ClientAddress(0, ipv6));
        e.Tuple.Destination.ShouldBe(to);
        e.Message.ShouldMatch(@"^network namespace \S+ has no port left to translate connections to \S+8080 \(SNAT\): "
            + @"50 of 50 of \S+ are in use$");
        Of(run, lab.Router, PortKinds.Exhausted).Length.ShouldBe(1);
        run.Sum(TranslatedUsed, lab.Clients[0]).ShouldBe(0);
        run.Failures.ShouldBeEmpty();
    }

    private static void AwaitTranslated(BpfProbeRun run, NatLab lab, long used) => BpfProbeRun.Eventually(() =>
    {
        run.Sum(TranslatedUsed, lab.Router).ShouldBe(used);
        run.Sum("netlens.ports.snat.limit", lab.Router).ShouldBe(Count);
    });

    /// <summary>What is tracked and not translated has no port of SNAT.</summary>
    [RequiresBpfFact("nft", "conntrack", "sysctl")]
    public void Connections_that_keep_their_source_are_none_of_SNAT()
    {
        using var lab = new NatLab(0, 0);
        using var server = new SocketLab(lab.Server);
        server.Listen(IPAddress.IPv6Any, 8080, 2 * Count);
        using var client = new SocketLab(lab.Clients[0]);
        using var run = new BpfProbeRun("ports", null, ("snatPorts", $"{Count}"));
        for (var i = 0; i < 30; i++)
            client.Connect(NatLab.ServerAddress(ipv6: false), 8080);
        lab.Router.Run("conntrack", "-L").Split("dport=8080").Length.ShouldBeGreaterThan(30);
        for (var i = 0; i < 5; i++)
            run.Sum(TranslatedUsed, lab.Router).ShouldBe(0);
        Of(run, lab.Router, PortKinds.Exhausted).ShouldBeEmpty();
        run.Failures.ShouldBeEmpty();
    }
}
