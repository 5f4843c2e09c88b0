using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Collector.Core.Compatibility;
using Collector.Core.Events;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Transmits;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>
/// Packets that wait on their way out: for the address of the next hop, in a queue whose rate is known. tc counts
/// beside.
/// </summary>
public sealed class TransmitTests
{
    // 5 bytes in two milliseconds, once the first 1,600 are through.
    private static readonly string[] Narrow = ["tbf", "rate", "20kbit", "burst", "1600", "limit", "200000"];

    [RequiresBpfFact("tc", "nstat")]
    public void A_queue_is_as_slow_as_its_rate_and_each_packet_counts_once()
    {
        using var pair = new TestNetnsPair();
        using var run = TransmitLab.Run(("slow", "30s"));
        using var sockets = new Sockets();
        var udp = TcpLab.All.Select(ends => sockets.Add(TransmitLab.Udp(pair.Left, ends))).ToArray();
        MeetNextHops(pair);
        TransmitLab.SetQueue(pair.Left, Narrow);
        var (start, bytes) = (Stopwatch.GetTimestamp(), 0L);
        var last = new List<(string Transport, Ends Ends, Socket Socket, int Port, long Bytes)>();
        foreach (var ends in TcpLab.All)
        {
            var headers = ends == Ends.V6 ? 14 + 40 : 14 + 20;
            TransmitLab.Send(udp[(int)ends], ends, 30);
            last.Add(("udp", ends, udp[(int)ends], 9, bytes += 30 * (headers + 8 + 100)));
            var tcp = sockets.Add(TransmitLab.Begin(pair.Left, ends, 81));
            last.Add(("tcp", ends, tcp, 81, bytes += headers + 40));
        }
        var sending = (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        foreach (var (transport, ends, socket, port, until) in last)
            Tell(run, pair, transport, ends, socket, port, ((until - 1600) * 400_000) - sending);
        var elapsed = (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds;

        var left = TransmitLab.Left(pair.Left);
        var queue = TransmitLab.Times(run, pair.Left, TransmitLab.InQueue, TestNetnsPair.Interface);
        left.ShouldBeGreaterThanOrEqualTo(93);
        // Each that came to the other end, the three SYNs, and what the kernel may send by itself meanwhile.
        var came = TcpLab.Nstat(pair.Right, "UdpNoPorts") + TcpLab.Nstat(pair.Right, "Udp6NoPorts");
        var lost = TransmitLab.Overwritten(run);
        var counted = $"{came} datagrams came, {left} packets had left, {lost} times were overwritten";
        queue.Count.ShouldBeInRange(came + 3 - lost, TransmitLab.Left(pair.Left), counted);
        queue.Nanoseconds.ShouldBeLessThan(left * elapsed);
        var events = TransmitLab.Of(run, pair.Left, TransmitLab.Queue);
        run.Sum("kubeskoop_netiftxlat_qdiscslow100ms", pair.Left).ShouldBe(events.Length);
        var driver = TransmitLab.Times(run, pair.Left, TransmitLab.InDriver);
        driver.Count.ShouldBeInRange(came + 3 - lost, TransmitLab.Left(pair.Left), counted);
        driver.Nanoseconds.ShouldBeInRange(1, elapsed);
        run.Sum("kubeskoop_netiftxlat_netdevslow100ms", pair.Left).ShouldBe(0);
        // The other end's device has no queue.
        TransmitLab.Times(run, pair.Right, TransmitLab.InQueue).Count.ShouldBe(0);
        TransmitLab.Of(run, pair.Right).ShouldBeEmpty();
        run.Allocated(50).ShouldBe(0);
    }

    /// <summary>Where more wait than there are places each that is not measured is told.</summary>
    [RequiresBpfFact("tc")]
    public void A_time_whose_place_a_newer_packet_took_is_counted_as_lost()
    {
        const int Places = 4096, Many = 6000;
        using var pair = new TestNetnsPair();
        MeetNextHops(pair);
        using var run = TransmitLab.Run(("slow", "1h"), ("queueSlow", "1h"));
        using var udp = TransmitLab.Udp(pair.Left, Ends.V4);
        udp.SetRawSocketOption(1, 32, BitConverter.GetBytes(1 << 25)); // SOL_SOCKET, SO_SNDBUFFORCE
        TransmitLab.SetQueue(pair.Left, [.. Narrow[..^1], "10000000"]);
        TransmitLab.Send(udp, Ends.V4, Many);
        var early = TransmitLab.Left(pair.Left);
        pair.Left.Run("tc", "qdisc", "change", "dev", TestNetnsPair.Interface, "root",
            "tbf", "rate", "10gbit", "burst", "1000000", "limit", "10000000");
        BpfProbeRun.Eventually(() => TransmitLab.Left(pair.Left).ShouldBeGreaterThanOrEqualTo(Many));

        var (left, lost) = (TransmitLab.Left(pair.Left), TransmitLab.Overwritten(run));
        var counted = $"{lost} times were overwritten, {left} packets had left, {early} of them early";
        lost.ShouldBeGreaterThanOrEqualTo(Many - Places - early, counted);
        var queue = TransmitLab.Times(run, pair.Left, TransmitLab.InQueue).Count;
        // One in a hundred for what else the machine sends meanwhile.
        (queue + lost).ShouldBeInRange(Many, left + (Many / 100), counted);
        TransmitLab.Times(run, pair.Left, TransmitLab.InDriver).Count
            .ShouldBeInRange(queue, TransmitLab.Left(pair.Left), counted);
        TransmitLab.Of(run, pair.Left).ShouldBeEmpty();
    }

    // The next hop is known from then on: the first question for it may be lost, and is asked again a second later.
    private static void MeetNextHops(TestNetnsPair pair)
    {
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
            ConnectLab.Fail(pair.Left, TcpLab.Right(ends), 81);
    }

    // The last packet between these ends.
    private static void Tell(
        BpfProbeRun run, TestNetnsPair pair, string transport, Ends ends, Socket from, int to, long least)
    {
        var e = TransmitLab.Await(
            run, pair.Left, TransmitLab.Queue, transport, TcpLab.Port(from.LocalEndPoint), least);
        e.Tuple.ShouldBe(TransmitLab.Tuple(transport, ends, from, to));
        e.Field("netlens.transmit.duration")!.Value.Number.ShouldBe(e.Duration!.Value);
        e.Field("network.interface.name")!.Value.Text.ShouldBe(TestNetnsPair.Interface);
        e.Severity.ShouldBe(EventSeverity.Warn);
        e.Process.ShouldBeNull();
        e.KubeSkoopType.ShouldBe("NETIFTXLAT_QDISC");
        e.Stations.Select(s => s.Name).ShouldBe(["queue"]);
        run.ShouldKeep(e);
        e.Message.ShouldMatch($@" kept {transport} .* in the queue of veth0 for \d+\.\d+ ms");
    }

    // After so many questions, a second apart and three by default, the kernel drops what waits for the answer.
    private static void Ask(TestNetns ns, int times) => ns.Run("sysctl", "-q", "-w",
        $"net.ipv4.neigh.{TestNetnsPair.Interface}.mcast_solicit={times}",
        $"net.ipv6.neigh.{TestNetnsPair.Interface}.mcast_solicit={times}");

    // The kernel tells itself of each such packet that the host cannot be reached.
    private static long GivenUp(TestNetns ns) =>
        TcpLab.Nstat(ns, "IcmpOutDestUnreachs") + TcpLab.Nstat(ns, "Icmp6OutDestUnreachs");

    /// <summary>What is sent before the next hop's address is known waits for it, in front of the device.</summary>
    [RequiresBpfFact("tc", "nstat", "sysctl")]
    public void A_next_hop_that_answers_late_makes_the_way_from_the_socket_slow()
    {
        const long Delay = 250_000_000;
        using var pair = new TestNetnsPair();
        using var run = TransmitLab.Run();
        using var sockets = new Sockets();
        Ask(pair.Left, 1000);
        TransmitLab.SetQueue(pair.Right, "pfifo", "limit", "0");
        var start = Stopwatch.GetTimestamp();
        var sent = new List<(string Transport, Ends Ends, Socket Socket, int Port)>();
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            // Nobody listens: what answers is no matter.
            sent.Add(("tcp", ends, sockets.Add(TransmitLab.Begin(pair.Left, ends, 81)), 81));
            if (!TransmitLab.SeesUdp)
                continue;
            sent.Add(("udp", ends, sockets.Add(TransmitLab.Udp(pair.Left, ends)), 9));
            TransmitLab.Send(sent[^1].Socket, ends, 1);
        }
        Thread.Sleep(250);
        TransmitLab.SetQueue(pair.Right, "pfifo", "limit", "1000");
        GivenUp(pair.Left).ShouldBe(0);
        foreach (var (transport, ends, socket, port) in sent)
        {
            var e = TransmitLab.Await(
                run, pair.Left, TransmitLab.Socket, transport, TcpLab.Port(socket.LocalEndPoint), Delay);
            e.Tuple.ShouldBe(TransmitLab.Tuple(transport, ends, socket, port));
            e.Duration.ShouldNotBeNull().ShouldBeLessThan((long)Stopwatch.GetElapsedTime(start).TotalNanoseconds);
            e.Field("network.interface.name")!.Value.Text.ShouldBe(TestNetnsPair.Interface);
            e.KubeSkoopType.ShouldBe("TXKERNEL_SLOW");
            e.Stations.Select(s => s.Name).ShouldBe(["socket"]);
            run.ShouldKeep(e);
            e.Message.ShouldMatch($@" sent {transport} .*, which came to veth0 after \d+\.\d+ ms");
            TransmitLab.Times(run, pair.Left, TransmitLab.FromSocket, transport).Nanoseconds
                .ShouldBeGreaterThanOrEqualTo(Delay);
        }
        run.Sum("kubeskoop_kernellatency_txslow", pair.Left).ShouldBeGreaterThanOrEqualTo(sent.Count);
        run.Sum("kubeskoop_kernellatency_txslow100ms", pair.Left).ShouldBeGreaterThanOrEqualTo(sent.Count);
        // A device without a queue.
        TransmitLab.Times(run, pair.Left, TransmitLab.InQueue).Count.ShouldBe(0);
    }

    /// <summary>What waits for a next hop that never answers is dropped: it came nowhere, so it has no time.</summary>
    [RequiresBpfFact("tc", "nstat", "sysctl")]
    public void What_the_kernel_drops_for_want_of_a_next_hop_yields_no_event()
    {
        using var pair = new TestNetnsPair();
        using var run = TransmitLab.Run();
        using var sockets = new Sockets();
        Ask(pair.Left, 1);
        TransmitLab.SetQueue(pair.Right, "pfifo", "limit", "0");
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            sockets.Add(TransmitLab.Begin(pair.Left, ends, 81));
            TransmitLab.Send(sockets.Add(TransmitLab.Udp(pair.Left, ends)), ends, 1);
        }
        BpfProbeRun.Eventually(() => GivenUp(pair.Left).ShouldBeGreaterThanOrEqualTo(4));
        TransmitLab.Times(run, pair.Left, TransmitLab.FromSocket).Count.ShouldBe(0);
        TransmitLab.Of(run, pair.Left).ShouldBeEmpty();
    }

    /// <summary>
    /// TCP's answer to an application that reads late has the time of the last segment that came: no time of its way.
    /// </summary>
    [RequiresBpfFact]
    public void What_is_not_slow_yields_no_event()
    {
        using var pair = new TestNetnsPair();
        MeetNextHops(pair);
        using var run = TransmitLab.Run(("slow", "600ms"));
        foreach (var ends in TcpLab.All)
        {
            using var udp = TransmitLab.Udp(pair.Left, ends);
            TransmitLab.Send(udp, ends, 10);
            var (client, server) = TcpLab.Connect(pair, ends);
            using var reader = client;
            using var writer = server;
            reader.ReceiveBufferSize = 1 << 16;
            for (var i = 0; i < 10; i++)
                client.Send("x"u8);
            writer.Blocking = false;
            while (Fill(writer))
            {
            }
            Thread.Sleep(700);
            var buffer = new byte[1 << 20];
            while (reader.Poll(100_000, SelectMode.SelectRead))
                reader.Receive(buffer);
        }
        var tcp = TransmitLab.Times(run, pair.Left, TransmitLab.FromSocket, "tcp");
        // Each write and each handshake; no packet without data.
        tcp.Count.ShouldBeInRange(33, 50);
        TransmitLab.Times(run, pair.Left, TransmitLab.FromSocket, "udp").Count
            .ShouldBe(TransmitLab.SeesUdp ? 30 : 0);
        TransmitLab.Times(run, pair.Left, TransmitLab.InQueue).Count.ShouldBe(0);
        TransmitLab.Overwritten(run).ShouldBe(0);
        foreach (var ns in new[] { pair.Left, pair.Right })
        {
            TransmitLab.Of(run, ns).Select(e => e.Message).ShouldBeEmpty();
            run.Sum("kubeskoop_kernellatency_txslow100ms", ns).ShouldBe(0);
        }
    }

    private static bool Fill(Socket writer)
    {
        try
        {
            return writer.Send(new byte[10_000]) > 0;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
        {
            return false;
        }
    }

    /// <summary>The memory of what is dropped has the next packets, whose way was short.</summary>
    [RequiresBpfFact("tc")]
    public void A_packet_that_is_dropped_in_the_queue_has_no_time_and_gives_none_to_others()
    {
        using var pair = new TestNetnsPair();
        using var run = TransmitLab.Run(("queueSlow", "900ms"));
        using var udp = TransmitLab.Udp(pair.Left, Ends.V4);
        // In the queue when that is taken away; then never let in.
        TransmitLab.SetQueue(pair.Left, Narrow);
        TransmitLab.Send(udp, Ends.V4, 200);
        TransmitLab.SetQueue(pair.Left, "pfifo", "limit", "0");
        TransmitLab.Send(udp, Ends.V4, 200);
        // Some may have waited for long until the queue was taken away.
        var before = TransmitLab.Times(run, pair.Left, TransmitLab.InQueue);
        before.Count.ShouldBeLessThan(200);
        var events = TransmitLab.Of(run, pair.Left, TransmitLab.Queue).Length;
        Thread.Sleep(1000);
        TransmitLab.SetQueue(pair.Left, "pfifo", "limit", "500");
        TransmitLab.Send(udp, Ends.V4, 500);

        var queue = TransmitLab.Times(run, pair.Left, TransmitLab.InQueue);
        (queue.Count - before.Count).ShouldBeInRange(500, TransmitLab.Left(pair.Left));
        queue.Slots[^4..].ShouldBe(before.Slots[^4..]); // above 1.07 s
        TransmitLab.Of(run, pair.Left, TransmitLab.Queue).Length.ShouldBe(events);
        // As packets cross and do not wait, so their drivers are quick; now each is too slow.
        run.Probe.Reconfigure(TransmitLab.Settings(("sample", "1"), ("driverSlow", "0ms"))).ShouldBeTrue();
        TransmitLab.Send(udp, Ends.V4, 1);
        var e = TransmitLab.Await(run, pair.Left, TransmitLab.Driver, "udp", TcpLab.Port(udp.LocalEndPoint));
        e.Tuple.ShouldBe(TransmitLab.Tuple("udp", Ends.V4, udp, 9));
        e.Message.ShouldMatch(" gave udp .* to the driver of veth0, which took ");
        // KubeSkoop tells of what takes longer.
        e.KubeSkoopType.ShouldBeNull();
    }

    [RequiresBpfFact("tc")]
    public void One_packet_in_so_many_is_measured_and_what_is_gone_leaves_the_kernel()
    {
        const int Many = 3200;
        using var run = new BpfProbeRun("transmit", null, ("sample", "16"));
        ulong inode;
        using (var pair = new TestNetnsPair())
        {
            inode = pair.Left.Inode;
            TransmitLab.SetQueue(pair.Left, "pfifo", "limit", "5000");
            using var udp = TransmitLab.Udp(pair.Left, Ends.V4);
            TransmitLab.Send(udp, Ends.V4, Many);
            // 200, give or take 14: seven times that.
            TransmitLab.Times(run, pair.Left, TransmitLab.InQueue).Count.ShouldBeInRange(100, 300);
        }
        BpfProbeRun.Eventually(() =>
        {
            run.Collect().Find(TransmitCounters.DeviceTable)?.Rows.ToArray()
                .ShouldNotContain(r => r.Subject!.Inode == inode);
            Keys<TransmitDevice, TransmitDeviceValue>(run, "devices").ShouldNotContain(k => k.Netns == inode);
            Keys<TransmitSocket, TransmitSocketValue>(run, "sockets").ShouldNotContain(k => k.Netns == inode);
        });
        run.Probe.Reconfigure(TransmitLab.Settings(("entries", "128"))).ShouldBeFalse();
    }

    private sealed class Sockets : List<Socket>, IDisposable
    {
        public new Socket Add(Socket socket)
        {
            base.Add(socket);
            return socket;
        }

        public void Dispose() => ForEach(static s => s.Dispose());
    }

    private static TKey[] Keys<TKey, TValue>(BpfProbeRun run, string map)
        where TKey : unmanaged where TValue : unmanaged
    {
        var reader = new BpfMapReader<TKey, TValue>(
            run.Host.Bpf.Loaded.Single(s => s.Probe == "transmit").Object.Map(map));
        reader.Read();
        return reader.Keys.ToArray();
    }
}
