using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Collector.Core.Events;
using Collector.Linux.Findings.Retransmissions;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>Losses, caused at the sender, on the way and at the receiver, and which of them is found.</summary>
public sealed class RetransmissionFindingTests
{
    [RequiresBpfFact("nft", "nstat")]
    public void A_firewall_drops_data_on_this_node()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        // Six for each time: those that wait longer and longer send less again.
        var connections = traffic.Connect(60);
        run.Collect();
        TcpLab.Drop(traffic.Right, "meta l4proto tcp drop");
        var used = 0;
        var found = run.Await(LocalDrop.Kind, traffic.Left, () =>
        {
            foreach (var (client, _) in connections.Skip(used).Take(6))
                client.Send("lost"u8);
            used += 6;
        }, f => f.Severity == EventSeverity.Error);
        found.Verdict.Detail.ShouldMatch("^(NETFILTER_DROP|nf.*)$");
        found.Sentence.ShouldMatch(
            $@"^network namespace {traffic.Left.Name} sends data again to {traffic.Service}: network namespace "
            + $@"{traffic.Right.Name} dropped \d+ packets, .*nf\S+\)?$");
        found.Verdict.Evidence[0].Source.ShouldBe("tcp_retransmit_skb of what kfree_skb had dropped");
        found.Verdict.Confirm.ShouldBe($"ip netns exec {traffic.Left.Name} ss -tino dst {TestNetnsPair.RightIPv4}");
        TcpLab.Nstat(traffic.Left, "TcpRetransSegs").ShouldBeGreaterThan(4);
        run.Of(traffic.Left).ShouldBe([found]);
    }

    [RequiresBpfFact("nft", "nstat")]
    public void A_rule_at_the_sender_lets_nothing_out()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        var connections = traffic.Connect(6);
        traffic.MakeAbyss();
        run.Collect();
        // They are on their way when the rule comes.
        traffic.OpenAbyss();
        foreach (var (client, _) in connections)
            client.Send("lost"u8);
        traffic.Left.Run("nft", "add table inet t; add chain inet t output { type filter hook output priority 0; }; "
            + "add rule inet t output meta l4proto tcp drop");
        // Each goes on trying, and fails again.
        var found = run.Await(RetransmitFailed.Kind, traffic.Left, static () => { });
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Left.Name} cannot send data of open connections: "
            + @"\d+ segments "
            + "were refused within it, (a rule of its firewall drops what it sends|the kernel does not say why)$");
        found.Verdict.Confirm.ShouldStartWith($"ip netns exec {traffic.Left.Name} ");
        TcpLab.Nstat(traffic.Left, "TcpExtTCPRetransFail").ShouldBeGreaterThan(2);
        run.Of(traffic.Left).ShouldBe([found]);
    }

    [RequiresBpfFact("nstat")]
    public void The_network_loses_a_part()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        traffic.MakeAbyss();
        var connections = traffic.Connect(6, static s => s.SendBufferSize = 128 * 1024);
        run.Collect();
        var found = run.Await(PathLoss.Kind, traffic.Left, () => Lose(traffic, connections, 64 * 1024),
            f => f.Severity == EventSeverity.Error);
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Left.Name} loses [\d.]+ % of its segments, "
            + $"mostly to {TestNetnsPair.RightIPv4}: they left this node, and were lost on the way$");
        found.Verdict.RuledOut.ShouldContain("this node dropped none of them");
        run.Of(traffic.Left, traffic.Right).ShouldBe([found]);
    }

    // Each connection loses what it has on the way at once, and then gets everything through.
    private static void Lose(FindingTraffic traffic, (Socket Client, Socket Server)[] connections, int bytes)
    {
        traffic.OpenAbyss();
        foreach (var (client, _) in connections)
            FindingTraffic.Send(client, bytes);
        traffic.CloseAbyss();
        foreach (var (_, server) in connections)
            FindingTraffic.Receive(server, bytes);
    }

    [RequiresBpfFact("nstat")]
    public void The_few_that_are_lost_are_found_by_time_outs()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        traffic.MakeAbyss();
        traffic.Left.Sysctl("net.ipv4.tcp_early_retrans", "0");
        var connections = traffic.Connect(6);
        var (bulk, sink) = traffic.Connect();
        run.Collect();
        var found = run.Await(RtoBound.Kind, traffic.Left, () =>
        {
            Lose(traffic, connections, 4);
            FindingTraffic.Transfer(bulk, sink, 24 << 20);
        });
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Left.Name} finds losses only by time-outs of 200 ms "
            + @"and more: "
            + @"\d+ segments waited for theirs, \d+ were sent again sooner$");
        TcpLab.Nstat(traffic.Left, "TcpExtTCPTimeouts").ShouldBeGreaterThan(4);
        run.Of(traffic.Left, traffic.Right).ShouldBe([found]);
    }

    [RequiresBpfFact("nstat", "tc")]
    public void Acknowledgements_that_come_late_make_it_send_again()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        var connections = traffic.Connect(16);
        var sink = traffic.Left.Inside(() => new Socket(AddressFamily.InterNetwork,
            SocketType.Dgram, ProtocolType.Udp)
        { Blocking = false });
        using var closed = sink;
        sink.Bind(new IPEndPoint(IPAddress.Any, 9));
        // A queue on the way back that is a second long, and other traffic in it.
        traffic.Right.Run("tc", "qdisc", "add", "dev", TestNetnsPair.Interface, "root", "tbf",
            "rate", "400kbit", "burst", "4kb", "limit", "400kb");
        run.Collect();
        var buffer = new byte[2048];
        var found = run.Await(Spurious.Kind, traffic.Left, () =>
        {
            DropTraffic.Datagrams(traffic.Right, TestNetnsPair.LeftIPv4, 9, 45, 1000);
            foreach (var (client, server) in connections)
            {
                client.Send("data"u8);
                FindingTraffic.Receive(server, 4);
            }
            while (sink.Poll(0, SelectMode.SelectRead))
                sink.Receive(buffer);
        });
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Left.Name} sends data again that had arrived, \d+ "
            + @"segments "
            + @"in \d+ s: acknowledgements come late, a queue on the way back or the peer holds them up$");
        TcpLab.Nstat(traffic.Left, "TcpExtTCPDSACKRecv").ShouldBeGreaterThan(9);
        run.Of(traffic.Left).ShouldBe([found]);
    }

    [RequiresBpfFact("nft", "ss", "ping")]
    public void The_path_loses_large_packets_and_says_nothing()
    {
        var run = FindingRun.Shared;
        var large = new byte[4000];
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            using var traffic = new FindingTraffic(ends);
            traffic.MakeAbyss();
            traffic.Narrow(1200);
            var address = TcpLab.Right(ends).ToString();
            traffic.Left.Run("ping", "-c", "1", "-s", "400", address);
            traffic.Left.Try("ping", "-c", "1", "-W", "1", "-M", "do", "-s", "1400", address).Code.ShouldBe(1);
            run.Collect();
            var found = run.Await(MtuBlackHole.Kind, traffic.Left, () =>
            {
                var connections = traffic.Connect(2);
                SendSmall(connections);
                foreach (var (client, _) in connections)
                    client.Send(large);
            });
            var shown = traffic.Left.Run("ss", "-tinH", "state", "established");
            var size = Figures(shown, "mss:")[0];
            Figures(shown, "backoff:").Count(static times => times >= 2).ShouldBeGreaterThanOrEqualTo(3);
            found.Severity.ShouldBe(EventSeverity.Error);
            found.Sentence.ShouldMatch($@"^network namespace {traffic.Left.Name} gets no large segments through on "
                + $@"connections to {Regex.Escape(traffic.Service)}: \d+ of them sent {size} bytes again and again "
                + "without an answer, and small segments arrived$");
            found.Verdict.RuledOut.ShouldContain("no drop by netfilter");
            // As large as the packet with TCP's header and its timestamps.
            found.Verdict.Confirm.ShouldEndWith($"ping -c 3 -M do -s {size + 24} {address}");
            run.Of(traffic.Left, traffic.Right).ShouldBe([found]);
        }
    }

    private static void SendSmall((Socket Client, Socket Server)[] connections)
    {
        foreach (var (client, server) in connections)
        {
            client.Send("small"u8);
            FindingTraffic.Receive(server, 5);
        }
    }

    private static void IsNoBlackHoleUntil(FindingRun run, FindingTraffic traffic, string counter, int least)
    {
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            TcpLab.Nstat(traffic.Left, counter).ShouldBeGreaterThanOrEqualTo(least);
        }, 60);
        // A window that begins after all of them, too.
        Thread.Sleep(run.Engine.Shortest);
        run.Collect();
        run.AllOf(traffic.Left).ShouldAllBe(f => f.Info != MtuBlackHole.Kind);
    }

    // "mss:1448", as ss shows it of each connection.
    private static long[] Figures(string shown, string name) =>
    [
        .. shown.Split(' ', '\n').Where(w => w.StartsWith(name, StringComparison.Ordinal))
            .Select(w => long.Parse(w[name.Length..], CultureInfo.InvariantCulture)),
    ];

    [RequiresBpfFact("nstat")]
    public void A_path_that_loses_packets_of_every_size_is_another_fault()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        traffic.MakeAbyss();
        var connections = traffic.Connect(12);
        SendSmall(connections);
        run.Collect();
        traffic.OpenAbyss();
        for (var i = 0; i < connections.Length; i++)
            connections[i].Client.Send(new byte[i % 2 == 0 ? 20 : 4000]);
        IsNoBlackHoleUntil(run, traffic, "TcpExtTCPTimeouts", 5 * connections.Length);
    }

    /// <summary>What is sent again then asks whether it takes something again, however large it is.</summary>
    [RequiresBpfFact("nft", "nstat")]
    public void A_peer_that_takes_nothing_now_is_no_black_hole()
    {
        var run = FindingRun.Shared;
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            using var traffic = new FindingTraffic(ends);
            traffic.MakeAbyss();
            traffic.Narrow(1200);
            var connections = traffic.Connect(6);
            SendSmall(connections);
            run.Collect();
            traffic.Left.Run("nft", "add table inet closed; "
                + "add chain inet closed in { type filter hook prerouting priority -300; }; "
                + $"add rule inet closed in tcp sport {FindingTraffic.Port} tcp window set 0");
            foreach (var (client, server) in connections)
            {
                client.Send(new byte[4000]);
                // The first may have the number of the acknowledgement before: older kernels take no window from it.
                for (var i = 0; i < 2; i++)
                {
                    server.Send("x"u8);
                    FindingTraffic.Receive(client, 1);
                }
            }
            IsNoBlackHoleUntil(run, traffic, "TcpRetransSegs", 5 * connections.Length);
            // The kernel had it closed, and told of time-outs then.
            run.Retransmissions.ShouldContain(e => e.Subject != null && e.Subject.Inode == traffic.Left.Inode
                && e.Field("netlens.retransmit.timeouts") != null && e.Field("netlens.retransmit.size") == null);
        }
    }

    [RequiresBpfFact("nstat")]
    public void Packets_arrive_damaged()
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        run.Collect();
        var found = run.Await(BadChecksum.Kind, pair.Right, () =>
        {
            for (var i = 0; i < 20; i++)
                DropTraffic.BadChecksum(pair.Left, TestNetnsPair.LeftIPv4, TestNetnsPair.RightIPv4, 4001, 4002);
        });
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Verdict.Detail.ShouldBe("UDP");
        found.Sentence.ShouldMatch($@"^network namespace {pair.Right.Name} gets UDP packets with wrong checksums and "
            + @"drops them, "
            + @"\d+ of \d+: something damages them on the way, or an offload left the checksum out$");
        TcpLab.Nstat(pair.Right, "UdpInCsumErrors").ShouldBeGreaterThanOrEqualTo(20);
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    [RequiresBpfFact]
    public void Much_traffic_that_arrives_yields_nothing()
    {
        var run = FindingRun.Shared;
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            using var traffic = new FindingTraffic(ends);
            var (client, server) = traffic.Connect();
            run.ShouldBeSilent(() =>
            {
                FindingTraffic.Transfer(client, server, 8 << 20);
                FindingTraffic.Transfer(server, client, 1 << 20);
            }, traffic.Left, traffic.Right);
        }
    }
}
