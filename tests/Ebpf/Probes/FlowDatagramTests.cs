using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>What datagrams between two namespaces carried, compared with the sockets and with nstat.</summary>
public sealed partial class FlowDatagramTests
{
    private const string Four = "192.0.2.0/24";
    private const string Six = "2001:db8::/64";
    private const int Udp = 17; // SOL_UDP
    private const int Segment = 103; // UDP_SEGMENT
    private const int Gro = 104; // UDP_GRO

    // What it carries, from nothing to what goes in fragments.
    private static readonly int[] Sizes = [0, 1, 500, 1452, 4000];

    private sealed record Flow(string Role, string Peer, long Port, long Sent, long Received, long Out, long In);

    [RequiresRootCgroupFact("nstat")]
    public void Both_ends_carry_what_the_sockets_and_nstat_say()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow");
        foreach (var ends in TcpLab.All)
        {
            var port = 7000 + (int)ends;
            var to = new IPEndPoint(TcpLab.Right(ends), port);
            using var server = Bind(pair.Right, ends, TcpLab.Any(ends), port);
            using var loose = Make(pair.Left, ends);
            using var connected = Make(pair.Left, ends);
            connected.Connect(to);
            foreach (var size in Sizes)
            {
                loose.SendTo(new byte[size], to);
                Answer(server, size, loose);
                connected.Send(new byte[size]);
                Answer(server, size, connected);
            }

            var peer = ends == Ends.V6 ? Six : Four;
            var (bytes, packets) = (Sizes.Sum() * 2, Sizes.Length * 2);
            Read(run, pair.Left).Single(f => f.Port == port)
                .ShouldBe(new("client", peer, port, bytes, packets * 7, packets, packets));
            Read(run, pair.Right).Single(f => f.Port == port)
                .ShouldBe(new("server", peer, port, packets * 7, bytes, packets, packets));
        }
        foreach (var ns in new[] { pair.Left, pair.Right })
        {
            foreach (var (peer, name) in new[] { (Four, "Udp"), (Six, "Udp6") })
            {
                var flows = Read(run, ns).Where(f => f.Peer == peer).ToArray();
                flows.Sum(f => f.Out).ShouldBe(TcpLab.Nstat(ns, $"{name}OutDatagrams"));
                flows.Sum(f => f.In).ShouldBe(TcpLab.Nstat(ns, $"{name}InDatagrams"));
            }
        }
        run.Failures.ShouldBeEmpty();
        // A datagram of the machine's own may be the first of its kind in between.
        BpfProbeRun.Eventually(() => run.Allocated(20).ShouldBe(0));
    }

    [RequiresRootCgroupFact]
    public void What_is_sent_as_one_and_cut_or_received_as_one_is_as_many_datagrams_as_it_is()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow");
        foreach (var together in new[] { false, true })
        {
            var port = together ? 7001 : 7000;
            using var server = Bind(pair.Right, Ends.V4, IPAddress.Any, port);
            if (together)
                server.SetRawSocketOption(Udp, Gro, BitConverter.GetBytes(1));
            using var client = Make(pair.Left, Ends.V4);
            client.SetRawSocketOption(Udp, Segment, BitConverter.GetBytes(1000));
            client.Connect(new IPEndPoint(TcpLab.Right(Ends.V4), port));
            client.Send(new byte[10_000]).ShouldBe(10_000);
            for (var received = 0; received < 10_000;)
                received += server.Receive(new byte[65_536]);
            Read(run, pair.Left).Single(f => f.Port == port).ShouldBe(new("client", Four, port, 10_000, 0, 10, 0));
            Read(run, pair.Right).Single(f => f.Port == port).ShouldBe(new("server", Four, port, 0, 10_000, 0, 10));
        }
    }

    [RequiresRootCgroupFact("ping")]
    public void Without_datagrams_there_are_no_rows()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow");
        foreach (var ends in TcpLab.All)
        {
            var (client, server) = TcpLab.Connect(pair, ends);
            client.Send(new byte[1000]);
            server.Receive(new byte[1000]).ShouldBe(1000);
            client.Dispose();
            server.Dispose();
        }
        foreach (var address in new[] { TestNetnsPair.RightIPv4, TestNetnsPair.RightIPv6 })
            pair.Left.Run("ping", "-q", "-c", "1", "-w", "30", address);
        foreach (var ns in new[] { pair.Left, pair.Right })
        {
            Read(run, ns).ShouldBeEmpty();
            Read(run, ns, "tcp").ShouldNotBeEmpty();
        }
    }

    [RequiresRootCgroupFact]
    public void The_end_that_has_chosen_its_port_is_the_server()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("flow", null, ("ipv4Prefix", "32"));
        foreach (var (own, port, expected) in new (int, int, string[])[]
        {
            (0, 40_000, ["client 40000", "server 40000"]),
            (5000, 53, ["client 53", "server 53"]),
            (7001, 7002, ["server 7001", "server 7002"]),
        })
        {
            using var server = Bind(ns, Ends.V4, IPAddress.Loopback, port);
            using var client = Make(ns, Ends.V4);
            if (own != 0)
                client.Bind(new IPEndPoint(IPAddress.Loopback, own));
            client.SendTo(new byte[10], new IPEndPoint(IPAddress.Loopback, port));
            server.Receive(new byte[100]).ShouldBe(10);
            Read(run, ns).Where(f => f.Port == port || f.Port == own).Select(f => $"{f.Role} {f.Port}").Order()
                .ShouldBe(expected);
        }
    }

    [RequiresRootCgroupFact("nft")]
    public void What_a_connected_socket_sends_has_the_peer_that_it_asked_for()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow");
        pair.Left.Run("nft", "add table ip t; add chain ip t out { type nat hook output priority -100; }; "
            + $"add rule ip t out udp dport 53 dnat to {TestNetnsPair.RightIPv4}:7000");
        using var server = Bind(pair.Right, Ends.V4, IPAddress.Any, 7000);
        using var client = Make(pair.Left, Ends.V4);
        client.Connect(new IPEndPoint(IPAddress.Parse("192.0.2.9"), 53));
        client.Send(new byte[100]);
        Answer(server, 100, client);
        Read(run, pair.Left).ShouldHaveSingleItem().ShouldBe(new("client", Four, 53, 100, 7, 1, 1));
        Read(run, pair.Right).ShouldHaveSingleItem().ShouldBe(new("server", Four, 7000, 7, 100, 1, 1));
    }

    [RequiresRootCgroupFact]
    public void Those_that_carry_less_share_a_row()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow", null, ("top", "1"));
        DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, 7000, count: 50, size: 1000);
        DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv6, 7001, count: 5, size: 100);
        Read(run, pair.Left).ShouldBe(
        [
            new("client", Four, 7000, 50_000, 0, 50, 0), new("", "other", 0, 500, 0, 5, 0),
        ]);
        // Nobody is there who would have got them.
        Read(run, pair.Right).ShouldBeEmpty();
    }

    [RequiresRootCgroupFact]
    public void What_finds_no_room_counts_among_the_others()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow", null, ("entries", "64"), ("top", "1000"));
        for (var port = 7000; port < 7200; port++)
            DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, port, count: 2, size: 100);
        var flows = Read(run, pair.Left);
        flows.Length.ShouldBeInRange(2, 64);
        flows.Sum(f => f.Out).ShouldBe(400);
        flows.Sum(f => f.Sent).ShouldBe(40_000);
        flows.Single(f => f.Peer == "other").Out.ShouldBeGreaterThanOrEqualTo(400 - 64 * 2);
        PacketLossLifeTests.Losses(run, 1).ShouldBeGreaterThan(0, "not all of them have keys");
    }

    [RequiresRootCgroupFact]
    public void What_finds_no_room_counts_among_those_of_a_namespace_that_was_quiet_for_long()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow", null, ("entries", "64"), ("top", "0"));
        DropTraffic.Datagrams(pair.Right, TestNetnsPair.LeftIPv4, 9000, size: 100);
        Fill();
        // What nothing happens with leaves where there is hardly room.
        for (var i = 0; i < 3; i++)
            run.Collect();
        Fill();
        DropTraffic.Datagrams(pair.Right, TestNetnsPair.LeftIPv4, 9001, count: 2, size: 100);

        Read(run, pair.Right).ShouldHaveSingleItem().Out.ShouldBe(3);

        void Fill()
        {
            for (var port = 7000; port < 7200; port++)
                DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, port, size: 100);
        }
    }

    [RequiresRootCgroupFact("python3", "setpriv", "unshare")]
    public void A_user_s_namespaces_have_a_share_of_the_map()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow", null, ("entries", "64"));
        RootlessShareTests.OfUser("datagrams", 60, 1);
        DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, 7000, size: 100);
        Read(run, pair.Left).ShouldHaveSingleItem().ShouldBe(new("client", Four, 7000, 100, 0, 1, 0));
        PacketLossLifeTests.Losses(run, 1).ShouldBeGreaterThan(0);
    }

    [RequiresRootCgroupFact]
    public void It_can_be_left_out()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("flow", null, ("udp", "false"));
        run.Ladder.Hooks.Select(h => h.Hook).ShouldNotContain("datagrams");
        DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, 7000);
        Read(run, pair.Left).ShouldBeEmpty();
    }

    [RequiresRootCgroupFact]
    public void Programs_of_others_at_the_root_cgroup_go_on()
    {
        using var pair = new TestNetnsPair();
        using var measured = new SafeFd(Libbpf.bpf_enable_stats(Libbpf.BPF_STATS_RUN_TIME));
        measured.IsInvalid.ShouldBeFalse();
        using var earlier = new OtherProgram();
        using (var run = new BpfProbeRun("flow"))
        {
            using var later = new OtherProgram();
            var (before, after) = (earlier.Runs, later.Runs);
            DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, 7000, count: 100);
            earlier.Runs.ShouldBeGreaterThanOrEqualTo(before + 100);
            later.Runs.ShouldBeGreaterThanOrEqualTo(after + 100);
            Read(run, pair.Left).ShouldHaveSingleItem().Out.ShouldBe(100);
        }
        var left = earlier.Runs;
        DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, 7000, count: 100);
        earlier.Runs.ShouldBeGreaterThanOrEqualTo(left + 100);
    }

    /// <summary>Lets pass what the node's sockets send, attached as a CNI does it (BPF_F_ALLOW_MULTI).</summary>
    private sealed class OtherProgram : IDisposable
    {
        private const int CgroupSkb = 8; // BPF_PROG_TYPE_CGROUP_SKB
        private const int Egress = 1; // BPF_CGROUP_INET_EGRESS
        private const uint AllowMulti = 2;
        private readonly SafeFd _program;
        private readonly SafeFd _cgroup = SafeFd.Open(CgroupHierarchies.Root(new KernelPaths())!);

        public unsafe OtherProgram()
        {
            var code = stackalloc ulong[] { 0x1_0000_00b7, 0x95 }; // r0 = 1; exit
            _program = new SafeFd(Libbpf.bpf_prog_load(CgroupSkb, "netlens_test", "GPL", code, 2, 0));
            bpf_prog_attach(_program.Value, _cgroup.Value, Egress, AllowMulti).ShouldBe(0);
        }

        public long Runs => BpfProgram.TryRead(_program.Value, out var info)
            ? (long)info.run_cnt
            : throw new InvalidOperationException("the kernel tells nothing of it");

        public void Dispose()
        {
            bpf_prog_detach2(_program.Value, _cgroup.Value, Egress).ShouldBe(0);
            _program.Dispose();
            _cgroup.Dispose();
        }
    }

    [LibraryImport("libbpf.so.1")]
    private static partial int bpf_prog_attach(int prog_fd, int attachable_fd, int type, uint flags);

    [LibraryImport("libbpf.so.1")]
    private static partial int bpf_prog_detach2(int prog_fd, int attachable_fd, int type);

    private static Socket Make(TestNetns ns, Ends ends) => ns.Inside(() =>
    {
        var family = ends == Ends.V4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 30_000 };
        if (ends == Ends.Mapped)
            socket.DualMode = true;
        return socket;
    });

    private static Socket Bind(TestNetns ns, Ends ends, IPAddress address, int port)
    {
        var socket = Make(ns, ends);
        socket.Bind(new IPEndPoint(address, port));
        return socket;
    }

    // Seven bytes.
    private static void Answer(Socket server, int size, Socket client)
    {
        EndPoint from = new IPEndPoint(server.AddressFamily == AddressFamily.InterNetwork
            ? IPAddress.Any
            : IPAddress.IPv6Any, 0);
        server.ReceiveFrom(new byte[65_536], ref from).ShouldBe(size);
        server.SendTo(new byte[7], from);
        client.Receive(new byte[100]).ShouldBe(7);
    }

    private static Flow[] Read(BpfProbeRun run, TestNetns ns, string transport = "udp")
    {
        var snapshot = run.Collect();
        if (snapshot.Find(run.Probe.Info.Tables[0]) is not { } table)
            return [];
        var flows = new List<Flow>();
        for (var r = 0; r < table.Count; r++)
        {
            var row = table.Rows[r];
            if (row.Subject?.Inode != ns.Inode || row.Tags[0].Text != transport)
                continue;
            long[] cells = [.. run.Probe.Info.Metrics.Select(m => table.Column(m)[r])];
            if (transport == "udp")
                cells.Where((_, i) => i is 0 or > 4).ShouldAllBe(c => c == Metric.Absent);
            flows.Add(new(
                row.Tags[1].Text, row.Tags[2].Text, row.Tags[3].Number, cells[1], cells[2], cells[3], cells[4]));
        }
        return [.. flows];
    }
}

/// <summary>Needs the root of the cgroups of version 2, whose programs see all sockets.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresRootCgroupFactAttribute : FactAttribute
{
    public RequiresRootCgroupFactAttribute(params string[] tools) => Skip = BpfSupport.WhyNot(tools)
        ?? (KernelFeature.Running < new Version(5, 7) ? "links to cgroups came with Linux 5.7" : null)
        ?? (CgroupHierarchies.Root(new KernelPaths()) is null
            ? "the root of the cgroups of version 2 is not in sight"
            : null);
}
