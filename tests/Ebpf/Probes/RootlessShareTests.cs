using System.Net;
using System.Net.Sockets;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Connects;
using Collector.Linux.Probes.Tcp;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>
/// What a user does in network namespaces of its own has a share of the maps and of the event buffer, however much it
/// is; all of it is counted.
/// </summary>
public sealed class RootlessShareTests
{
    private const string Loopback = "127.0.0.1";
    private const string Drops = "netlens.packetloss.drops";
    private const string Resets = "netlens.tcpreset.total";

    // Namespaces side by side, in each so many datagrams, DNS queries, connections or listeners: to nobody, or closed
    // at once; or connections that are accepted.
    private const string Lives = """
        import ctypes, fcntl, os, socket, struct, sys
        libc = ctypes.CDLL(None)
        kind, lives, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        kept = []
        for life in range(lives):
            assert libc.unshare(0x40000000) == 0
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            fcntl.ioctl(s, 0x8914, struct.pack('16sh14x', b'lo', 0x49))
            kept.append(s)
            for i in range(times):
                t = socket.socket()
                if kind == 'datagrams': s.sendto(b'x', ('127.0.0.1', 9))
                elif kind == 'queries':
                    query = [0, i, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 0, 0, i + 1, 0, 1]
                    s.sendto(bytes(query), ('127.0.0.1', 53))
                elif kind == 'connections': t.connect_ex(('127.0.0.1', 9))
                elif kind == 'served':
                    with socket.create_server(('127.0.0.1', 1024)) as server:
                        t.connect(('127.0.0.1', 1024))
                        server.accept()[0].close()
                else:
                    t.bind(('127.0.0.1', 1024 + i))
                    t.listen(1)
                t.close()
        print(os.stat('/proc/thread-self/ns/net').st_ino)
        """;

    [RequiresBpfFact("python3", "setpriv", "unshare")]
    public void Drops_take_a_quarter_of_the_map_and_give_it_back_and_are_counted_to_the_packet()
    {
        using var pod = new TestNetns();
        using var node = new WholeNode("packetloss");
        using var run = new BpfProbeRun("packetloss", null, ("entries", "64"));
        var before = Others(run.Collect(), "packetloss", pod) + Nobody(run);
        OfUser("datagrams", 100, 2);
        DropTraffic.Datagrams(pod, Loopback, 9, count: 7);
        DropTraffic.Datagrams(pod, "::1", 9, count: 3);

        run.SumBy(Drops, pod, "netlens.drop.reason").ShouldNotContainKey("_other");
        run.Sum(Drops, pod).ShouldBe(10);
        (Others(run.Collect(), "packetloss", pod) + Nobody(run) - before)
            .ShouldBeInRange(200, 200 + node.Beside(200 + 10));
        PacketLossLifeTests.Losses(run, 1).ShouldBeGreaterThan(0, "not all of them have keys");

        // Nothing happens in them any more: others have the room.
        for (var i = 0; i < 4; i++)
            run.Collect();
        var lost = PacketLossLifeTests.Losses(run, 1);
        OfUser("datagrams", 4, 2);
        (Others(run.Collect(), "packetloss", pod) + Nobody(run) - before)
            .ShouldBeInRange(208, 208 + node.Beside(208 + 10));
        PacketLossLifeTests.Losses(run, 1).ShouldBe(lost);
    }

    [RequiresBpfFact("python3", "setpriv", "unshare")]
    public void Resets_take_a_quarter_of_the_map_and_what_finds_no_room_is_counted()
    {
        using var pod = new TestNetns();
        using var node = new WholeNode("tcpreset");
        using var run = new BpfProbeRun("tcpreset", null, ("entries", "64"));
        OfUser("connections", 100, 1);
        DropTraffic.Connect(pod, Loopback, 9).ShouldBeFalse();

        var each = run.Sum(Resets, pod);
        each.ShouldBeGreaterThan(0);
        PacketLossLifeTests.Losses(run, 1).ShouldBeGreaterThan(0);
        (Others(run.Collect(), "tcpreset", pod) + PacketLossLifeTests.Losses(run, 1))
            .ShouldBeInRange(100 * each, (100 * each) + node.Beside(101 * each));
    }

    /// <summary>Each is told at once that nobody is there, or has no answer.</summary>
    [RequiresBpfFact("python3", "setpriv", "unshare")]
    public void Dns_queries_take_a_quarter_of_the_maps_and_what_finds_no_room_is_counted()
    {
        using var pod = new TestNetns();
        using var node = new WholeNode("dns");
        using var run = new BpfProbeRun("dns", null, ("entries", "64"), ("timeout", "1s"));
        OfUser("queries", 100, 2);
        using (var client = DnsLab.Client(pod, IPAddress.Loopback))
            client.Send(DnsLab.Query(1));

        BpfProbeRun.Eventually(() =>
        {
            run.Sum(DnsLab.Lookups, pod).ShouldBe(1);
            (Others(run.Collect(), "dns", pod) + PacketLossLifeTests.Losses(run, 1))
                .ShouldBeInRange(200, 200 + node.Beside(200 + 1));
        });
        PacketLossLifeTests.Losses(run, 1).ShouldBeGreaterThan(0, "not all namespaces have room");
    }

    [RequiresBpfFact("python3", "setpriv", "unshare")]
    public void While_nobody_reads_them_events_fill_a_quarter_of_the_buffer_and_those_of_others_are_kept()
    {
        if (!BpfLibrary.HasRingBuffers)
            return;
        // Of two events each, which have room in three quarters of the buffer.
        const int First = 1000, Faults = 15;
        using var pod = new TestNetns();
        using var run = new BpfProbeRun(
            "tcpreset", new BpfOptions { EventBuffer = 8192 }, ("burst", "1000"));
        run.Events.Hold();
        var inode = OfUser("connections", 1, 100);
        for (var port = First; port < First + Faults; port++)
            DropTraffic.Connect(pod, Loopback, port).ShouldBeFalse();
        run.Events.Go();

        run.Events.Await(e => e.Info == TcpReset.Sent && e.Tuple?.SourcePort == First + Faults - 1);
        run.Events.All.Where(e => e.Info == TcpReset.Sent && e.Subject?.Inode == pod.Inode)
            .Select(e => e.Tuple!.SourcePort).ShouldBe(Enumerable.Range(First, Faults));
        PacketLossLifeTests.Losses(run, 0).ShouldBe(0);
        var told = run.Events.All.Count(e => e.Subject?.Inode == inode);
        told.ShouldBeInRange(1, 20);
        var all = run.Sum(Resets, inode);
        all.ShouldBeGreaterThanOrEqualTo(100);
        (told + run.Events.HeldOf(inode)).ShouldBe(all);
        run.Events.All.ShouldAllBe(e => e.Rootless == (e.Subject!.Inode == inode));
    }

    [RequiresBpfFact("python3", "setpriv", "unshare")]
    public void Listeners_of_users_push_out_none_of_the_nodes()
    {
        using var pod = new TestNetns();
        using var run = new BpfProbeRun("tcpreset");
        pod.Run("python3", "-c", "import socket; t = socket.socket(); t.bind(('127.0.0.1', 81)); t.listen(1)");
        OfUser("listeners", 1, 3000);
        DropTraffic.Connect(pod, Loopback, 81).ShouldBeFalse();
        run.Events.Await(e => e.Info == TcpReset.Sent && e.Subject?.Inode == pod.Inode)
            .Message.ShouldEndWith(" s ago)");
    }

    /// <summary>What a connect waits for is noted once; a user asks for many addresses that nobody has.</summary>
    [RequiresBpfFact("bash", "setpriv", "unshare")]
    public void Silent_next_hops_of_users_push_out_none_of_the_nodes()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("connect", null, ("slow", "1ms"));
        using var user = AnyUser.InNamespace();
        using (ConnectLab.Begin(pair.Left, Silent, 81))
        {
            NoteOnce(pair.Left);
            user.Do(ManySilent);
        }
        HopOf(run, pair.Left.Inode).ShouldBe(Silent.ToString());
        HopsOfUser(run, "neighbours").ShouldBe(0);
        HopsOfUser(run, "rootless_neighbours").ShouldBeInRange(1, 256);

        user.Inside(() => Should.Throw<SocketException>(() =>
        {
            using var client = new TcpClient();
            client.Connect("198.18.0.2", 81);
        }));
        HopOf(run, user.Inode).ShouldBe("198.18.0.2");
    }

    // Each fails a twentieth of a second after the first packet to it. Fewer than the kernel keeps of all namespaces.
    private const string ManySilent = """
        ip link set lo up; ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up
        ip addr add 198.18.0.1/16 dev d0; ip ntable change name arp_cache dev d0 retrans 50 mcast_probes 1
        bash -c 'for i in {1..600}; do echo >/dev/udp/198.18.$((i / 200 + 1)).$((i % 200 + 1))/9; done'
        while ip neigh show nud incomplete | grep -q .; do sleep 0.05; done
        """;

    // 198.18 of its addresses, in network order.
    private static int HopsOfUser(BpfProbeRun run, string map)
    {
        var hops = new BpfMapReader<Hop, (long Time, long State)>(run.Host.Bpf.Loaded.Single().Object.Map(map));
        hops.Read();
        return hops.Keys.ToArray().Count(h => (h.Address & 0xffff) == (18 << 8 | 198));
    }

    private readonly record struct Hop(ulong Device, ulong Address, ulong Rest);

    private static readonly IPAddress Silent = IPAddress.Parse("192.0.2.99");

    private static string? HopOf(BpfProbeRun run, ulong inode) => ConnectLab.Text(
        run.Events.Await(e => e.Info == ConnectKinds.FailedInfo && e.Subject?.Inode == inode),
        "netlens.neighbour.address");

    // Questions come fast until the kernel has told of some, then once a minute.
    private static void NoteOnce(TestNetns ns)
    {
        const string Change = $"ntable change name arp_cache dev {TestNetnsPair.Interface}";
        ns.Ip($"{Change} mcast_probes 1000 retrans 50");
        var first = Questions(ns);
        BpfProbeRun.Eventually(() => Questions(ns).ShouldBeGreaterThan(first + 1));
        ns.Ip($"{Change} retrans 60000");
        for (var before = 0; before != (first = Questions(ns)); before = first)
            Thread.Sleep(200);
    }

    private static int Questions(TestNetns ns) =>
        int.Parse(ns.Run("ip", "-s", "neigh", "show", $"{Silent}").Split("probes ")[1].Split(' ')[0]);

    /// <summary>
    /// The user namespace's level cannot be cheated: it is 0 only with the rights of root. Its owner is user 0 also
    /// where root of a container has none of them. And root vouches by a mount.
    /// </summary>
    [RequiresBpfFact("setpriv", "unshare", "mount")]
    public void Whose_a_namespace_is_the_kernel_tells_and_root_by_a_mount()
    {
        using var run = new BpfProbeRun("tcpreset");
        using var pod = new TestNetns();
        using var service = AnyUser.OfRoot();
        using var user = AnyUser.InNamespace();
        using var container = AnyUser.InNamespaceOfContainer();
        AnyUser[] all = [service, user, container];
        foreach (var one in all)
            one.Do("ip link set lo up");
        IsRootless(run, pod.NsPath).ShouldBeFalse();
        all.Select(u => IsRootless(run, $"/proc/{u.Pid}/ns/net")).ShouldBe([false, true, true]);

        var path = $"{pod.NsPath}-user";
        File.WriteAllText(path, "");
        try
        {
            Shell.Run("mount", "--bind", $"/proc/{user.Pid}/ns/net", path);
            run.Collect();
            IsRootless(run, path).ShouldBeFalse();
            Shell.Run("umount", path);
            run.Collect();
            IsRootless(run, $"/proc/{user.Pid}/ns/net").ShouldBeTrue();
        }
        finally
        {
            Shell.Try("umount", path);
            File.Delete(path);
        }
    }

    private static int _port = 2000;

    private static bool IsRootless(BpfProbeRun run, string path)
    {
        var port = ++_port;
        TestNetns.Inside(path, () => DropTraffic.ConnectHere(IPAddress.Loopback, port)).ShouldBeFalse();
        return run.Events.Await(e => e.Info == TcpReset.Sent && e.Tuple?.SourcePort == port).Rootless;
    }

    /// <summary>Gives the inode of the last one.</summary>
    internal static ulong OfUser(string kind, int lives, int times) => ulong.Parse(Shell.Run(
        [.. AnyUser.Unprivileged, "unshare", "-Ur", "python3", "-c", Lives, kind, $"{lives}", $"{times}"]).Trim());

    // What rows of namespaces say that nobody has named.
    private static long Others(Snapshot snapshot, string id, TestNetns pod)
    {
        var sum = 0L;
        var table = snapshot.Tables.SingleOrDefault(t => t.Info.Id == id);
        for (var i = 0; i < (table?.Count ?? 0); i++)
        {
            if (table!.Rows[i].Subject is { IsHost: false, Names.NetnsName: null } subject && subject.Inode != pod.Inode)
                sum += table.Column(0)[i];
        }
        return sum;
    }

    private static long Nobody(BpfProbeRun run) =>
        run.Sum("netlens.packetloss.unattributed", inode: null, "_other");
}
