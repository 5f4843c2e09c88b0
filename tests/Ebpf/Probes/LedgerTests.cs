using System.Net;
using System.Net.Sockets;
using Collector.Linux.Probes.Drops;
using Collector.Tests.Support;
using Ebpf.Tests.Findings;
using Ebpf.Tests.Lab;
using static Ebpf.Tests.Probes.LedgerLab;

namespace Ebpf.Tests.Probes;

/// <summary>
/// Known numbers of packets meet one end each. That nothing is unexplained, and that the parts are what nstat saw come
/// in, the lab checks every time.
/// </summary>
public sealed class LedgerTests
{
    private const int Many = 400;
    private const int Port = 4243;
    private const string Beyond = "203.0.113.1";
    private const string BeyondIPv6 = "2001:db8:1::1";

    [RequiresBpfFact("nstat")]
    public void What_is_healthy_is_delivered()
    {
        using var pair = DropTraffic.Pair();
        using var lab = new LedgerLab(pair.Right, "netdev");

        DropTraffic.Healthy(pair);

        lab.Eventually((lines, fates) =>
        {
            fates["lost"].ShouldBe(0);
            fates["refused"].ShouldBe(0);
            fates["forwarded"].ShouldBe(0);
            // Acknowledgements that the end behind them has overtaken.
            (fates["delivered"] + fates["orderly"]).ShouldBe(lab.Counted("InDelivers"));
            fates["orderly"].ShouldBeLessThan(fates["delivered"] / 10);
            PacketsOf(lines, "devices").ShouldBeGreaterThan(0);
        });
    }

    [RequiresBpfTheory("nft", "nstat")]
    [InlineData("prerouting", TestNetnsPair.RightIPv4)]
    [InlineData("prerouting", TestNetnsPair.RightIPv6)]
    [InlineData("input", TestNetnsPair.RightIPv4)]
    [InlineData("input", TestNetnsPair.RightIPv6)]
    [InlineData("forward", Beyond)]
    [InlineData("forward", BeyondIPv6)]
    [InlineData("postrouting", Beyond)]
    [InlineData("postrouting", BeyondIPv6)]
    public void A_netfilter_rule_on_the_way_in_or_through(string hook, string target)
    {
        using var pair = DropTraffic.Pair();
        Forward(pair);
        PacketLossTests.NftDrop(pair.Right, hook, $"udp dport {Port}");
        using var lab = new LedgerLab(pair.Right);

        DropTraffic.Datagrams(pair.Left, target, Port, Many);

        lab.Eventually((lines, fates) =>
        {
            PacketLossTests.NftCounter(pair.Right).ShouldBe(Many);
            fates["lost"].ShouldBe(Many);
            fates["forwarded"].ShouldBe(0);
            Dropped(lines, "ip", "netfilter").ShouldBe(Many);
        });
    }

    [RequiresBpfFact("nft", "nstat")]
    public void A_netfilter_rule_on_the_way_out_is_none_of_what_came_in()
    {
        using var pair = DropTraffic.Pair();
        PacketLossTests.NftDrop(pair.Right, "output", $"udp dport {Port}");
        using var lab = new LedgerLab(pair.Right);

        pair.Right.Inside(() =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            for (var i = 0; i < Many; i++)
            {
                Should.Throw<SocketException>(() =>
                    socket.SendTo(new byte[16], new IPEndPoint(IPAddress.Parse(TestNetnsPair.LeftIPv4), Port)));
            }
        });

        lab.Eventually((lines, fates) =>
        {
            PacketLossTests.NftCounter(pair.Right).ShouldBe(Many);
            fates["lost"].ShouldBe(0);
            Dropped(lines, "sent", "kfree_skb").ShouldBe(Many);
        });
    }

    [RequiresBpfTheory("nstat")]
    [InlineData(Beyond)]
    [InlineData(BeyondIPv6)]
    public void What_is_forwarded(string target)
    {
        using var pair = DropTraffic.Pair();
        Forward(pair);
        using var lab = new LedgerLab(pair.Right);

        DropTraffic.Datagrams(pair.Left, target, Port, Many);

        lab.Eventually((_, fates) =>
        {
            fates["forwarded"].ShouldBe(Many);
            fates["lost"].ShouldBe(0);
        });
    }

    [RequiresBpfTheory("nstat")]
    [InlineData(TestNetnsPair.RightIPv4)]
    [InlineData(TestNetnsPair.RightIPv6)]
    public void A_port_that_nobody_listens_on(string target)
    {
        using var pair = DropTraffic.Pair();
        using var lab = new LedgerLab(pair.Right);

        DropTraffic.Datagrams(pair.Left, target, Port, Many);
        DropTraffic.Connect(pair.Left, target, Port).ShouldBeFalse();

        lab.Eventually((lines, fates) =>
        {
            fates["refused"].ShouldBe(Many + 1);
            fates["lost"].ShouldBe(0);
            Dropped(lines, "protocols").ShouldBe(Many + 1);
        });
    }

    [RequiresBpfTheory("nstat")]
    [InlineData(TestNetnsPair.RightIPv4, "UdpRcvbufErrors")]
    [InlineData(TestNetnsPair.RightIPv6, "Udp6RcvbufErrors")]
    public void A_full_receive_buffer(string target, string counter)
    {
        using var pair = DropTraffic.Pair();
        using var lab = new LedgerLab(pair.Right);
        using var receiver = pair.Right.Inside(() =>
        {
            var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp)
            {
                DualMode = true, ReceiveBufferSize = 4096,
            };
            socket.Bind(new IPEndPoint(IPAddress.IPv6Any, Port));
            return socket;
        });

        DropTraffic.Datagrams(pair.Left, target, Port, Many, size: 500);

        lab.Eventually((lines, fates) =>
        {
            fates["lost"].ShouldBe(PacketLossTests.Nstat(pair.Right, counter));
            fates["lost"].ShouldBeGreaterThan(100);
            fates["delivered"].ShouldBeGreaterThanOrEqualTo(Many - fates["lost"]);
            Dropped(lines, "protocols").ShouldBe(fates["lost"]);
        });
    }

    [RequiresBpfTheory("nstat")]
    [InlineData(TestNetnsPair.RightIPv4)]
    [InlineData(TestNetnsPair.RightIPv6)]
    public void A_full_accept_queue(string target)
    {
        using var pair = DropTraffic.Pair();
        using var lab = new LedgerLab(pair.Right);
        var address = IPAddress.Parse(target);
        using var listener = pair.Right.Inside(() =>
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, Port));
            socket.Listen(1);
            return socket;
        });
        var clients = pair.Left.Inside(() => Enumerable.Range(0, 8).Select(_ =>
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            Should.Throw<SocketException>(() => socket.Connect(new IPEndPoint(address, Port)));
            return socket;
        }).ToArray());

        lab.Eventually((lines, fates) =>
        {
            var drops = lab.Counted("TcpExtListenDrops");
            drops.ShouldBeGreaterThan(3);
            Dropped(lines, "protocols").ShouldBe(drops);
            fates["lost"].ShouldBe(drops);
        });
        foreach (var client in clients)
            client.Dispose();
    }

    [RequiresBpfTheory("nstat")]
    [InlineData(Beyond, "InAddrErrors")]
    [InlineData(BeyondIPv6, "InAddrErrors")]
    public void What_is_for_somebody_else(string target, string counter)
    {
        using var pair = DropTraffic.Pair();
        RouteByRight(pair);
        // IPv6 asks for the route first.
        pair.Right.Run("ip", "-6", "route", "add", "2001:db8:1::/64", "via", TestNetnsPair.LeftIPv6);
        using var lab = new LedgerLab(pair.Right);

        DropTraffic.Datagrams(pair.Left, target, Port, Many);

        lab.Eventually((lines, fates) =>
        {
            lab.Counted(counter).ShouldBe(Many);
            Dropped(lines, "ip", counter).ShouldBe(Many);
            (fates["lost"] + fates["refused"]).ShouldBe(Many);
        });
    }

    [RequiresBpfTheory("nstat")]
    [InlineData("198.51.100.1")]
    [InlineData("2001:db8:2::1")]
    public void What_no_route_leads_on(string target)
    {
        using var pair = DropTraffic.Pair();
        Forward(pair);
        using var lab = new LedgerLab(pair.Right);

        DropTraffic.Datagrams(pair.Left, target, Port, Many);

        lab.Eventually((lines, fates) =>
        {
            lab.Counted("InNoRoutes").ShouldBe(Many);
            Dropped(lines, "ip", "InNoRoutes").ShouldBe(Many);
            (fates["lost"] + fates["refused"]).ShouldBe(Many);
            fates["forwarded"].ShouldBe(0);
        });
    }

    [RequiresBpfTheory("nstat")]
    [InlineData(Beyond)]
    [InlineData(BeyondIPv6)]
    public void The_end_of_the_time_to_live(string target)
    {
        using var pair = DropTraffic.Pair();
        Forward(pair);
        using var lab = new LedgerLab(pair.Right);

        pair.Left.Inside(() =>
        {
            var to = new IPEndPoint(IPAddress.Parse(target), Port);
            using var socket = new Socket(to.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Ttl = 1 };
            for (var i = 0; i < Many; i++)
                socket.SendTo(new byte[16], to);
        });

        lab.Eventually((lines, fates) =>
        {
            lab.Counted("InHdrErrors").ShouldBe(Many);
            Dropped(lines, "ip", "InHdrErrors").ShouldBe(Many);
            (fates["lost"] + fates["refused"]).ShouldBe(Many);
            fates["forwarded"].ShouldBe(0);
        });
    }

    [RequiresBpfFact("nstat")]
    public void A_packet_too_big_for_the_next_device()
    {
        using var pair = DropTraffic.Pair();
        Forward(pair);
        pair.Right.Run("ip", "route", "add", "198.51.100.0/24", "via", TestNetnsPair.LeftIPv4, "mtu", "lock", "600");
        using var lab = new LedgerLab(pair.Right);

        pair.Left.Inside(() =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            for (var i = 0; i < Many; i++)
            {
                // IP_MTU_DISCOVER = IP_PMTUDISC_PROBE: whatever was learned of the path.
                socket.SetRawSocketOption(0, 10, BitConverter.GetBytes(3));
                socket.SendTo(new byte[1000], new IPEndPoint(IPAddress.Parse("198.51.100.1"), Port));
            }
        });

        lab.Eventually((_, fates) =>
        {
            lab.Counted("FragFails").ShouldBe(Many);
            (fates["lost"] + fates["refused"]).ShouldBe(Many);
            fates["forwarded"].ShouldBe(0);
        });
    }

    [RequiresBpfFact("nstat")]
    public void The_reverse_path_filter()
    {
        using var pair = DropTraffic.Pair();
        // With that source, its question for the neighbour would be refused as well.
        pair.Left.Run("ping", "-q", "-c", "1", "-w", "10", TestNetnsPair.RightIPv4);
        pair.Right.Sysctl("net.ipv4.conf.all.rp_filter", "1");
        pair.Left.Run("ip", "addr", "add", "198.51.100.9/32", "dev", "lo");
        using var lab = new LedgerLab(pair.Right);

        From(pair.Left, "198.51.100.9");

        lab.Eventually((lines, fates) =>
        {
            lab.Counted("TcpExtIPReversePathFilter").ShouldBe(Many);
            Dropped(lines, "ip", "IPReversePathFilter").ShouldBe(Many);
            fates["lost"].ShouldBe(Many);
        });
    }

    /// <summary>No counter of IP tells of these.</summary>
    [RequiresBpfFact("nstat")]
    public void A_source_that_is_the_receiver_itself()
    {
        using var pair = DropTraffic.Pair();
        using var lab = new LedgerLab(pair.Right);

        for (var i = 0; i < Many; i++)
        {
            DropTraffic.BadChecksum(
                pair.Left, TestNetnsPair.RightIPv4, TestNetnsPair.RightIPv4, sourcePort: 1234, Port);
        }

        lab.Eventually((_, fates) => fates["lost"].ShouldBe(Many));
    }

    [RequiresBpfTheory("nstat")]
    [InlineData(TestNetnsPair.RightIPv4)]
    [InlineData(TestNetnsPair.RightIPv6)]
    public void Fragments_are_part_of_what_is_delivered(string target)
    {
        using var pair = DropTraffic.Pair();
        using var receiver = Sink(pair.Right);
        using var lab = new LedgerLab(pair.Right);

        DropTraffic.Datagrams(pair.Left, target, Port, 30, size: 4000);

        lab.Eventually((_, fates) =>
        {
            lab.Counted("ReasmOKs").ShouldBe(30);
            fates["reassembled"].ShouldBe(lab.Counted("ReasmReqds") - 30);
            fates["reassembled"].ShouldBeGreaterThanOrEqualTo(60);
            fates["lost"].ShouldBe(0);
        });
    }

    [RequiresBpfFact("nstat")]
    public void Fragments_whose_others_never_come_are_lost()
    {
        using var pair = DropTraffic.Pair();
        pair.Right.Sysctl("net.ipv4.ipfrag_time", "1");
        using var lab = new LedgerLab(pair.Right);

        RawPackets.Fragments(pair.Left, TestNetnsPair.LeftIPv4, TestNetnsPair.RightIPv4, 256, 100);

        lab.Eventually((lines, fates) =>
        {
            lab.Counted("ReasmTimeout").ShouldBe(100);
            (fates["lost"] + fates["refused"]).ShouldBe(100);
            PacketsOf(lines, "reassembled").ShouldBe(0);
            lines.Unexplained.ShouldBe(0);
        }, tolerance: 100);
    }

    /// <summary>Everything at once, and collections in the middle of it.</summary>
    [RequiresBpfFact("nft", "nstat")]
    public void A_storm()
    {
        var count = LabMachine.Kernel is null ? 50_000 : 5_000;
        using var pair = DropTraffic.Pair();
        Forward(pair);
        PacketLossTests.NftDrop(pair.Right, "input", "udp dport 5001");
        using var receiver = pair.Right.Inside(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)
            {
                ReceiveBufferSize = 4096,
            };
            socket.Bind(new IPEndPoint(IPAddress.Any, Port));
            return socket;
        });
        using var lab = new LedgerLab(pair.Right);
        var before = lab.Fates();

        (string To, int Port)[] ways =
        [
            (TestNetnsPair.RightIPv4, 5001), (TestNetnsPair.RightIPv6, 5001), (TestNetnsPair.RightIPv4, Port),
            (TestNetnsPair.RightIPv4, 5002), (TestNetnsPair.RightIPv6, 5002), (Beyond, 5003), (BeyondIPv6, 5003),
            ("198.51.100.1", 5004),
        ];
        var senders = ways.Select(w => Task.Run(() => DropTraffic.Datagrams(pair.Left, w.To, w.Port, count))).ToArray();
        while (!Task.WaitAll(senders, 200))
        {
            var now = lab.Fates();
            var received = now.Values.Sum() - before.Values.Sum();
            now["unexplained"].ShouldBeLessThanOrEqualTo(Math.Max(received / 100, 10));
        }

        lab.Eventually((_, fates) =>
        {
            PacketLossTests.NftCounter(pair.Right).ShouldBe(2 * count);
            fates["forwarded"].ShouldBe(2 * count);
            fates["lost"].ShouldBeGreaterThanOrEqualTo(2 * count);
            (fates["lost"] + fates["refused"]).ShouldBeGreaterThan(5 * count);
        }, tolerance: count / 100);
    }

    [RequiresBpfFact("nstat")]
    public void Multicast_that_nobody_has_joined_is_orderly()
    {
        using var pair = DropTraffic.Pair();
        using var lab = new LedgerLab(pair.Right);

        pair.Left.Inside(() =>
        {
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(TestNetnsPair.LeftIPv6), 0));
            var index = long.Parse(File.ReadAllText("/proc/thread-self/net/if_inet6").Split('\n')
                .First(l => l.EndsWith(TestNetnsPair.Interface)).Split(' ')[1],
                System.Globalization.NumberStyles.HexNumber);
            var group = new IPAddress(IPAddress.Parse("ff02::4243").GetAddressBytes(), index);
            for (var i = 0; i < Many; i++)
                socket.SendTo(new byte[16], new IPEndPoint(group, Port));
        });

        lab.Eventually((_, fates) =>
        {
            fates["orderly"].ShouldBe(Many);
            fates["lost"].ShouldBe(0);
        });
    }

    [RequiresBpfFact("nstat", "tc")]
    public void What_IP_never_saw_and_what_did_not_get_out_are_stages_of_their_own()
    {
        using var pair = DropTraffic.Pair();
        using var sink = Sink(pair.Left);
        pair.Right.Run("tc", "qdisc", "add", "dev", TestNetnsPair.Interface, "root", "tbf", "rate", "8kbit", "burst",
            "2000", "limit", "3000");
        using var lab = new LedgerLab(pair.Right, "netdev", "qdisc");

        DropTraffic.Datagrams(pair.Right, TestNetnsPair.LeftIPv4, Port, Many, size: 500);

        lab.Eventually((lines, fates) =>
        {
            var drops = TcDrops(pair.Right);
            drops.ShouldBeGreaterThan(Many / 2);
            Dropped(lines, "sent", "qdisc").ShouldBe(drops);
            fates["lost"].ShouldBe(0);
            PacketsOf(lines, "sent").ShouldBeGreaterThanOrEqualTo(Many);
        });
    }

    [RequiresBpfFact("nstat")]
    public void Without_packetloss_nothing_is_said_of_the_unexplained()
    {
        using var pair = DropTraffic.Pair();
        using var run = new BpfProbeRun("ledger");
        DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, Port, Many);

        var snapshot = run.Collect();
        var table = snapshot.Find(Ledger.Unexplained.Table).ShouldNotBeNull();
        var row = table.Rows.ToArray().ToList().FindIndex(r => r.Subject?.Inode == pair.Right.Inode);
        table.Column(Ledger.Unexplained)[row].ShouldBe(Collector.Core.Metrics.Metric.Absent);
        table.Column(Ledger.Refused)[row].ShouldBe(Many);
    }

    [RequiresBpfFact]
    public void Collections_allocate_nothing()
    {
        using var pair = DropTraffic.Pair();
        using var lab = new LedgerLab(pair.Right);
        // Others' namespaces come and go on this machine.
        BpfProbeRun.Eventually(() => lab.Run.Allocated(20).ShouldBe(0));
    }

    /// <summary>Receives whatever comes.</summary>
    private static Socket Sink(TestNetns ns) => ns.Inside(() =>
    {
        var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp)
        {
            DualMode = true, ReceiveBufferSize = 4 << 20,
        };
        socket.Bind(new IPEndPoint(IPAddress.IPv6Any, Port));
        return socket;
    });

    /// <summary>The left end sends by the right one whatever it has no address of.</summary>
    private static void RouteByRight(TestNetnsPair pair)
    {
        pair.Left.Run("ip", "route", "add", "default", "via", TestNetnsPair.RightIPv4);
        pair.Left.Run("ip", "-6", "route", "add", "default", "via", TestNetnsPair.RightIPv6);
    }

    /// <summary>The right end sends back what is for beyond.</summary>
    private static void Forward(TestNetnsPair pair)
    {
        RouteByRight(pair);
        foreach (var conf in new[] { "all", TestNetnsPair.Interface })
            pair.Right.Sysctl($"net.ipv4.conf.{conf}.send_redirects", "0");
        pair.Right.Sysctl("net.ipv4.ip_forward", "1");
        pair.Right.Sysctl("net.ipv6.conf.all.forwarding", "1");
        pair.Right.Run("ip", "route", "add", "203.0.113.0/24", "via", TestNetnsPair.LeftIPv4);
        pair.Right.Run("ip", "-6", "route", "add", "2001:db8:1::/64", "via", TestNetnsPair.LeftIPv6);
    }

    private static void From(TestNetns ns, string source) => ns.Inside(() =>
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(source), 0));
        for (var i = 0; i < Many; i++)
            socket.SendTo(new byte[16], new IPEndPoint(IPAddress.Parse(TestNetnsPair.RightIPv4), Port));
    });
}
