using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>Whether a segment that is sent again was lost on this node, and where; nstat says how many there were.</summary>
public sealed class TcpVerdictTests
{
    private const string Segments = "netlens.tcpretrans.segments";

    private static readonly string[] Seen = [.. TcpRetransTests.SentAgain, "skb/kfree_skb"];

    /// <summary>Both probes on one machine.</summary>
    private sealed class Run : IDisposable
    {
        private readonly BpfProbeRun _run = new("tcpretrans");
        private Probe? _drops;

        public Run(bool watched = true)
        {
            if (watched)
                Watch();
        }

        public BpfProbeRun Probe => _run;

        public void Watch()
        {
            var registration = AllProbes.List.Single(p => p.Info.Id == "packetloss");
            _drops = registration.Create(_run.Host, ProbeSettings.Of(registration.Info));
            _drops.Start();
        }

        public void WatchNoMore()
        {
            _drops?.Dispose();
            _drops = null;
        }

        public NetworkEvent Await(TestNetns ns, string verdict, string type)
        {
            var inode = ns.Inode;
            return _run.Events.Await(e => e.Info.Name == "netlens.tcpretrans.retransmit" && e.Subject?.Inode == inode
                && e.Fields[3] == verdict && e.Tuple!.Source.AddressFamily == Family(type));
        }

        private static AddressFamily Family(string type) =>
            type == "ipv6" ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;

        public Dictionary<string, long> Verdicts(TestNetns ns) => _run.SumBy(Segments, ns, "netlens.retransmit.verdict");

        /// <summary>All that were sent again have this verdict, as many as nstat says.</summary>
        public void ShouldAllBe(TestNetns ns, string verdict) => BpfProbeRun.Eventually(() =>
        {
            var sums = Verdicts(ns);
            sums.Keys.ShouldBe([verdict]);
            ShouldAgree(ns, sums);
        });

        /// <summary>These, just read, are as many as nstat says.</summary>
        public void ShouldAgree(TestNetns ns, Dictionary<string, long> verdicts)
        {
            var counted = verdicts.Values.Sum() + TcpLab.Nstat(ns, "TcpExtTCPRetransFail");
            var sent = TcpLab.Nstat(ns, "TcpRetransSegs");
            counted.ShouldBe(sent, counted == sent ? null : TcpRetransTests.Seen(_run, ns));
        }

        public void Dispose()
        {
            WatchNoMore();
            _run.Dispose();
        }
    }

    // Before 5.17 there are no reasons: the function is named.
    private static void ShouldBeByRule(NetworkEvent e)
    {
        e.Fields[4]!.Value.Text.ShouldBeOneOf("NETFILTER_DROP", "nf_hook_slow");
        // From Linux 6.4 the function that ran the rule tells.
        var function = e.Fields[5]!.Value.Text.Split('+')[0];
        function.ShouldBeOneOf("nf_hook_slow", "nft_do_chain");
        e.Fields[6].ShouldNotBeNull();
        e.Message.ShouldContain(" ms before: ");
        e.Message.ShouldContain($"in {function}+");
    }

    [RequiresBpfFact("nstat", "nft")]
    public void The_peers_firewall_on_this_node() => Unseen.Again(() =>
    {
        using var pair = new TestNetnsPair();
        using var run = new Run();
        TcpLab.Drop(pair.Right, "meta l4proto tcp drop");
        foreach (var ends in TcpLab.All)
        {
            using var client = TcpLab.Make(pair.Left, ends);
            Connect(client, TcpLab.Right(ends), 81);
            var again = run.Await(pair.Left, "dropped_here", TcpLab.Type(ends));
            again.Fields[0].ShouldBe("syn");
            ShouldBeByRule(again);
            again.Message.ShouldContain($"network namespace {pair.Right.Name} dropped its packet here ");
        }
        run.ShouldAllBe(pair.Left, "dropped_here");
    }, Seen);

    [RequiresBpfFact("nstat", "nft")]
    public void Data_and_what_acknowledges_them() => Unseen.Again(() =>
    {
        using var pair = new TestNetnsPair();
        // The kernel's least time-out is 200 ms: timers of a busy machine are late by more than it leaves.
        foreach (var (ns, ipv4, ipv6) in new[]
        {
            (pair.Left, TestNetnsPair.RightIPv4, TestNetnsPair.RightIPv6),
            (pair.Right, TestNetnsPair.LeftIPv4, TestNetnsPair.LeftIPv6),
        })
        {
            ns.Ip($"route add {ipv4}/32 dev {TestNetnsPair.Interface} rto_min 500ms",
                $"route add {ipv6}/128 dev {TestNetnsPair.Interface} rto_min 500ms");
        }
        using var run = new Run();
        foreach (var ends in TcpLab.All)
        {
            var (client, server) = TcpLab.Connect(pair, ends);
            using var ours = client;
            using var theirs = server;
            // Nothing comes back.
            TcpLab.Drop(pair.Left, "meta l4proto tcp drop");
            client.Send("arrives"u8);
            server.Receive(new byte[16]).ShouldBe(7);
            var again = run.Await(pair.Left, "dropped_here", TcpLab.Type(ends));
            ShouldBeByRule(again);
            again.Message.ShouldContain("dropped the acknowledgement here ");
            server.Send("lost"u8);
            again = run.Await(pair.Right, "dropped_here", TcpLab.Type(ends));
            ShouldBeByRule(again);
            again.Message.ShouldContain("dropped its packet here ");
            TcpLab.Pass(pair.Left);
            client.Receive(new byte[16]).ShouldBe(4);
        }
        run.ShouldAllBe(pair.Left, "dropped_here");
        run.ShouldAllBe(pair.Right, "dropped_here");
    }, Seen);

    [RequiresBpfFact("nstat", "nft")]
    public void The_own_firewall() => Unseen.Again(() =>
    {
        using var pair = new TestNetnsPair();
        using var run = new Run();
        foreach (var (ends, family) in new[] { (Ends.V4, "ip"), (Ends.V6, "ip6") })
        {
            // Only the first: a segment that cannot be sent again is none.
            pair.Left.Run("nft", $"flush ruleset; add table {family} t; "
                + $"add chain {family} t output {{ type filter hook output priority 0; }}; "
                + $"add rule {family} t output tcp flags syn numgen inc mod 1000000 == 0 drop");
            using var listener = TcpLab.Listen(pair.Right, ends);
            using var client = TcpLab.Make(pair.Left, ends);
            client.Connect(new IPEndPoint(TcpLab.Right(ends), TcpLab.Port(listener.LocalEndPoint)));
            var again = run.Await(pair.Left, "dropped_here", TcpLab.Type(ends));
            again.Fields[0].ShouldBe("syn");
            ShouldBeByRule(again);
        }
        run.ShouldAllBe(pair.Left, "dropped_here");
    }, Seen);

    [RequiresBpfFact("nstat", "nft")]
    public void A_firewall_between_behind_address_translation() => Unseen.Again(() =>
    {
        using var path = new TcpPath();
        using var run = new Run();
        path.Middle.Run("nft", "add table inet t; "
            + "add chain inet t to { type nat hook prerouting priority -100; }; "
            + $"add rule inet t to ip daddr 203.0.113.1 tcp dport 80 dnat ip to {TcpPath.RightIPv4}:8080; "
            + "add chain inet t between { type filter hook forward priority 0; }; "
            + "add rule inet t between meta l4proto tcp drop");
        path.Left.Ip($"route add 203.0.113.1 via {TcpPath.LeftGateway}");
        foreach (var (address, type) in new[] { ("203.0.113.1", "ipv4"), (TcpPath.RightIPv6, "ipv6") })
        {
            using var client = TcpLab.Make(path.Left, type == "ipv6" ? Ends.V6 : Ends.V4);
            Connect(client, IPAddress.Parse(address), 80);
            var again = run.Await(path.Left, "dropped_here", type);
            again.Tuple!.Destination.ShouldBe(IPAddress.Parse(address));
            ShouldBeByRule(again);
            again.Message.ShouldContain($"network namespace {path.Middle.Name} dropped ");
        }
        run.ShouldAllBe(path.Left, "dropped_here");
    }, Seen);

    [RequiresBpfFact("nstat", "tc")]
    public void A_queue_that_is_full() => Unseen.Again(() =>
    {
        using var path = new TcpPath();
        using var run = new Run();
        path.Middle.Run("tc", "qdisc", "add", "dev", "right", "root", "tbf",
            "rate", "2mbit", "burst", "4kb", "limit", "8kb");
        using var listener = TcpLab.Listen(path.Right, Ends.V4);
        using var client = TcpLab.Make(path.Left, Ends.V4);
        client.Connect(new IPEndPoint(IPAddress.Parse(TcpPath.RightIPv4), TcpLab.Port(listener.LocalEndPoint)));
        using var server = listener.Accept();
        var sent = Task.Run(() =>
        {
            var chunk = new byte[16 * 1024];
            for (var i = 0; i < 16; i++)
                client.Send(chunk);
        });
        var buffer = new byte[64 * 1024];
        for (var got = 0; got < 16 * 16 * 1024;)
            got += server.Receive(buffer);
        sent.Wait(TimeSpan.FromSeconds(60)).ShouldBeTrue();

        var again = run.Await(path.Left, "dropped_here", "ipv4");
        again.Message.ShouldContain($"network namespace {path.Middle.Name} dropped ");
        Dropped(path.Middle).ShouldBeGreaterThan(0);
        BpfProbeRun.Eventually(() =>
        {
            var sums = run.Verdicts(path.Left);
            sums.GetValueOrDefault("dropped_here").ShouldBeGreaterThan(0);
            run.ShouldAgree(path.Left, sums);
        });
    }, Seen);

    // " Sent 1 bytes 2 pkt (dropped 3, overlimits 4 requeues 5)"
    private static int Dropped(TestNetns ns)
    {
        var text = ns.Run("tc", "-s", "qdisc", "show", "dev", "right");
        var from = text.IndexOf("dropped ", StringComparison.Ordinal) + 8;
        return int.Parse(text[from..text.IndexOf(',', from)], CultureInfo.InvariantCulture);
    }

    [RequiresBpfFact("nstat")]
    public void What_is_lost_beyond_this_node() => Unseen.Again(() =>
    {
        using var pair = new TestNetnsPair();
        using var run = new Run();
        var connections = new[] { Ends.V4, Ends.V6 }.Select(e => (Ends: e, Sockets: TcpLab.Connect(pair, e))).ToArray();
        // A device that was made for what tc redirects: it takes all else, and frees it as if it were sent.
        pair.Left.Ip("link add away type ifb", "link set away up",
            $"neigh add {TestNetnsPair.RightIPv4} lladdr 02:00:00:00:00:01 dev away nud permanent",
            $"neigh add {TestNetnsPair.RightIPv6} lladdr 02:00:00:00:00:01 dev away nud permanent",
            $"route add {TestNetnsPair.RightIPv4}/32 dev away src {TestNetnsPair.LeftIPv4}",
            $"route add {TestNetnsPair.RightIPv6}/128 dev away src {TestNetnsPair.LeftIPv6} metric 1");
        foreach (var (_, (client, _)) in connections)
            client.Send("lost"u8);
        foreach (var (ends, _) in connections)
        {
            var again = run.Await(pair.Left, "not_here", TcpLab.Type(ends));
            again.Fields.Skip(4).Take(3).ShouldAllBe(f => f == null);
            again.Fields[8].ShouldBe(again.Fields[0] == "rto" ? 4L : default(TagValue?));
            again.Message.ShouldEndWith("; this node dropped nothing of it");
        }
        BpfProbeRun.Eventually(() =>
        {
            var sums = run.Verdicts(pair.Left);
            sums.ShouldNotContainKey("dropped_here");
            run.ShouldAgree(pair.Left, sums);
        });
        foreach (var (_, (client, server)) in connections)
        {
            client.Dispose();
            server.Dispose();
        }
    }, Seen);

    [RequiresBpfFact("nstat", "nft")]
    public void Nobody_sees_what_is_dropped() => Unseen.Again(() =>
    {
        using var pair = new TestNetnsPair();
        using var run = new Run(watched: false);
        TcpLab.Drop(pair.Right, "meta l4proto tcp drop");
        using (var client = TcpLab.Make(pair.Left, Ends.V4))
        {
            Connect(client, TcpLab.Right(Ends.V4), 81);
            var again = run.Await(pair.Left, "unknown", "ipv4");
            again.Fields.ShouldBe(["syn", "syn_sent", 1L, "unknown", null, null, null, null, null, null]);
            again.Message.ShouldEndWith(": the SYN was not answered");
        }
        run.ShouldAllBe(pair.Left, "unknown");

        // From now on it is seen, and no more after that.
        run.Watch();
        using (var client = TcpLab.Make(pair.Left, Ends.V6))
        {
            Connect(client, TcpLab.Right(Ends.V6), 81);
            run.Await(pair.Left, "dropped_here", "ipv6");
        }
        run.WatchNoMore();
        var before = run.Verdicts(pair.Left);
        using (var client = TcpLab.Make(pair.Left, Ends.V6))
        {
            Connect(client, TcpLab.Right(Ends.V6), 81);
            run.Await(pair.Left, "unknown", "ipv6");
        }
        run.Verdicts(pair.Left).ShouldNotContainKey("not_here");
        run.Verdicts(pair.Left)["dropped_here"].ShouldBe(before["dropped_here"]);
    }, Seen);

    [RequiresBpfFact("nft")]
    public void Another_connection_took_the_place() => Unseen.Again(() =>
    {
        using var pair = new TestNetnsPair();
        pair.Left.Ip($"addr add 192.0.2.77/24 dev {TestNetnsPair.Interface}");
        using var run = new Run();
        TcpLab.Drop(pair.Right, "meta l4proto tcp drop");
        // Two connections of one port and one peer.
        using var first = TcpLab.Make(pair.Left, Ends.V4);
        using var second = TcpLab.Make(pair.Left, Ends.V4);
        first.Bind(new IPEndPoint(TcpLab.Left(Ends.V4), 44444));
        second.Bind(new IPEndPoint(IPAddress.Parse("192.0.2.77"), 44444));
        Connect(first, TcpLab.Right(Ends.V4), 81);
        Connect(second, TcpLab.Right(Ends.V4), 81);
        run.Await(pair.Left, "unknown", "ipv4").Tuple!.Source.ShouldBe(TcpLab.Left(Ends.V4));
        run.Verdicts(pair.Left).ShouldNotContainKey("not_here");
    }, Seen);

    // Begins to connect; that it fails when the socket is closed is not of interest.
    private static void Connect(Socket client, IPAddress address, int port) =>
        _ = client.ConnectAsync(new IPEndPoint(address, port))
            .ContinueWith(t => t.Exception, TaskScheduler.Default);
}

/// <summary>Two namespaces with a router between.</summary>
internal sealed class TcpPath : IDisposable
{
    public const string LeftGateway = "192.0.2.254";
    public const string RightIPv4 = "198.51.100.2";
    public const string RightIPv6 = "2001:db8:2::2";

    public TcpPath()
    {
        Left.Ip($"link add eth type veth peer name left netns {Middle.Name}",
            "addr add 192.0.2.1/24 dev eth", "addr add 2001:db8:1::1/64 dev eth nodad", "link set eth up");
        Right.Ip($"link add eth type veth peer name right netns {Middle.Name}",
            $"addr add {RightIPv4}/24 dev eth", $"addr add {RightIPv6}/64 dev eth nodad", "link set eth up");
        Middle.Ip($"addr add {LeftGateway}/24 dev left", "addr add 2001:db8:1::fe/64 dev left nodad", "link set left up",
            "addr add 198.51.100.254/24 dev right", "addr add 2001:db8:2::fe/64 dev right nodad", "link set right up");
        Middle.Sysctl("net.ipv4.ip_forward", "1");
        Middle.Sysctl("net.ipv6.conf.all.forwarding", "1");
        Left.Ip($"route add default via {LeftGateway}", "route add default via 2001:db8:1::fe");
        Right.Ip("route add default via 198.51.100.254", "route add default via 2001:db8:2::fe");
    }

    public TestNetns Left { get; } = new();

    public TestNetns Middle { get; } = new();

    public TestNetns Right { get; } = new();

    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
        Middle.Dispose();
    }
}
