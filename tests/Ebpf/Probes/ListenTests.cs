using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Linux.Kernel;
using Collector.Linux.Probes;
using Collector.Linux.Sources;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Listeners that accept too slowly; nstat says how much they dropped.</summary>
public sealed class ListenTests
{
    private static BpfProbeRun Run(CollectionSource source) =>
        BpfProbeRun.By(source, "listen");

    private static NetworkEvent[] Of(BpfProbeRun run, TestNetns ns, int port)
    {
        var inode = ns.Inode;
        return
        [
            .. run.Events.All.Where(
                e => e.Subject?.Inode == inode && e.Field("network.local.port")?.Number == port),
        ];
    }

    /// <summary>Collects until what the listener dropped is told, all of it.</summary>
    private static NetworkEvent[] AwaitAll(BpfProbeRun run, TestNetns ns, int port)
    {
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            var told = Of(run, ns, port).Sum(e => e.Field("netlens.listen.dropped")!.Value.Number);
            told.ShouldBeGreaterThan(0);
            told.ShouldBe(TcpLab.Nstat(ns, "TcpExtListenDrops"));
        });
        return Of(run, ns, port);
    }

    [RequiresBpfFact("nstat")]
    public void A_full_accept_queue_is_told_with_who_listens_and_whose_limit_it_is() => Full(CollectionSource.Auto);

    [RequiresBpfFact("nstat")]
    public void A_full_accept_queue_is_told_by_sock_diag() => Full(CollectionSource.Proc);

    private static void Full(CollectionSource source)
    {
        using var own = new SocketLab(new TestNetns());
        using var limited = new SocketLab(new TestNetns());
        limited.Ns.Sysctl("net.core.somaxconn", "2");
        using var run = Run(source);
        own.Listen(IPAddress.Any, 8080, 1);
        limited.Listen(IPAddress.IPv6Any, 8081, 512);
        run.Collect();
        for (var i = 0; i < 6; i++)
        {
            own.BeginConnect(IPAddress.Loopback, 8080);
            limited.BeginConnect(IPAddress.IPv6Loopback, 8081);
        }

        var e = AwaitAll(run, own.Ns, 8080)[0];
        e.Severity.ShouldBe(EventSeverity.Error);
        e.Fields.Take(3).Select(f => f!.Value.Text).ShouldBe(["0.0.0.0", "8080", "accept_queue"]);
        e.Fields.Skip(4).Take(3).Select(f => f!.Value.Text).ShouldBe(["2", "1", "backlog"]);
        (e.Fields[7] is not null).ShouldBe(source == CollectionSource.Auto && FromKernel(run));
        e.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
        e.Message.ShouldMatch(@"^network namespace \S+ dropped \d+ packets of handshakes at 0\.0\.0\.0:8080: "
            + @"it accepts too slowly, 2 connections wait and the limit is 1, as the program asked for; listening: \S");

        var other = AwaitAll(run, limited.Ns, 8081)[0];
        other.Fields.Take(3).Select(f => f!.Value.Text).ShouldBe(["::", "8081", "accept_queue"]);
        other.Fields.Skip(4).Take(3).Select(f => f!.Value.Text).ShouldBe(["3", "2", "somaxconn"]);
        other.Message.ShouldContain("at [::]:8081: ");
        other.Message.ShouldContain("the limit is 2, as net.core.somaxconn says");
        run.Failures.ShouldBeEmpty();
    }

    private static bool FromKernel(BpfProbeRun run) => run.PartOf("sockets").FromKernel;

    /// <summary>One in the whole namespace, though it has two listeners; and one event of many drops.</summary>
    [RequiresBpfFact("nstat")]
    public void The_listener_beside_it_is_not_blamed_and_one_collection_makes_one_event()
    {
        using var lab = new SocketLab(new TestNetns());
        using var run = Run(CollectionSource.Auto);
        lab.Listen(IPAddress.Any, 8080, 1);
        var healthy = lab.Listen(IPAddress.Any, 8081, 16);
        for (var i = 0; i < 6; i++)
        {
            lab.BeginConnect(IPAddress.Loopback, 8080);
            lab.Pair(healthy, IPAddress.Loopback);
        }
        BpfProbeRun.Eventually(() => TcpLab.Nstat(lab.Ns, "TcpExtListenDrops").ShouldBeGreaterThanOrEqualTo(4));
        run.Sum("netlens.listen.dropping", lab.Ns).ShouldBe(1);
        BpfProbeRun.Eventually(() => Of(run, lab.Ns, 8080).Length.ShouldBe(1));
        Of(run, lab.Ns, 8081).ShouldBeEmpty();
    }

    /// <summary>A SYN that finds too many handshakes under way, with cookies switched off.</summary>
    [RequiresBpfFact("nstat", "nft")]
    public void A_full_SYN_queue_is_told_apart()
    {
        using var pair = new TestNetnsPair();
        pair.Right.Sysctl("net.ipv4.tcp_syncookies", "0");
        // The answer never comes: the handshakes stay under way.
        TcpLab.Drop(pair.Left, "tcp flags & (syn|ack) == syn|ack drop");
        using var left = new SocketLab(pair.Left);
        using var run = Run(CollectionSource.Auto);
        using var right = new SocketLab(pair.Right);
        right.Listen(IPAddress.Any, 8080, 2);
        run.Collect();
        for (var i = 0; i < 8; i++)
            left.BeginConnect(IPAddress.Parse(TestNetnsPair.RightIPv4), 8080);
        var e = AwaitAll(run, pair.Right, 8080)[0];
        e.Fields[2]!.Value.Text.ShouldBe("syn_queue");
        e.Fields[4]!.Value.Number.ShouldBe(0);
        if (FromKernel(run))
            e.Fields[7]!.Value.Number.ShouldBeGreaterThan(0);
        e.Message.ShouldContain("too many handshakes are under way");
    }

    /// <summary>
    /// The answer is lost, so the SYN comes again and is answered again: the listener counts it as dropped, and its
    /// namespace does not.
    /// </summary>
    [RequiresBpfTheory("nstat", "nft", "ss")]
    [InlineData(CollectionSource.Auto)]
    [InlineData(CollectionSource.Proc)]
    public void A_SYN_that_comes_again_is_no_drop(CollectionSource source)
    {
        using var pair = new TestNetnsPair();
        TcpLab.Drop(pair.Left, "tcp flags & (syn|ack) == syn|ack drop");
        using var left = new SocketLab(pair.Left);
        using var run = Run(source);
        using var right = new SocketLab(pair.Right);
        right.Listen(IPAddress.Any, 8080, 64);
        run.Collect();
        for (var i = 0; i < 3; i++)
            left.BeginConnect(IPAddress.Parse(TestNetnsPair.RightIPv4), 8080);
        ShouldHaveDroppedNothing(run, pair.Right);
        TcpLab.Nstat(pair.Right, "TcpExtListenDrops").ShouldBe(0);
        TcpLab.Nstat(pair.Right, "TcpExtTCPSynRetrans").ShouldBeGreaterThan(0);
    }

    /// <summary>The first acknowledgement is put away because its data is waited for; the handshake goes on.</summary>
    [RequiresBpfTheory("nstat", "ss")]
    [InlineData(CollectionSource.Auto)]
    [InlineData(CollectionSource.Proc)]
    public void A_listener_that_waits_for_data_drops_nothing(CollectionSource source)
    {
        using var pair = new TestNetnsPair();
        using var left = new SocketLab(pair.Left);
        using var run = Run(source);
        using var right = new SocketLab(pair.Right);
        var listener = right.Listen(IPAddress.Any, 8080, 64);
        listener.SetRawSocketOption(6, 9, BitConverter.GetBytes(60)); // IPPROTO_TCP, TCP_DEFER_ACCEPT
        run.Collect();
        for (var i = 0; i < 3; i++)
            left.Connect(IPAddress.Parse(TestNetnsPair.RightIPv4), 8080);
        ShouldHaveDroppedNothing(run, pair.Right);
        TcpLab.Nstat(pair.Right, "TcpExtTCPDeferAcceptDrop").ShouldBeGreaterThan(0);
    }

    // Though the listener's own counter has moved.
    private static void ShouldHaveDroppedNothing(BpfProbeRun run, TestNetns ns)
    {
        BpfProbeRun.Eventually(() =>
        {
            run.Sum("netlens.listen.dropping", ns).ShouldBe(0);
            ns.Run("ss", "-H", "-l", "-t", "-n", "-m").ShouldMatch("d[1-9][0-9]*[)]");
        });
        for (var i = 0; i < 3; i++)
            run.Sum("netlens.listen.dropping", ns).ShouldBe(0);
        Of(run, ns, 8080).ShouldBeEmpty();
    }

    /// <summary>A filter of the listener's own refuses what comes: the namespace counts no drop.</summary>
    [RequiresBpfTheory("nstat")]
    [InlineData(CollectionSource.Auto)]
    [InlineData(CollectionSource.Proc)]
    public void What_a_filter_refuses_is_a_drop(CollectionSource source)
    {
        using var pair = new TestNetnsPair();
        using var left = new SocketLab(pair.Left);
        using var run = Run(source);
        using var right = new SocketLab(pair.Right);
        Refuse(right.Listen(IPAddress.Any, 8080, 64));
        run.Collect();
        for (var i = 0; i < 3; i++)
            left.BeginConnect(IPAddress.Parse(TestNetnsPair.RightIPv4), 8080);
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            Of(run, pair.Right, 8080).ShouldNotBeEmpty();
        });
        var e = Of(run, pair.Right, 8080)[0];
        e.Fields[2]!.Value.Text.ShouldBe("other");
        e.Field("netlens.listen.dropped")!.Value.Number.ShouldBeGreaterThan(0);
        TcpLab.Nstat(pair.Right, "TcpExtListenDrops").ShouldBe(0);
    }

    private static unsafe void Refuse(Socket socket)
    {
        var instruction = 6UL; // BPF_RET | BPF_K: of each packet 0 bytes
        var program = new byte[16]; // struct sock_fprog
        BitConverter.TryWriteBytes(program, (ushort)1);
        BitConverter.TryWriteBytes(program.AsSpan(8), (ulong)&instruction);
        socket.SetRawSocketOption(1, 26, program); // SOL_SOCKET, SO_ATTACH_FILTER
    }

    /// <summary>Three handshakes that stay under way; what comes on top gets cookies, and answers them or not.</summary>
    [RequiresBpfTheory("nstat", "nft")]
    [InlineData(false, "flood")]
    [InlineData(true, "load")]
    public void Cookies_are_told_as_load_or_flood(bool answered, string verdict)
    {
        using var pair = new TestNetnsPair();
        pair.Right.Sysctl("net.ipv4.tcp_syncookies", "1");
        const string Answers = "tcp flags & (syn|ack) == syn|ack drop";
        TcpLab.Drop(pair.Left, answered ? "tcp dport 5001-5003 " + Answers : Answers);
        using var left = new SocketLab(pair.Left);
        using var right = new SocketLab(pair.Right);
        using var run = Run(CollectionSource.Auto);
        var listener = right.Listen(IPAddress.Any, 8080, 2);
        run.Collect();
        run.Host.Parts.All.Where(p => p.Name is "sockets" or "mib").ShouldAllBe(p => p.FromKernel);
        var to = IPAddress.Parse(TestNetnsPair.RightIPv4);
        for (var i = 0; i < 3; i++)
            left.BeginConnect(to, 8080, 5001 + i);
        for (var i = 0; i < 5; i++)
        {
            if (answered)
                left.Pair(listener, to);
            else
                left.BeginConnect(to, 8080);
        }
        BpfProbeRun.Eventually(() => TcpLab.Nstat(pair.Right, "TcpExtSyncookiesSent").ShouldBeGreaterThan(0));
        run.Collect();
        var inode = pair.Right.Inode;
        var e = run.Events.Await(e => e.Subject?.Inode == inode);
        e.Info.Name.ShouldBe("netlens.listen.cookies");
        e.Fields.Take(3).Select(f => f!.Value.Text).ShouldBe(["0.0.0.0", "8080", verdict]);
        e.Field("netlens.listen.cookies.sent")!.Value.Number.ShouldBeGreaterThan(0);
        // Kernels differ in whether the queue is full with as many as the limit or with one more.
        e.Field("netlens.listen.half_open")!.Value.Number.ShouldBeInRange(2, 3);
        e.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
    }

    /// <summary>A SYN that was dropped comes again after a second, and after three; ss says how many wait for it.</summary>
    [RequiresBpfTheory("ss")]
    [InlineData(TestNetnsPair.RightIPv4, TestNetnsPair.LeftIPv4)]
    [InlineData(TestNetnsPair.RightIPv6, TestNetnsPair.LeftIPv6)]
    public void Who_is_refused_is_told_when_they_ask_again(string to, string from)
    {
        using var pair = new TestNetnsPair();
        using var left = new SocketLab(pair.Left);
        using var right = new SocketLab(pair.Right);
        using var run = Run(CollectionSource.Auto);
        right.Listen(IPAddress.IPv6Any, 8080, 1);
        var healthy = right.Listen(IPAddress.IPv6Any, 8081, 16);
        run.Collect();
        left.Pair(healthy, IPAddress.Parse(to));
        run.Collect();
        Watches(run).ShouldBeFalse();

        var clients = Enumerable.Range(0, 6).Select(_ => left.BeginConnect(IPAddress.Parse(to), 8080)).ToList();
        NetworkEvent? e = null;
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            e = Of(run, pair.Right, 8080).LastOrDefault(x => x.Field("netlens.listen.unanswered.peers") is not null);
            e.ShouldNotBeNull();
        }, 40);
        Watches(run).ShouldBeTrue();
        e!.Field("netlens.listen.unanswered.peers")!.Value.Text.ShouldBe(from);
        e.Message.ShouldContain($"; without an answer: {from}; listening: ");
        var waiting =
            pair.Left.Run("ss", "-Htn", "state", "syn-sent").Split('\n').Count(l => l.Contains(":8080", StringComparison.Ordinal));
        e.Field("netlens.listen.unanswered.handshakes")!.Value.Number.ShouldBeInRange(1, waiting);

        clients.ForEach(c => c.Dispose());
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            Watches(run).ShouldBeFalse();
        });
        Of(run, pair.Right, 8081).ShouldBeEmpty();
        run.Failures.ShouldBeEmpty();
    }

    private static bool Watches(BpfProbeRun run) => run.Host.Bpf.Loaded.Any(s => s.Probe == "unanswered");

    [RequiresBpfFact("nstat")]
    public void What_was_dropped_before_is_history_and_a_healthy_listener_yields_nothing()
    {
        using var lab = new SocketLab(new TestNetns());
        lab.Listen(IPAddress.Any, 8080, 1);
        var clients = Enumerable.Range(0, 4).Select(_ => lab.BeginConnect(IPAddress.Loopback, 8080)).ToList();
        BpfProbeRun.Eventually(() => TcpLab.Nstat(lab.Ns, "TcpExtListenDrops").ShouldBeGreaterThan(0));
        // No further SYN comes.
        clients.ForEach(c => c.Dispose());
        using var run = Run(CollectionSource.Auto);
        using var quiet = new SocketLab(new TestNetns());
        var listener = quiet.Listen(IPAddress.IPv6Any, 8081, 16);
        for (var i = 0; i < 5; i++)
        {
            quiet.Pair(listener, IPAddress.IPv6Loopback);
            run.Collect();
        }
        run.Sum("netlens.listen.dropping", quiet.Ns).ShouldBe(0);
        Of(run, quiet.Ns, 8081).ShouldBeEmpty();
        Of(run, lab.Ns, 8080).ShouldBeEmpty();
        run.Allocated(50).ShouldBe(0);
    }
}
