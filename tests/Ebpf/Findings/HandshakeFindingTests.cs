using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Listeners;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>Handshakes that a listener cannot take for other reasons than a slow program.</summary>
public sealed class HandshakeFindingTests
{
    private const string Answers = "tcp flags & (syn|ack) == syn|ack drop";
    private static readonly IPAddress Server = IPAddress.Parse(TestNetnsPair.RightIPv4);

    private static void ShouldBeAlone(FindingRun run, Finding found, TestNetns ns, string sentence)
    {
        found.Subject!.Inode.ShouldBe(ns.Inode);
        found.Verdict.Detail.ShouldBe("0.0.0.0:8080");
        found.Verdict.Local.ShouldBe(new IPEndPoint(IPAddress.Any, 8080));
        found.Verdict.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
        found.Sentence.ShouldMatch($"^network namespace {ns.Name} {sentence}$");
        run.Of(ns).Select(f => $"{f.Info.Kind}: {f.Sentence}").ShouldBe([$"{found.Info.Kind}: {found.Sentence}"]);
    }

    [RequiresBpfFact("nstat", "nft")]
    public void A_SYN_queue_that_is_full()
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        pair.Right.Sysctl("net.ipv4.tcp_syncookies", "0");
        // The answer never comes: the handshakes stay under way.
        TcpLab.Drop(pair.Left, Answers);
        using var left = new SocketLab(pair.Left);
        using var right = new SocketLab(pair.Right);
        right.Listen(IPAddress.Any, 8080, 2);
        run.Collect();
        var found = run.Await(SynQueueFull.Kind, pair.Right, () =>
        {
            for (var i = 0; i < 8; i++)
                left.BeginConnect(Server, 8080);
        });
        found.Severity.ShouldBe(EventSeverity.Error);
        ShouldBeAlone(run, found, pair.Right, @"drops SYNs at 0\.0\.0\.0:8080: (\d|too many) handshakes are under way that "
            + "clients do not complete, and it may send no cookies");
        found.Verdict.Evidence[0].ToString().ShouldMatch(@"^TCPReqQFullDrop \+\d+ in ");
        found.Verdict.RuledOut[0].ShouldBe("a slow program: 0 connections wait to be accepted");
        found.Verdict.Knob.ShouldBe(new Knob("net.ipv4.tcp_syncookies", "0", "1", "its network namespace"));
        TcpLab.Nstat(pair.Right, "TcpExtTCPReqQFullDrop").ShouldBeGreaterThan(0);
        pair.Right.Run("ss", "-tn", "state", "syn-recv").ShouldContain(":8080");
    }

    /// <summary>Three handshakes that stay under way; what comes on top gets cookies, and answers them or not.</summary>
    [RequiresBpfTheory("nstat", "nft")]
    [InlineData(false)]
    [InlineData(true)]
    public void SYN_cookies(bool answered)
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        pair.Right.Sysctl("net.ipv4.tcp_syncookies", "1");
        TcpLab.Drop(pair.Left, answered ? "tcp dport 5001-5003 " + Answers : Answers);
        using var left = new SocketLab(pair.Left);
        using var right = new SocketLab(pair.Right);
        var listener = right.Listen(IPAddress.Any, 8080, 2);
        run.Collect();
        for (var i = 0; i < 3; i++)
            left.BeginConnect(Server, 8080, 5001 + i);
        var found = run.Await(answered ? SynCookiesUnderLoad.Kind : SynFlood.Kind, pair.Right, () =>
        {
            for (var i = 0; i < 15; i++)
            {
                if (answered)
                    left.Pair(listener, Server);
                else
                    left.BeginConnect(Server, 8080);
            }
        });
        found.Severity.ShouldBe(EventSeverity.Warn);
        ShouldBeAlone(run, found, pair.Right, answered
            ? @"gets more connections at once at 0\.0\.0\.0:8080 than its queue of 2 allows: \d+ SYNs got cookies, \d+ came "
                + "back, so the clients are real"
            : @"is flooded with SYNs at 0\.0\.0\.0:8080: \d+ got cookies because 2 handshakes were under way, only 0 came back");
        found.Verdict.Knob.ShouldNotBeNull().Name.ShouldBe("listen(backlog)");
        TcpLab.Nstat(pair.Right, "TcpExtSyncookiesSent").ShouldBeGreaterThanOrEqualTo(10);
    }

    /// <summary>What a collection itself tells of a listener is judged with it, not a window later.</summary>
    [RequiresBpfTheory("nft")]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_listener_does_is_found_by_the_second_window_at_the_latest(bool cookies)
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        pair.Right.Sysctl("net.ipv4.tcp_syncookies", cookies ? "1" : "0");
        TcpLab.Drop(pair.Left, Answers);
        using var left = new SocketLab(pair.Left);
        using var right = new SocketLab(pair.Right);
        right.Listen(IPAddress.Any, 8080, 2);
        run.Collect();
        // A flood is one that goes on; a queue that drops is one at once.
        for (var window = cookies ? 2 : 1; window > 0; window--)
        {
            run.Of(pair.Right).ShouldBeEmpty();
            for (var i = 0; i < 15; i++)
                left.BeginConnect(Server, 8080);
            Thread.Sleep(run.Engine.Shortest);
            run.Collect();
        }
        run.Of(pair.Right).Select(static f => f.Info).ShouldBe([cookies ? SynFlood.Kind : SynQueueFull.Kind]);
    }

    /// <summary>A server that has no way back to its clients: SYNs come in and no answer can be sent.</summary>
    [RequiresBpfFact("nstat", "ip")]
    public void A_listener_without_a_route_to_its_clients()
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        foreach (var device in new[] { "all", TestNetnsPair.Interface })
            pair.Right.Sysctl($"net.ipv4.conf.{device}.rp_filter", "0");
        pair.Left.Ip($"addr add 198.51.100.1/32 dev {TestNetnsPair.Interface}");
        using var right = new SocketLab(pair.Right);
        right.Listen(IPAddress.Any, 8080, 64);
        run.Collect();
        using var left = new OpenSockets();
        var found = run.Await(ListenDropNotOverflow.Kind, pair.Right, () =>
        {
            for (var i = 0; i < 6; i++)
                left.Add(BeginFrom(pair.Left, IPAddress.Parse("198.51.100.1")));
        }, static f => f.Severity == EventSeverity.Error);
        found.Verdict.Evidence.ShouldContain(e => e.Source == "SYNs without an answer");
        ShouldBeAlone(run, found, pair.Right, @"drops handshakes at 0\.0\.0\.0:8080 though its queue has room: no route leads "
            + "back to who connects");
        found.Verdict.Evidence.ShouldContain(e => e.Source == "OutNoRoutes");
        found.Verdict.RuledOut[0].ShouldBe("a slow program: 0 connections wait, 64 may");
        TcpLab.Nstat(pair.Right, "TcpExtListenDrops").ShouldBeGreaterThan(0);
        TcpLab.Nstat(pair.Right, "TcpExtListenOverflows").ShouldBe(0);
    }

    /// <summary>The same overflow, and the pod's processor time is used up meanwhile.</summary>
    [RequiresBpfFact("nstat", "ip", "sh")]
    public void An_acceptor_that_may_not_run()
    {
        var run = FindingRun.Shared;
        using var lab = new SocketLab(new TestNetns());
        using var pod = new LabPod("cpu", "cpu");
        if (pod.IsVersion2)
        {
            File.WriteAllText($"{pod.Container}/cpu.max", "2000 20000");
        }
        else
        {
            File.WriteAllText($"{pod.Container}/cpu.cfs_period_us", "20000");
            File.WriteAllText($"{pod.Container}/cpu.cfs_quota_us", "2000");
        }
        pod.StartIn(lab.Ns, "sh", "-c", "while :; do :; done");
        lab.Listen(IPAddress.Any, 8080, 1);
        run.Collect();
        var found = run.Await(AcceptorStarved.Kind, lab.Ns, () =>
        {
            for (var i = 0; i < 6; i++)
                lab.BeginConnect(IPAddress.Loopback, 8080);
        });
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Sentence.ShouldMatch(@" drops handshakes at 0\.0\.0\.0:8080: its CPU quota was used up in \d+ of \d+ periods, "
            + "and the program may not run$");
        found.Verdict.Evidence[0].Source.ShouldBe("nr_throttled");
        found.Verdict.Knob.ShouldNotBeNull().Now.ShouldBe("0.1 processors");
        // The overflow is its consequence, and is not told by itself.
        run.Of(lab.Ns).ShouldBe([found]);
        run.AllOf(lab.Ns).ShouldContain(f => f.Info == AcceptQueueOverflow.Kind && f.Cause == found);
    }

    /// <summary>SYNs that look older than the connection that their port had last.</summary>
    [RequiresBpfFact("nstat", "ss")]
    public void A_client_that_uses_ports_again()
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        using var listener = TcpLab.Listen(pair.Right, Ends.V4);
        var port = TcpLab.Port(listener.LocalEndPoint);
        run.Collect();
        var next = 20_000;
        var found = run.Await(ClientPortReuse.Kind, pair.Right, () =>
        {
            for (var i = 0; i < 12; i++)
            {
                LeaveInTimeWait(pair, listener, ++next);
                ResetInjector.SendSyn(pair.Left, TcpLab.Left(Ends.V4), next, Server, port);
            }
        }, static f => f.Severity == EventSeverity.Error);
        found.Subject!.Inode.ShouldBe(pair.Right.Inode);
        found.Verdict.Detail.ShouldBe($"192.0.2.1 to 192.0.2.2:{port}");
        found.Sentence.ShouldMatch($@"^network namespace {pair.Right.Name} keeps 192\.0\.2\.1 waiting at 192\.0\.2\.2:{port}: "
            + @"\d+ SYNs in \d+ s came from ports whose last connection is in TIME_WAIT yet$");
        found.Verdict.RuledOut[0].ShouldBe("the listener dropped nothing");
        TcpLab.Nstat(pair.Right, "TcpExtListenDrops").ShouldBe(0);
        run.Of(pair.Right).ShouldBe([found]);
    }

    // With a first sequence number that none of the injected ones comes after.
    private static void LeaveInTimeWait(TestNetnsPair pair, Socket listener, int port)
    {
        const int SOL_TCP = 6, TCP_REPAIR = 19, TCP_REPAIR_QUEUE = 20, TCP_QUEUE_SEQ = 21, TCP_SEND_QUEUE = 2;
        using var client = TcpLab.Make(pair.Left, Ends.V4);
        foreach (var (option, value) in new[]
            { (TCP_REPAIR, 1), (TCP_REPAIR_QUEUE, TCP_SEND_QUEUE), (TCP_QUEUE_SEQ, 0x40000000), (TCP_REPAIR, 0) })
            client.SetRawSocketOption(SOL_TCP, option, BitConverter.GetBytes(value));
        client.Bind(new IPEndPoint(IPAddress.Any, port));
        client.Connect(Server, TcpLab.Port(listener.LocalEndPoint));
        using var server = listener.Accept();
        server.Shutdown(SocketShutdown.Send);
        client.Receive(new byte[1]).ShouldBe(0);
        client.Dispose();
        server.Receive(new byte[1]).ShouldBe(0);
    }

    private static Socket BeginFrom(TestNetns ns, IPAddress from) => ns.Inside(() =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        socket.Bind(new IPEndPoint(from, 0));
        Should.Throw<SocketException>(() => socket.Connect(Server, 8080));
        return socket;
    });

    /// <summary>Who looks which ports are open asks each once.</summary>
    [RequiresBpfFact("nstat")]
    public void A_scan_of_ports_yields_nothing()
    {
        var run = FindingRun.Shared;
        using var pair = new TestNetnsPair();
        var port = 1000;
        run.ShouldBeSilent(
            () =>
            {
                for (var i = 0; i < 40; i++)
                    ConnectLab.Fail(pair.Left, Server, port++);
            },
            pair.Left, pair.Right);
        TcpLab.Nstat(pair.Right, "TcpOutRsts").ShouldBe(160);
    }
}
