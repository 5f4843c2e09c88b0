using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>What connections between two namespaces carried, compared with what ss and the device say.</summary>
public sealed partial class FlowTests
{
    private const string Four = "192.0.2.0/24";
    private const string Six = "2001:db8::/64";

    /// <summary>Its role, port and figures, by peer.</summary>
    private sealed record Flow(string Role, string Peer, long Port, long[] Cells)
    {
        public long Connections => Cells[0];
        public long Sent => Cells[1];
        public long Received => Cells[2];
        public long Out => Cells[3];
        public long In => Cells[4];
        public long Retransmitted => Cells[5];
        public long Rtt => Cells[6];
    }

    [RequiresBpfFact("ss", "ip")]
    public void Open_connections_and_ended_ones_carry_what_ss_and_the_device_say()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow");
        var device = DeviceBytes(pair.Left);
        foreach (var ends in TcpLab.All)
        {
            var (client, server) = TcpLab.Connect(pair, ends);
            using (client)
            using (server)
            {
                var port = TcpLab.Port(server.LocalEndPoint);
                Send(client, server, 700_000);
                Send(server, client, 90_000);
                Settled(pair.Left);
                var (acked, received) = Ss(pair.Left, port);
                acked.ShouldBeGreaterThanOrEqualTo(700_000);
                received.ShouldBeGreaterThanOrEqualTo(90_000);

                var peer = ends == Ends.V6 ? Six : Four;
                var flows = Read(run, pair.Left);
                var mine = flows.Single(f => f.Port == port);
                (mine.Role, mine.Peer, mine.Connections).ShouldBe(("client", peer, 1));
                (mine.Sent, mine.Received).ShouldBe((acked, received));
                mine.Rtt.ShouldBeGreaterThan(0);
                // An emulated machine is so slow that it may send something again.
                mine.Retransmitted.ShouldBe(Retransmitted(pair.Left, port));
                var other = Read(run, pair.Right).Single(f => f.Port == port);
                (other.Role, other.Peer, other.Connections).ShouldBe(("server", peer, 1));
                (other.Sent, other.Received).ShouldBe(Ss(pair.Right, port));
                (other.Sent, other.Received).ShouldBe((mine.Received, mine.Sent - 1), "the client's SYN counts");
                // What is told of an open connection does not count again.
                Read(run, pair.Left).Single(f => f.Port == port).Sent.ShouldBe(acked);
            }
        }
        // The end of each, too, is counted once: its FIN is a byte of either direction.
        BpfProbeRun.Eventually(() => Ss(pair.Left, 0).Acked.ShouldBe(0));
        foreach (var (ns, sent, got) in new[] { (pair.Left, 700_000, 90_000), (pair.Right, 90_000, 700_000) })
        {
            var all = Read(run, ns);
            all.Length.ShouldBe(3);
            all.ShouldAllBe(f => f.Connections == 1 && f.Sent >= sent && f.Sent <= sent + 2
                && f.Received >= got && f.Received <= got + 1);
            Read(run, ns).Select(f => f.Sent).ShouldBe(all.Select(f => f.Sent));
        }
        // Headers of Ethernet, IP and TCP with options are between 54 and 134 bytes; beside TCP there is little.
        var left = Read(run, pair.Left);
        var (rx, tx) = DeviceBytes(pair.Left);
        var (least, most) = (left.Sum(f => f.Sent), left.Sum(f => f.Sent + f.Out * 134) + 20_000);
        (tx - device.Tx).ShouldBeInRange(least, most);
        (rx - device.Rx).ShouldBeInRange(left.Sum(f => f.Received), left.Sum(f => f.Received + f.In * 134) + 20_000);
        run.Failures.ShouldBeEmpty();
        // A datagram of the machine's own may be the first of its kind in between.
        BpfProbeRun.Eventually(() => run.Allocated(20).ShouldBe(0));
    }

    [RequiresBpfFact("nstat")]
    public void A_thousand_short_connections_are_all_counted()
    {
        const int Times = 1000;
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow");
        using var listener = TcpLab.Listen(pair.Right, Ends.V4);
        for (var i = 0; i < Times; i++)
        {
            using var client = TcpLab.Make(pair.Left, Ends.V4);
            client.Connect(new IPEndPoint(TcpLab.Right(Ends.V4), TcpLab.Port(listener.LocalEndPoint)));
            using var server = listener.Accept();
            Send(client, server, 100);
            Send(server, client, 1000);
            if (i % 100 == 0)
                run.Collect();
        }
        foreach (var (ns, role, sent, received) in new[]
        {
            (pair.Left, "client", 100L, 1000L), (pair.Right, "server", 1000L, 100L),
        })
        {
            BpfProbeRun.Eventually(() =>
            {
                var flow = Read(run, ns).ShouldHaveSingleItem();
                (flow.Role, flow.Peer, flow.Connections).ShouldBe((role, Four, Times));
                flow.Sent.ShouldBeInRange(sent * Times, (sent + 2) * Times);
                flow.Received.ShouldBeInRange(received * Times, (received + 1) * Times);
                // That counter leaves out what is sent again, as a machine that is slow does.
                flow.Out.ShouldBeInRange(
                    Times * 3, TcpLab.Nstat(ns, "TcpOutSegs") + TcpLab.Nstat(ns, "TcpRetransSegs"));
            });
        }
        TcpLab.Nstat(pair.Left, "TcpActiveOpens").ShouldBe(Times);
        run.Failures.ShouldBeEmpty();
    }

    [RequiresBpfFact("nft", "ss")]
    public void What_is_sent_again_is_counted_as_by_ss()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow");
        var (client, server) = TcpLab.Connect(pair, Ends.V4);
        using (client)
        using (server)
        {
            var port = TcpLab.Port(server.LocalEndPoint);
            TcpLab.Drop(pair.Right, "meta l4proto tcp drop");
            client.Send(new byte[1000]);
            BpfProbeRun.Eventually(() => Retransmitted(pair.Left, port).ShouldBeGreaterThan(1));
            TcpLab.Pass(pair.Right);
            Receive(server, 1000);
            Settled(pair.Left);
            Read(run, pair.Left).ShouldHaveSingleItem().Retransmitted.ShouldBe(Retransmitted(pair.Left, port));
            Read(run, pair.Right).ShouldHaveSingleItem().Retransmitted.ShouldBe(0);
        }
    }

    [RequiresBpfFact("ss")]
    public void Those_that_carry_less_share_a_row_and_nothing_is_lost()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow", null, ("top", "1"));
        var (client, server) = TcpLab.Connect(pair, Ends.V4);
        var (client2, server2) = TcpLab.Connect(pair, Ends.V6);
        using (client)
        using (server)
        using (client2)
        using (server2)
        {
            Send(client, server, 500_000);
            Send(client2, server2, 50_000);
            Settled(pair.Left);
            var first = Read(run, pair.Left);
            first.Select(f => f.Peer).ShouldBe([Four, "other"]);
            (first[1].Role, first[1].Port).ShouldBe(("", 0));
            first[0].Sent.ShouldBe(Ss(pair.Left, TcpLab.Port(server.LocalEndPoint)).Acked);
            first[1].Sent.ShouldBe(Ss(pair.Left, TcpLab.Port(server2.LocalEndPoint)).Acked);

            // The other one carries more now: it gets the row, and all together grow by what was carried.
            Send(client2, server2, 3_000_000);
            Settled(pair.Left);
            var second = Read(run, pair.Left);
            second.Select(f => f.Peer).ShouldBe([Six, "other"]);
            second[0].Sent.ShouldBe(3_000_000);
            second[1].Sent.ShouldBe(first[1].Sent);
        }
    }

    [RequiresBpfFact]
    public void What_was_carried_before_is_not_told_and_what_ends_is()
    {
        using var pair = new TestNetnsPair();
        var (client, server) = TcpLab.Connect(pair, Ends.V4);
        Send(client, server, 200_000);
        Settled(pair.Left);
        using var run = new BpfProbeRun("flow");
        Read(run, pair.Left).ShouldBeEmpty();
        Send(client, server, 30_000);
        client.Dispose();
        server.Dispose();
        BpfProbeRun.Eventually(() =>
        {
            var flow = Read(run, pair.Left).ShouldHaveSingleItem();
            flow.Sent.ShouldBeInRange(30_000, 30_001);
            flow.Connections.ShouldBe(0, "it began before");
        });
    }

    [RequiresBpfFact]
    public void Sides_are_told_apart_whatever_the_ports_are()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("flow", null, ("ipv4Prefix", "32"));
        foreach (var backlog in new[] { 0, 1, 100 })
        {
            // Ports that clients get, but for the last resort: a listener without a backlog.
            var port = backlog == 0 ? 1500 : 40_000 + backlog;
            using var listener = TcpLab.Make(ns, Ends.V4);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
            listener.Listen(backlog);
            using var client = TcpLab.Make(ns, Ends.V4);
            if (backlog == 1)
                client.Bind(new IPEndPoint(IPAddress.Loopback, 1600));
            client.Connect(listener.LocalEndPoint!);
            using var server = listener.Accept();
            Send(client, server, 10);
            Read(run, ns).Where(f => f.Port == port).Select(f => $"{f.Role} {f.Peer}").Order().ShouldBe(
                ["client 127.0.0.1", "server 127.0.0.1"]);
        }
    }

    [RequiresBpfFact("python3", "setpriv", "unshare")]
    public void A_user_s_namespaces_have_a_share_of_the_map()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow", null, ("entries", "64"));
        RootlessShareTests.OfUser("served", 60, 1);
        var (client, server) = TcpLab.Connect(pair, Ends.V4);
        using (client)
        using (server)
        {
            Send(client, server, 10);
            Read(run, pair.Left).ShouldHaveSingleItem().Peer.ShouldBe(Four);
            PacketLossLifeTests.Losses(run, 1).ShouldBeGreaterThan(0);
        }
    }

    private static Flow[] Read(BpfProbeRun run, TestNetns ns)
    {
        var snapshot = run.Collect();
        if (snapshot.Find(run.Probe.Info.Tables[0]) is not { } table)
            return [];
        return [.. Enumerable.Range(0, table.Count).Where(r => table.Rows[r].Subject?.Inode == ns.Inode).Select(r =>
            new Flow(
                table.Rows[r].Tags[1].Text, table.Rows[r].Tags[2].Text, table.Rows[r].Tags[3].Number,
                [.. run.Probe.Info.Metrics.Select(m => table.Column(m)[r])]))];
    }

    private static void Send(Socket from, Socket to, int bytes)
    {
        var sending = Task.Run(() =>
        {
            for (var sent = 0; sent < bytes;)
                sent += from.Send(new byte[Math.Min(bytes - sent, 65_536)]);
        });
        Receive(to, bytes);
        sending.Wait();
    }

    private static void Receive(Socket to, int bytes)
    {
        var buffer = new byte[65_536];
        for (var received = 0; received < bytes;)
            received += to.Receive(buffer, Math.Min(buffer.Length, bytes - received), SocketFlags.None);
    }

    // Nothing is on the way any more.
    private static void Settled(TestNetns ns) => BpfProbeRun.Eventually(() =>
        ns.Run("ss", "-Htni", "state", "established").ShouldNotContain("unacked:"));

    /// <summary>Of the connections with that port at either end; 0: of all.</summary>
    private static (long Acked, long Received) Ss(TestNetns ns, int port)
    {
        var text = port == 0
            ? ns.Run("ss", "-Htni")
            : ns.Run("ss", "-Htni", $"( sport = :{port} or dport = :{port} )");
        return (Sum(text, "bytes_acked"), Sum(text, "bytes_received"));
    }

    private static long Retransmitted(TestNetns ns, int port) =>
        Total().Matches(ns.Run("ss", "-Htni", $"dport = :{port}"))
            .Sum(m => long.Parse(m.Groups["total"].Value, CultureInfo.InvariantCulture));

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    private static long Sum(string text, string name) => Regex.Matches(text, $@"{name}:(\d+)", RegexOptions.None, Limit)
        .Sum(m => long.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture));

    private static (long Rx, long Tx) DeviceBytes(TestNetns ns)
    {
        using var json = JsonDocument.Parse(ns.Run("ip", "-s", "-j", "link", "show", TestNetnsPair.Interface));
        var all = json.RootElement[0].GetProperty("stats64");
        return (all.GetProperty("rx").GetProperty("bytes").GetInt64(),
            all.GetProperty("tx").GetProperty("bytes").GetInt64());
    }

    [GeneratedRegex(@"retrans:\d+/(?<total>\d+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Total();
}
