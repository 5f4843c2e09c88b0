using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Linux.Findings.Buffers;
using Collector.Tests.Support;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>Buffers and tables that are full, and whose they are.</summary>
public sealed class BufferFindingTests
{
    private const int TCP_REPAIR = 19;
    private const int TCP_TIMESTAMP = 24;

    [RequiresBpfFact("nstat")]
    public void A_program_that_does_not_read_datagrams()
    {
        foreach (var (address, counter) in new[]
        {
            (IPAddress.Loopback, "UdpRcvbufErrors"), (IPAddress.IPv6Loopback, "Udp6RcvbufErrors"),
        })
        {
            var run = FindingRun.Shared;
            using var lab = new UdpLab(new TestNetns());
            // The kernel takes it twice.
            lab.Bind(address, 5300, 2304);
            var end = new IPEndPoint(address, 5300);
            run.Collect();
            var found = run.Await(UdpOverflow.Kind, lab.Ns, () => lab.Send(address, 5300, 20),
                static f => f.Severity == EventSeverity.Error && f.Verdict.Detail.Length > 0);
            found.Verdict.Detail.ShouldBe(end.ToString());
            found.Sentence.ShouldStartWith($"network namespace {lab.Ns.Name} loses UDP datagrams at {end}, ");
            found.Sentence.ShouldEndWith($"[{Environment.ProcessId}] reads too slowly for its receive buffer of 4608 "
                + "bytes");
            found.Verdict.Evidence[0].Source.ShouldBe("RcvbufErrors");
            found.Verdict.Knob.ShouldNotBeNull().Now.ShouldBe("4608");
            found.Verdict.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
            found.Verdict.Confirm.ShouldBe($"ip netns exec {lab.Ns.Name} ss -uanmp sport = :5300");
            TcpLab.Nstat(lab.Ns, counter).ShouldBeGreaterThan(10);
            run.Of(lab.Ns).ShouldBe([found]);
        }
    }

    [RequiresBpfFact("nstat", "tc")]
    public void A_program_that_sends_more_datagrams_than_leave()
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        pair.Left.Run("tc", "qdisc", "add", "dev", TestNetnsPair.Interface, "root", "tbf",
            "rate", "16kbit", "burst", "4kb", "limit", "1mb");
        using var sink = pair.Right.Inside(static () => new Socket(SocketType.Dgram, ProtocolType.Udp));
        sink.Bind(new IPEndPoint(IPAddress.IPv6Any, 9));
        using var socket = pair.Left.Inside(
            static () => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { Blocking = false });
        socket.SendBufferSize = 4608;
        socket.Connect(IPAddress.Parse(TestNetnsPair.RightIPv4), 9);
        run.Collect();
        var found = run.Await(UdpSendOverflow.Kind, pair.Left, () =>
        {
            for (var i = 0; i < 50; i++)
                Try(() => socket.Send(new byte[1000]));
        }, static f => f.Severity == EventSeverity.Error && f.Verdict.Process is not null);
        found.Sentence.ShouldMatch($@"^network namespace {pair.Left.Name} cannot send UDP datagrams, \d+ in \d+ s: "
            + $@".*\[{Environment.ProcessId}\] sends faster than they leave, its send buffer is full$");
        TcpLab.Nstat(pair.Left, "UdpSndbufErrors").ShouldBeGreaterThan(10);
        run.Of(pair.Left, pair.Right).ShouldBe([found]);
    }

    private static void Try(Action send)
    {
        try
        {
            send();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
        {
            // As it is meant to be.
        }
    }

    [RequiresBpfFact("nstat", "ss")]
    public void A_program_that_does_not_read_its_connections()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        var connections = traffic.Connect(3, static s => s.Blocking = true);
        run.Collect();
        foreach (var (client, _) in connections)
            client.Blocking = false;
        var found = run.Await(SlowReader.Kind, traffic.Right, () =>
        {
            foreach (var (client, _) in connections)
            {
                for (var full = false; !full;)
                    full = !client.Poll(0, SelectMode.SelectWrite) || Filled(client);
            }
        });
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Right.Name} lets peers wait: "
            + $@"\S.*\[{Environment.ProcessId}\] has "
            + $@"not read \d+ bytes from {TestNetnsPair.LeftIPv4}:\d+ at {traffic.Service}, "
            + @"(its window is closed|and reads nothing more)");
        found.Verdict.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
        TcpLab.Nstat(traffic.Right, "TcpExtTCPToZeroWindowAdv").ShouldBeGreaterThan(0);
        // What the sender sees is its consequence.
        var peer = run.Await(PeerSlowReader.Kind, traffic.Left, static () => { });
        peer.Sentence.ShouldMatch($@"^network namespace {traffic.Left.Name} cannot send to {traffic.Service}: it does "
            + @"not read, its "
            + $@"receive window is closed, and \d+ bytes of \S.*\[{Environment.ProcessId}\] wait$");
        peer.Cause.ShouldBe(found);
        run.Of(traffic.Left, traffic.Right).ShouldBe([found]);
    }

    private static bool Filled(Socket client)
    {
        try
        {
            return client.Send(new byte[16 * 1024]) == 0;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
        {
            return true;
        }
    }

    [RequiresBpfFact("nstat")]
    public void Segments_of_a_few_bytes_fill_a_small_buffer()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        var connections = traffic.Connect(4);
        foreach (var (client, server) in connections)
        {
            server.ReceiveBufferSize = 2304;
            client.Blocking = false;
        }
        run.Collect();
        var found = run.Await(ReceivePruning.Kind, traffic.Right, () =>
        {
            foreach (var (client, server) in connections)
            {
                for (var i = 0; i < 300; i++)
                    Try(() => client.Send("x"u8));
                while (server.Available > 0)
                    server.Receive(new byte[64 * 1024]);
            }
        });
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Right.Name} has no buffer for what it is sent over "
            + @"TCP: \d+ times the "
            + @"kernel made room, \d+ times it threw segments away");
        found.Verdict.Knob.ShouldNotBeNull().Name.ShouldBe("net.ipv4.tcp_rmem");
        TcpLab.Nstat(traffic.Right, "TcpExtPruneCalled").ShouldBeGreaterThan(0);
        run.Of(traffic.Right).ShouldBe([found]);
    }

    [RequiresBpfFact("ss")]
    public void A_program_that_does_not_close()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        run.Collect();
        foreach (var (client, _) in traffic.Connect(12))
            client.Dispose();
        var found = run.Await(CloseWaitLeak.Kind, traffic.Right, static () => { });
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Right.Name} keeps 12 connections that their peers "
            + @"have closed: "
            + $@".*\[{Environment.ProcessId}\] does not close them, and runs out of descriptors in the end$");
        found.Verdict.Evidence[0].Value.ShouldBe("12 from 10 s, 0 from 1 min, 0 from 10 min on");
        traffic.Right.Run("ss", "-Htn", "state", "close-wait").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(12);
        run.Of(traffic.Left, traffic.Right).ShouldBe([found]);
    }

    [RequiresBpfFact("nstat")]
    public void TIME_WAIT_is_full()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        traffic.Left.Sysctl("net.ipv4.tcp_max_tw_buckets", "2");
        run.Collect();
        var found = run.Await(TimeWaitOverflow.Kind, traffic.Left, () =>
        {
            foreach (var (client, server) in traffic.Connect(8))
            {
                client.Shutdown(SocketShutdown.Send);
                server.Receive(new byte[1]).ShouldBe(0);
                server.Dispose();
                client.Receive(new byte[1]).ShouldBe(0);
                client.Dispose();
            }
        });
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Left.Name} ends more connections than TIME_WAIT may "
            + @"hold \(2\): \d+ in "
            + @"\d+ s were forgotten at once$");
        found.Verdict.Knob.ShouldBe(new("net.ipv4.tcp_max_tw_buckets", "2", "16384", "its network namespace"));
        TcpLab.Nstat(traffic.Left, "TcpExtTCPTimeWaitOverflow").ShouldBeGreaterThan(0);
        run.Of(traffic.Left, traffic.Right).ShouldBe([found]);
    }

    [RequiresBpfFact("nstat")]
    public void Timestamps_that_run_backwards()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        run.Collect();
        var found = run.Await(OldTimestamps.Kind, traffic.Right, () =>
        {
            foreach (var (client, server) in traffic.Connect(6))
            {
                FindingTraffic.Transfer(client, server, 4);
                // As if another host, whose clock is behind, went on with the connection.
                var now = FindingTraffic.Get(client, TCP_TIMESTAMP);
                FindingTraffic.Set(client, TCP_REPAIR, 1);
                FindingTraffic.Set(client, TCP_TIMESTAMP, now - 1_000_000);
                FindingTraffic.Set(client, TCP_REPAIR, 0);
                client.Send("old"u8);
            }
        });
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Verdict.Knob.ShouldBeNull();
        found.Sentence.ShouldMatch($@"^network namespace {traffic.Right.Name} refuses segments whose timestamps run "
            + @"backwards, \d+ of "
            + @"\d+: several hosts behind one address, or a device that changes timestamps$");
        TcpLab.Nstat(traffic.Right, "TcpExtPAWSEstab").ShouldBeGreaterThan(4);
        run.Of(traffic.Right).ShouldBe([found]);
    }

    [RequiresOwnMachineFact("nstat")]
    public void UDP_has_no_memory_left()
    {
        var run = FindingRun.Shared;
        using var lab = new UdpLab(new TestNetns());
        // Each processor takes a MiB before it asks whether there is any.
        lab.Bind(IPAddress.Loopback, 5300).SetRawSocketOption(1, 33, BitConverter.GetBytes(1 << 26)); // SO_RCVBUFFORCE
        run.Collect();
        if (!lab.Ns.Run("nstat", "-az").Contains("UdpMemErrors", StringComparison.Ordinal))
            return; // Not counted by this kernel.
        var found = Setting.While("net.ipv4.udp_mem", "1 1 1",
            () => run.Await(UdpMemory.Kind, lab.Ns, () => lab.Send(IPAddress.Loopback, 5300, 100, 60_000),
                static f => f.Severity == EventSeverity.Error));
        found.Sentence.ShouldMatch($@"^network namespace {lab.Ns.Name} loses UDP datagrams for want of memory, \d+ in "
            + @"\d+ s: the node's sockets have \d+ pages of 1, or its cgroup may have no more$");
        TcpLab.Nstat(lab.Ns, "UdpMemErrors").ShouldBeGreaterThan(0);
        run.Of(lab.Ns).ShouldBe([found]);
    }

    [RequiresOwnMachineFact("nstat")]
    public void TCP_is_short_of_memory()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        var connections = traffic.Connect(4);
        run.Collect();
        var most = File.ReadAllText("/proc/sys/net/ipv4/tcp_mem").Split('\t', ' ')[^1].Trim();
        var before = TcpLab.Nstat(traffic.Left, "TcpExtTCPMemoryPressures") + TcpLab.Nstat(traffic.Right, "TcpExtTCPMemoryPressures");
        Setting.While("net.ipv4.tcp_mem", $"0 1 {most}", () =>
        {
            BpfProbeRun.Eventually(() =>
            {
                foreach (var (client, server) in connections)
                    FindingTraffic.Transfer(client, server, 256 * 1024);
                run.Collect();
                run.AllOf(traffic.Left, traffic.Right).ShouldContain(f => f.Info == TcpMemory.Kind);
            });
            return 0;
        });
        var found = run.AllOf(traffic.Left, traffic.Right).First(f => f.Info == TcpMemory.Kind);
        found.Sentence.ShouldContain(" finds the node's TCP memory scarce, ");
        (TcpLab.Nstat(traffic.Left, "TcpExtTCPMemoryPressures") + TcpLab.Nstat(traffic.Right, "TcpExtTCPMemoryPressures"))
            .ShouldBeGreaterThan(before);
        run.Of(traffic.Left, traffic.Right).ShouldAllBe(f => f.Info == TcpMemory.Kind);
    }

    [RequiresOwnMachineFact("nft")]
    public void Closed_connections_still_have_data_to_send()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        var connections = traffic.Connect(80);
        run.Collect();
        TcpLab.Drop(traffic.Right, "meta l4proto tcp drop");
        foreach (var (client, _) in connections)
        {
            client.Send("left behind"u8);
            client.Dispose();
        }
        var found = Setting.While("net.ipv4.tcp_max_orphans", "100", () =>
        {
            BpfProbeRun.Eventually(() =>
            {
                run.Collect();
                run.Engine.Store.All.ShouldContain(f => f.Info == Orphans.Kind && f.Subject == null);
            });
            return run.Engine.Store.All.First(f => f.Info == Orphans.Kind);
        });
        found.Sentence.ShouldMatch(@"^the node has \d+ connections that no program holds and that are not over, of "
            + @"100 that may be: "
            + "beyond that the kernel resets them$");
        found.Verdict.Knob.ShouldBe(new("net.ipv4.tcp_max_orphans", "100", "200", "the node"));
    }

    [RequiresBpfFact]
    public void Programs_that_read_what_they_are_sent_yield_nothing()
    {
        var run = FindingRun.Shared;
        using var traffic = new FindingTraffic();
        using var udp = new UdpLab(new TestNetns());
        var socket = udp.Bind(IPAddress.Loopback, 5300);
        run.ShouldBeSilent(() =>
        {
            foreach (var (client, server) in traffic.Connect(5))
            {
                FindingTraffic.Transfer(client, server, 1 << 20);
                client.Shutdown(SocketShutdown.Send);
                server.Receive(new byte[1]).ShouldBe(0);
                server.Dispose();
                client.Receive(new byte[1]).ShouldBe(0);
                client.Dispose();
            }
            udp.Send(IPAddress.Loopback, 5300, 20);
            for (var i = 0; i < 20; i++)
                socket.Receive(new byte[600]).ShouldBe(500);
        }, traffic.Left, traffic.Right, udp.Ns);
    }
}
