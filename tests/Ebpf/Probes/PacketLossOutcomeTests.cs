using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Collector.Core.Events;
using Collector.Linux.Interop;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>What is lost, what is refused and what is in order, by what nstat, nftables and tc say.</summary>
public sealed partial class PacketLossOutcomeTests
{
    private const string Drops = "netlens.packetloss.drops";
    private const string Lost = "netlens.packetloss.lost";
    private const string Total = "kubeskoop_packetloss_total";
    private const int Requests = 50;

    private static Dictionary<string, long> Outcomes(BpfProbeRun run, TestNetns ns) =>
        run.SumBy(Drops, ns, "netlens.drop.outcome");

    [RequiresBpfFact("nstat", "ss")]
    public void Connections_that_the_server_closes_first_lose_nothing()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("packetloss");
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
            ns.Inside(() => Serve(ends == Ends.V4 ? IPAddress.Loopback : IPAddress.IPv6Loopback));
        BpfProbeRun.Eventually(() => ns.Run("ss", "-H", "-t", "-n", "state", "fin-wait-2").ShouldBeEmpty());

        foreach (var counter in new[] { "TcpInErrs", "TcpOutRsts", "TcpExtListenDrops", "TcpExtTCPTimeouts" })
            TcpLab.Nstat(ns, counter).ShouldBe(0, counter);
        Outcomes(run, ns).Keys.ShouldBe(["orderly"]);
        run.Sum(Lost, ns).ShouldBe(0);
        run.Sum(Total, ns).ShouldBe(0);
        run.Events.All.Where(e => e.Subject?.Inode == ns.Inode).Select(e => e.Message).ShouldBeEmpty();
    }

    /// <summary>The kernel makes one, in the namespace of who asks for it, and frees it as it frees lost ones.</summary>
    [RequiresBpfFact]
    public void A_packet_that_a_program_is_tried_with_was_sent_by_nobody()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("packetloss");
        // What measures the agent's own programs makes none.
        var costs = run.Host.Bpf.Costs;
        ns.Inside(() =>
        {
            costs.TryBegin().ShouldBeTrue(costs.Hindrance);
            costs.End(whole: true);
            return costs.Windows;
        }).ShouldBe(1);
        Outcomes(run, ns).ShouldBeEmpty();
        for (var i = 0; i < 3; i++)
            ns.Inside(TryProgram).ShouldBe(0);
        var outcomes = Outcomes(run, ns);
        outcomes.Keys.ShouldBe(["orderly"]);
        outcomes["orderly"].ShouldBe(3);
        run.Events.All.Where(e => e.Subject?.Inode == ns.Inode).Select(e => e.Message).ShouldBeEmpty();
    }

    private static unsafe int TryProgram()
    {
        var code = stackalloc ulong[] { 0xb7, 0x95 }; // r0 = 0; exit
        using var program = new SafeFd(Libbpf.bpf_prog_load(
            Libbpf.BPF_PROG_TYPE_SOCKET_FILTER, "netlens_test", "GPL", code, 2, 0));
        var frame = stackalloc byte[64];
        var options = new Libbpf.bpf_test_run_opts
        {
            sz = (nuint)sizeof(Libbpf.bpf_test_run_opts), data_in = frame, data_size_in = 64, repeat = 1,
        };
        return Libbpf.bpf_prog_test_run_opts(program.Value, &options);
    }

    // Each request is answered and its connection closed; its client closes 100 ms later.
    private static void Serve(IPAddress address)
    {
        using var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(address, 0));
        listener.Listen(Requests);
        var clients = new List<Socket>();
        for (var i = 0; i < Requests; i++)
        {
            var client = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(listener.LocalEndPoint!);
            client.Send("GET / HTTP/1.0\r\n\r\n"u8);
            using var server = listener.Accept();
            server.Receive(new byte[100]).ShouldBe(18);
            server.Send("HTTP/1.0 204 No Content\r\n\r\n"u8);
            clients.Add(client);
        }
        Thread.Sleep(100);
        foreach (var client in clients)
        {
            client.Receive(new byte[100]).ShouldBe(27);
            client.Dispose();
        }
    }

    [RequiresBpfFact("nstat")]
    public void Resets_that_meet_what_ends_are_no_loss()
    {
        using var pair = DropTraffic.Pair();
        using var run = new BpfProbeRun("packetloss");
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            using var listener = TcpLab.Listen(pair.Right, ends);
            // The kernel knows nothing of it and answers the SYN-ACK with a reset, which meets a half-open connection.
            ResetInjector.SendSyn(
                pair.Left, TcpLab.Left(ends), 4001, TcpLab.Right(ends), TcpLab.Port(listener.LocalEndPoint));
            BpfProbeRun.Eventually(() =>
                TcpLab.Nstat(pair.Right, "TcpExtEmbryonicRsts").ShouldBe(ends == Ends.V4 ? 1 : 2));
        }
        Outcomes(run, pair.Right).Keys.Except(["orderly"]).ShouldBeEmpty();
        // The SYN-ACKs that nobody had asked for.
        Outcomes(run, pair.Left).ShouldBe([new("refused", TcpLab.Nstat(pair.Left, "TcpOutRsts"))]);
        run.Sum(Lost, pair.Left).ShouldBe(0);
    }

    [RequiresBpfFact("nstat")]
    public void What_is_answered_is_refused()
    {
        using var pair = DropTraffic.Pair();
        using var run = new BpfProbeRun("packetloss");
        foreach (var target in new[] { TestNetnsPair.RightIPv4, TestNetnsPair.RightIPv6 })
        {
            DropTraffic.Datagrams(pair.Left, target, 4243, count: 3);
            DropTraffic.Connect(pair.Left, target, 4243).ShouldBeFalse();
        }
        TcpLab.Nstat(pair.Right, "TcpOutRsts").ShouldBe(2);
        Outcomes(run, pair.Right).ShouldBe([new("refused", 8)]);
        run.Sum(Total, pair.Right).ShouldBe(8);
        run.Sum(Lost, pair.Right).ShouldBe(0);
        var refused = run.Events.Await(e => e.Subject?.Inode == pair.Right.Inode && e.Tuple?.Transport == "tcp");
        refused.Info.Severity.ShouldBe(EventSeverity.Info);
        refused.Severity.ShouldBe(EventSeverity.Error, "no connection comes about");
        run.Events.Await(e => e.Subject?.Inode == pair.Right.Inode && e.Tuple?.Transport == "udp")
            .Severity.ShouldBe(EventSeverity.Info);
    }

    [RequiresBpfFact("nft")]
    public void What_a_rule_drops_is_lost_to_the_packet()
    {
        using var pair = DropTraffic.Pair();
        PacketLossTests.NftDrop(pair.Right, "input", "udp dport 4243");
        using var run = new BpfProbeRun("packetloss");
        DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, 4243, count: 40);
        DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv6, 4243, count: 40);

        var counted = PacketLossTests.NftCounter(pair.Right);
        counted.ShouldBe(80);
        Outcomes(run, pair.Right).ShouldBe([new("lost", counted)]);
        run.Sum(Lost, pair.Right).ShouldBe(counted);
        var e = run.Events.Await(e => e.Subject?.Inode == pair.Right.Inode);
        e.Severity.ShouldBe(EventSeverity.Warn);
        e.Message.ShouldMatch(
            $@"^network namespace {pair.Right.Name} dropped udp from \S+ to \S+:4243: .*; running: .+\[\d+\]$");
    }

    [RequiresBpfFact("nft", "nstat")]
    public void What_a_rule_rejects_with_a_reset_is_refused_where_a_function_can_be_hooked()
    {
        using var pair = DropTraffic.Pair();
        PacketLossTests.NftDrop(pair.Right, "input", "tcp dport 4243", "reject with tcp reset");
        using var run = new BpfProbeRun("packetloss");
        var hooked = KernelFeature.Fentry.WhyMissing is null || KernelFeature.Kprobes.WhyMissing is null;
        foreach (var target in new[] { TestNetnsPair.RightIPv4, TestNetnsPair.RightIPv6 })
        {
            for (var i = 0; i < 5; i++)
                DropTraffic.Connect(pair.Left, target, 4243).ShouldBeFalse();
        }
        PacketLossTests.NftCounter(pair.Right).ShouldBe(10);
        Outcomes(run, pair.Right).ShouldBe([new(hooked ? "refused" : "lost", 10)]);
        run.Sum(Lost, pair.Right).ShouldBe(hooked ? 0 : 10);
    }

    [RequiresBpfFact("nft", "nstat")]
    public void What_finds_no_room_in_a_full_map_keeps_its_outcome()
    {
        using var ns = new TestNetns();
        PacketLossTests.NftDrop(ns, "input", "udp dport 4243");
        var others = new List<TestNetns>();
        try
        {
            using var run = new BpfProbeRun("packetloss", null, ("entries", "64"));
            // As many as it takes and no more: what finds no room has room for some namespaces only.
            while (PacketLossLifeTests.Losses(run, 1) == 0)
            {
                others.Count.ShouldBeLessThan(64);
                var other = new TestNetns();
                others.Add(other);
                DropTraffic.Datagrams(other, "127.0.0.1", 9, count: 1);
                DropTraffic.Connect(other, "127.0.0.1", 9).ShouldBeFalse();
                DropTraffic.Connect(other, "::1", 9).ShouldBeFalse();
            }
            DropTraffic.Datagrams(ns, "127.0.0.1", 4243, count: 5);
            DropTraffic.Datagrams(ns, "127.0.0.1", 9, count: 3);
            ns.Inside(() => Serve(IPAddress.Loopback));
            BpfProbeRun.Eventually(() => ns.Run("ss", "-H", "-t", "-n", "state", "fin-wait-2").ShouldBeEmpty());

            run.Sum(Drops, ns, "_other").ShouldBeGreaterThan(0);
            var outcomes = Outcomes(run, ns);
            outcomes["lost"].ShouldBe(PacketLossTests.NftCounter(ns));
            outcomes["refused"].ShouldBe(3);
            outcomes["orderly"].ShouldBeGreaterThan(0);
            run.Sum(Lost, ns).ShouldBe(5);
        }
        finally
        {
            others.ForEach(o => o.Dispose());
        }
    }

    [RequiresBpfFact("tc")]
    public void What_a_full_queue_drops_is_lost_and_its_reason_has_a_name()
    {
        using var pair = DropTraffic.Pair();
        pair.Left.Run("tc", "qdisc", "add", "dev", TestNetnsPair.Interface, "root", "tbf",
            "rate", "8kbit", "burst", "1600", "limit", "2000");
        using var run = new BpfProbeRun("packetloss");
        DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, 4243, count: 40, size: 500);

        var (shown, reason) = (0L, "");
        BpfProbeRun.Eventually(() =>
        {
            shown = Dropped(pair.Left);
            shown.ShouldBeGreaterThan(20);
            Outcomes(run, pair.Left)["lost"].ShouldBe(shown);
            reason = run.SumBy(Drops, pair.Left, "netlens.drop.reason").Single(r => r.Value == shown).Key;
        });
        if (PacketLossTests.Reason(run, "known", "unknown") is "unknown")
            return;
        reason.ShouldMatch("^QDISC_[A-Z][A-Z_]+$");

        // The name is also one that settings know.
        using var silent = new BpfProbeRun("packetloss", null, ("ignore", reason));
        silent.Host.Bpf.Notes.ShouldNotContain(n => n.Text.Contains(reason));
        DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, 4243, count: 40, size: 500);
        Dropped(pair.Left).ShouldBeGreaterThan(shown + 20);
        Outcomes(silent, pair.Left).ShouldNotContainKey("lost");
    }

    private static long Dropped(TestNetns ns)
    {
        var shown = DroppedByTc().Match(ns.Run("tc", "-s", "qdisc", "show", "dev", TestNetnsPair.Interface));
        return long.Parse(shown.Groups["packets"].Value, System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>The kernel frees a SYN that finds a full accept queue as consumed: other figures have it.</summary>
    [RequiresBpfFact("nstat")]
    public void A_SYN_that_finds_a_full_accept_queue_is_no_drop_here_and_tcpext_and_its_listener_have_it()
    {
        using var ns = new TestNetns();
        using var drops = new BpfProbeRun("packetloss");
        using var counters = new BpfProbeRun("tcpext");
        using var listeners = new BpfProbeRun("tcpsummary");
        using var clients = new Clients(ns);
        BpfProbeRun.Eventually(() => TcpLab.Nstat(ns, "TcpExtListenDrops").ShouldBeGreaterThanOrEqualTo(6));
        clients.Stop();

        // What the clients leave behind may still be sent again, and meet the full queue.
        BpfProbeRun.Eventually(() =>
        {
            var dropped = TcpLab.Nstat(ns, "TcpExtListenDrops");
            TcpLab.Nstat(ns, "TcpExtListenOverflows").ShouldBe(dropped);
            counters.Sum("netlens.tcpext.listen_drops", ns).ShouldBe(dropped);
            counters.Sum("netlens.tcpext.listen_overflows", ns).ShouldBe(dropped);
            listeners.Sum("netlens.tcp.listen.dropped", ns).ShouldBe(dropped);
        });
        drops.Sum(Lost, ns).ShouldBe(0);
    }

    /// <summary>Six that connect to one that waits for two and accepts none.</summary>
    private sealed class Clients : IDisposable
    {
        private readonly List<Socket> _sockets = [];
        private readonly Socket _listener;

        public Clients(TestNetns ns)
        {
            _listener = TcpLab.Make(ns, Ends.V4);
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listener.Listen(1);
            for (var i = 0; i < 6; i++)
            {
                var socket = TcpLab.Make(ns, Ends.V4);
                socket.Blocking = false;
                _sockets.Add(socket);
                try
                {
                    socket.Connect(_listener.LocalEndPoint!);
                }
                catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
                {
                }
            }
        }

        /// <summary>Those that got no answer give up; the listener stays.</summary>
        public void Stop()
        {
            foreach (var socket in _sockets)
                socket.Dispose();
        }

        public void Dispose()
        {
            Stop();
            _listener.Dispose();
        }
    }

    [GeneratedRegex(@"dropped (?<packets>\d+)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex DroppedByTc();
}
