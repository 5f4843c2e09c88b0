using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Node;
using Collector.Linux.Probes.Tcp;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>Resets that really happen, between two namespaces; nstat and tcpdump say how many and whose.</summary>
public sealed class TcpResetTests
{
    private const string Resets = "netlens.tcpreset.resets";

    // The probe with the ways whose programs' names have the word; states before a close have only one.
    internal static Func<LinuxHost, ProbeSettings, Probe> By(string way) => (host, settings) => new TcpReset(
        host, settings, w => w.Programs.All(p => p is "set_state_raw"
            || (p.Contains(way, StringComparison.Ordinal) && p is not "send_reset_reason_raw")));

    private static bool HasReasons(BpfProbeRun run) =>
        run.Ladder.Hooks[0].Taken!.Sections == "raw_tp/tcp_send_reset"
        && run.Host.Bpf.Environment.Btf!.TracepointArguments("tcp_send_reset")!.Count == 3;

    private static bool Taken(BpfProbeRun run, string hook) =>
        run.Ladder.Hooks.Single(h => h.Hook == hook).Taken is not null;

    private static FlowTuple Tuple(IPAddress source, int sport, IPAddress destination, int dport) =>
        new("tcp", TcpLab.Shown(source), sport, TcpLab.Shown(destination), dport);

    private static NetworkEvent Await(BpfProbeRun run, EventInfo info, TestNetns ns, FlowTuple? tuple = null)
    {
        var inode = ns.Inode;
        return run.Events.Await(
            e => e.Info == info && e.Subject?.Inode == inode && (tuple is null || e.Tuple == tuple));
    }

    /// <summary>One occurrence with each kind of sockets: two are IPv4 on the wire.</summary>
    private static void ShouldBeOneOfEach(BpfProbeRun run, TestNetns ns, params TagValue[] tags)
    {
        run.Sum(Resets, ns, [.. tags, "ipv4"]).ShouldBe(2);
        run.Sum(Resets, ns, [.. tags, "ipv6"]).ShouldBe(1);
        run.Sum(Resets, ns).ShouldBe(3);
    }

    [RequiresBpfFact("nstat", "tcpdump")]
    public void A_closed_port_answers_with_a_reset() => ClosedPort(new("tcpreset"));

    [RequiresWayFact("fentry", "nstat", "tcpdump")]
    public void A_closed_port_answers_with_a_reset_seen_by_fentry() => ClosedPort(new("tcpreset", By("fentry")));

    [RequiresWayFact("kprobe", "nstat", "tcpdump")]
    public void A_closed_port_answers_with_a_reset_seen_by_kprobes() => ClosedPort(new("tcpreset", By("kprobe")));

    private static void ClosedPort(BpfProbeRun started)
    {
        using var run = started;
        using var pair = new TestNetnsPair();
        using var capture = new ResetCapture(pair.Left);
        var wire = new List<string>();
        foreach (var ends in TcpLab.All)
        {
            var port = 4001 + (int)ends;
            var server = new IPEndPoint(TcpLab.Right(ends), 81);
            using var client = TcpLab.Make(pair.Left, ends);
            client.Bind(new IPEndPoint(TcpLab.Any(ends), port));
            Should.Throw<SocketException>(() => client.Connect(server)).SocketErrorCode
                .ShouldBe(SocketError.ConnectionRefused);

            var sent = Await(run, TcpReset.Sent, pair.Right, Tuple(server.Address, 81, TcpLab.Left(ends), port));
            sent.KubeSkoopType.ShouldBe("TCPRESET_NOSOCK");
            sent.Fields.Take(2).ShouldBe(["no_socket", "closed"]);
            // A connection was refused: to whom asked for it, and to whom it was asked of.
            sent.Severity.ShouldBe(EventSeverity.Error);
            (sent.Fields[2]?.Text).ShouldBe(HasReasons(run) ? "NO_SOCKET" : null);
            sent.Process.ShouldBeNull();
            var got = Await(run, TcpReset.Received, pair.Left, Tuple(TcpLab.Left(ends), port, server.Address, 81));
            got.Fields.ShouldBe(["syn_sent", null]);
            got.KubeSkoopType.ShouldBe("TCPRESET_RECEIVE");
            got.Severity.ShouldBe(EventSeverity.Error);
            wire.Add(ResetCapture.Of(server.Address, 81, TcpLab.Left(ends), port));
        }
        ShouldBeOneOfEach(run, pair.Left, "receive", "peer", "syn_sent", "");
        ShouldBeOneOfEach(run, pair.Right, "transmit", "no_socket", "closed", HasReasons(run) ? "NO_SOCKET" : "");
        TcpLab.Nstat(pair.Right, "TcpOutRsts").ShouldBe(3);
        TcpLab.Nstat(pair.Left, "TcpAttemptFails").ShouldBe(3);
        BpfProbeRun.Eventually(() => capture.Ends.ShouldBe(wire));
    }

    /// <summary>A server that has just gone; beside it a port and an address at which there was none.</summary>
    [RequiresBpfFact]
    public void A_listener_that_was_closed_shortly_before_is_named_and_no_other()
    {
        using var run = new BpfProbeRun("tcpreset");
        using var pair = new TestNetnsPair();
        foreach (var ends in TcpLab.All)
        {
            using (var server = TcpLab.Make(pair.Right, ends))
            {
                server.Bind(new IPEndPoint(TcpLab.Any(ends), 81));
                server.Listen();
            }
            Refused(ends, 81).ShouldMatch(@": nobody listens there \(closed \d+\.\d s ago\)$");
            Refused(ends, 82).ShouldEndWith(": nobody listens there");
            using (var server = TcpLab.Make(pair.Right, ends))
            {
                server.Bind(new IPEndPoint(ends == Ends.V4 ? IPAddress.Loopback : IPAddress.IPv6Loopback, 83));
                server.Listen();
            }
            Refused(ends, 83).ShouldEndWith(": nobody listens there");
        }
        using (var server = TcpLab.Make(pair.Right, Ends.V6))
        {
            server.DualMode = false;
            server.Bind(new IPEndPoint(IPAddress.IPv6Any, 84));
            server.Listen();
        }
        Refused(Ends.V6, 84).ShouldEndWith("s ago)");
        Refused(Ends.V4, 84).ShouldEndWith(": nobody listens there");

        string Refused(Ends ends, int port)
        {
            using var client = TcpLab.Make(pair.Left, ends);
            client.Bind(new IPEndPoint(TcpLab.Any(ends), 4000 + port + (int)ends));
            Should.Throw<SocketException>(() => client.Connect(new IPEndPoint(TcpLab.Right(ends), port)));
            return Await(run, TcpReset.Sent, pair.Right,
                Tuple(TcpLab.Right(ends), port, TcpLab.Left(ends), 4000 + port + (int)ends)).Message;
        }
    }

    [RequiresBpfFact("nstat", "nft")]
    public void A_forged_reset_ends_a_connection_attempt()
    {
        using var pair = new TestNetnsPair();
        TcpLab.Drop(pair.Right, "meta l4proto tcp drop");
        using var run = new BpfProbeRun("tcpreset");
        foreach (var ends in TcpLab.All)
        {
            var port = 81 + (int)ends;
            using var injector = new ResetInjector(pair.Right, InjectAt.Syn, port);
            using var client = TcpLab.Make(pair.Left, ends);
            client.Bind(new IPEndPoint(TcpLab.Any(ends), 4000 + port));
            Should.Throw<SocketException>(() => client.Connect(new IPEndPoint(TcpLab.Right(ends), port)));
            injector.Await();
            Await(run, TcpReset.Received, pair.Left, Tuple(TcpLab.Left(ends), 4000 + port, TcpLab.Right(ends), port))
                .Fields.ShouldBe(["syn_sent", null]);
        }
        ShouldBeOneOfEach(run, pair.Left, "receive", "peer", "syn_sent", "");
        run.Sum(Resets, pair.Right).ShouldBe(0);
        TcpLab.Nstat(pair.Left, "TcpAttemptFails").ShouldBe(3);
    }

    [RequiresBpfFact("nstat")]
    public void A_forged_reset_ends_an_established_connection() => Established(new("tcpreset"));

    [RequiresWayFact("fentry", "nstat")]
    public void A_forged_reset_ends_an_established_connection_seen_by_fentry() =>
        Established(new("tcpreset", By("fentry")));

    [RequiresWayFact("kprobe", "nstat")]
    public void A_forged_reset_ends_an_established_connection_seen_by_kprobes() =>
        Established(new("tcpreset", By("kprobe")));

    private static void Established(BpfProbeRun started)
    {
        using var run = started;
        using var pair = new TestNetnsPair();
        foreach (var ends in TcpLab.All)
        {
            var (client, server) = TcpLab.Connect(pair, ends);
            using var theirs = server;
            using var ours = client;
            var (cport, sport) = (TcpLab.Port(client.LocalEndPoint), TcpLab.Port(server.LocalEndPoint));
            using var injector = new ResetInjector(pair.Right, InjectAt.Data, sport);
            client.Send("x"u8);
            injector.Await();
            Await(run, TcpReset.Received, pair.Left, Tuple(TcpLab.Left(ends), cport, TcpLab.Right(ends), sport))
                .Fields[0].ShouldBe("established");
        }
        ShouldBeOneOfEach(run, pair.Left, "receive", "peer", "established", "");
        TcpLab.Nstat(pair.Left, "TcpEstabResets").ShouldBe(3);
    }

    [RequiresBpfFact("ss")]
    public void A_reset_hits_a_connection_in_TIME_WAIT() => TimeWait(new("tcpreset"));

    [RequiresWayFact("fentry", "ss")]
    public void A_reset_hits_a_connection_in_TIME_WAIT_seen_by_fentry() => TimeWait(new("tcpreset", By("fentry")));

    [RequiresWayFact("kprobe", "ss")]
    public void A_reset_hits_a_connection_in_TIME_WAIT_seen_by_kprobes() => TimeWait(new("tcpreset", By("kprobe")));

    private static void TimeWait(BpfProbeRun started)
    {
        using var run = started;
        using var pair = new TestNetnsPair();
        Taken(run, "resets received in TIME_WAIT").ShouldBeTrue();
        foreach (var ends in TcpLab.All)
        {
            var (client, server) = TcpLab.Connect(pair, ends);
            var (cport, sport) = (TcpLab.Port(client.LocalEndPoint), TcpLab.Port(server.LocalEndPoint));
            using var injector = new ResetInjector(pair.Right, InjectAt.TimeWait, sport);
            client.Shutdown(SocketShutdown.Send);
            server.Receive(new byte[1]).ShouldBe(0);
            server.Dispose();
            client.Receive(new byte[1]).ShouldBe(0);
            client.Dispose();
            injector.Await();
            var got = Await(
                run, TcpReset.Received, pair.Left, Tuple(TcpLab.Left(ends), cport, TcpLab.Right(ends), sport));
            got.Fields.ShouldBe(["time_wait", null]);
            (got.KubeSkoopType, got.InspectorType).ShouldBe((null, "TCP_RCV_RST_TW"));
            got.Severity.ShouldBe(EventSeverity.Info);
        }
        ShouldBeOneOfEach(run, pair.Left, "receive", "peer", "time_wait", "");
        // They were in that state, and the resets ended it: otherwise it lasts a minute.
        TcpLab.Nstat(pair.Left, "TcpActiveOpens").ShouldBe(3);
        pair.Left.Run("ss", "-H", "-t", "-a", "-n").Trim().ShouldBeEmpty();
    }

    [RequiresBpfFact("nstat", "tcpdump")]
    public void Linger_0_aborts_a_connection() => Linger(new("tcpreset"));

    [RequiresWayFact("fentry", "nstat", "tcpdump")]
    public void Linger_0_aborts_a_connection_seen_by_fentry() => Linger(new("tcpreset", By("fentry")));

    [RequiresWayFact("kprobe", "nstat", "tcpdump")]
    public void Linger_0_aborts_a_connection_seen_by_kprobes() => Linger(new("tcpreset", By("kprobe")));

    [RequiresWayFact("_raw", "nstat", "tcpdump")]
    public void Linger_0_aborts_a_connection_seen_by_the_tracepoint_of_old_kernels() =>
        Linger(new("tcpreset", By("_raw")));

    private static void Linger(BpfProbeRun started)
    {
        using var run = started;
        using var pair = new TestNetnsPair();
        using var capture = new ResetCapture(pair.Left);
        var wire = new List<string>();
        foreach (var ends in TcpLab.All)
        {
            var (client, server) = TcpLab.Connect(pair, ends);
            using var theirs = server;
            var (cport, sport) = (TcpLab.Port(client.LocalEndPoint), TcpLab.Port(server.LocalEndPoint));
            client.LingerState = new LingerOption(enable: true, 0);
            client.Dispose();

            var sent = Await(
                run, TcpReset.Sent, pair.Left, Tuple(TcpLab.Left(ends), cport, TcpLab.Right(ends), sport));
            sent.Fields.Take(2).ShouldBe(["active", "established"]);
            sent.KubeSkoopType.ShouldBe("TCPRESET_ACTIVE");
            sent.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
            sent.Message.ShouldContain(", the connection was established: ");
            sent.Message.ShouldMatch($@"^\S+:{cport} \(network namespace \S+\) sent a reset to \S+:{sport}, .*"
                + $@"; running: \S.*\[{Environment.ProcessId}\]$");
            sent.Message.ShouldNotContain("TCP_STATE");
            Await(run, TcpReset.Received, pair.Right, Tuple(TcpLab.Right(ends), sport, TcpLab.Left(ends), cport))
                .Fields[0].ShouldBe("established");
            wire.Add(ResetCapture.Of(TcpLab.Left(ends), cport, TcpLab.Right(ends), sport));
        }
        run.Sum(Resets, pair.Left, "transmit", "active", "established").ShouldBe(3);
        run.Sum(Resets, pair.Left).ShouldBe(3);
        ShouldBeOneOfEach(run, pair.Right, "receive", "peer", "established", "");
        TcpLab.Nstat(pair.Left, "TcpOutRsts").ShouldBe(3);
        TcpLab.Nstat(pair.Right, "TcpEstabResets").ShouldBe(3);
        BpfProbeRun.Eventually(() => capture.Ends.ShouldBe(wire));
    }

    [RequiresBpfFact("nstat")]
    public void Closing_with_unread_data_aborts_a_connection()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("tcpreset");
        var (client, server) = TcpLab.Connect(pair, Ends.V4);
        using var theirs = server;
        server.Send("unread"u8);
        BpfProbeRun.Eventually(() => client.Available.ShouldBe(6));
        client.Dispose();

        var sent = Await(run, TcpReset.Sent, pair.Left);
        sent.Fields.Take(2).ShouldBe(["active", "established"]);
        sent.Fields[2].ShouldBe(ActiveReason(run, "TCP_ABORT_ON_CLOSE"));
        run.Sum(Resets, pair.Left, "transmit", "active", "established").ShouldBe(1);
        TcpLab.Nstat(pair.Left, "TcpExtTCPAbortOnClose").ShouldBe(1);
        TcpLab.Nstat(pair.Left, "TcpOutRsts").ShouldBe(1);
    }

    // Kernels gave active resets no reasons at first (6.10, 6.11); the name is there since they do.
    private static TagValue? ActiveReason(BpfProbeRun run, string name)
    {
        if (!HasReasons(run))
            return null;
        var known = run.Host.Bpf.Environment.Btf!.Enum("sk_rst_reason", "SK_RST_REASON_")!.ContainsValue(name);
        return known ? name : "NOT_SPECIFIED";
    }

    [RequiresBpfFact("nstat", "nft")]
    public void Data_after_a_close_is_refused_and_is_no_received_reset()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("tcpreset");
        var (client, server) = TcpLab.Connect(pair, Ends.V4);
        using var ours = client;
        // The client never learns of the close, so the server stays in FIN_WAIT1.
        TcpLab.Drop(pair.Left, "tcp flags & fin == fin drop");
        server.Dispose();
        client.Send("late"u8);

        var sent = Await(run, TcpReset.Sent, pair.Right);
        sent.Fields.Take(2).ShouldBe(["stack", "fin_wait_1"]);
        sent.KubeSkoopType.ShouldBe("TCPRESET_PROCESS");
        if (HasReasons(run))
            sent.Fields[2].ShouldBe("TCP_ABORT_ON_DATA");
        run.Sum(Resets, pair.Right, "transmit", "stack", "fin_wait_1").ShouldBe(1);
        run.Sum(Resets, pair.Right).ShouldBe(1);
        run.Sum(Resets, pair.Left, "receive", "peer", "established").ShouldBe(1);
        TcpLab.Nstat(pair.Right, "TcpExtTCPAbortOnData").ShouldBe(1);
        TcpLab.Nstat(pair.Right, "TcpOutRsts").ShouldBe(1);
    }

    [RequiresBpfFact("nstat", "nft")]
    public void A_reset_that_a_closed_connection_receives_is_counted()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("tcpreset");
        var (client, server) = TcpLab.Connect(pair, Ends.V4);
        TcpLab.Drop(pair.Left, "tcp flags & fin == fin drop");
        server.Dispose();
        client.LingerState = new LingerOption(enable: true, 0);
        client.Dispose();

        // It is told from data after a close by what this CPU does next.
        BpfProbeRun.Eventually(() =>
        {
            foreach (var socket in Enumerable.Range(0, 8).Select(_ => TcpLab.Connect(pair, Ends.V6)))
            {
                socket.Client.Dispose();
                socket.Server.Dispose();
            }
            run.Sum(Resets, pair.Right, "receive", "peer", "fin_wait_1").ShouldBe(1);
        });
        run.Sum(Resets, pair.Right).ShouldBe(1);
        Await(run, TcpReset.Received, pair.Right).Fields.ShouldBe(["fin_wait_1", null]);
    }

    [RequiresBpfFact("nstat")]
    public void A_reset_to_a_half_open_connection_is_counted_where_functions_can_be_hooked() =>
        HalfOpen(new("tcpreset"),
            RequiresWayFactAttribute.Refusal("fentry") is null || RequiresWayFactAttribute.Refusal("kprobe") is null);

    [RequiresWayFact("fentry", "nstat")]
    public void A_reset_to_a_half_open_connection_seen_by_fentry() => HalfOpen(new("tcpreset", By("fentry")), true);

    [RequiresWayFact("kprobe", "nstat")]
    public void A_reset_to_a_half_open_connection_seen_by_kprobes() => HalfOpen(new("tcpreset", By("kprobe")), true);

    private static void HalfOpen(BpfProbeRun started, bool seen)
    {
        using var run = started;
        using var pair = new TestNetnsPair();
        run.Ladder.Hooks.Single(h => h.Hook == "resets received by half-open connections").Ways
            .Any(w => w.Verdict == WayVerdict.Taken).ShouldBe(seen);
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            using var listener = TcpLab.Listen(pair.Right, ends);
            // The kernel knows nothing of it and answers the SYN-ACK with a reset.
            ResetInjector.SendSyn(
                pair.Left, TcpLab.Left(ends), 4001, TcpLab.Right(ends), TcpLab.Port(listener.LocalEndPoint));
            BpfProbeRun.Eventually(() =>
                TcpLab.Nstat(pair.Right, "TcpExtEmbryonicRsts").ShouldBe(ends == Ends.V4 ? 1 : 2));
            Await(run, TcpReset.Sent, pair.Left).Fields[0].ShouldBe("no_socket");
            if (!seen)
                continue;
            var received = Await(run, TcpReset.Received, pair.Right, Tuple(
                TcpLab.Right(ends), TcpLab.Port(listener.LocalEndPoint), TcpLab.Left(ends), 4001));
            received.Fields.ShouldBe(["syn_received", null]);
            run.Sum(Resets, pair.Right, "receive", "peer", "syn_received", "", TcpLab.Type(ends)).ShouldBe(1);
        }
        run.Sum(Resets, pair.Right).ShouldBe(seen ? 2 : 0);
    }

    [RequiresBpfFact("nstat")]
    public void Healthy_connections_yield_nothing()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("tcpreset");
        for (var i = 0; i < 20; i++)
        {
            var (client, server) = TcpLab.Connect(pair, (Ends)(i % 3));
            client.Send("question"u8);
            server.Receive(new byte[8]).ShouldBe(8);
            server.Send("answer"u8);
            client.Receive(new byte[8]).ShouldBe(6);
            client.Shutdown(SocketShutdown.Send);
            server.Receive(new byte[1]).ShouldBe(0);
            server.Dispose();
            client.Receive(new byte[1]).ShouldBe(0);
            client.Dispose();
        }
        run.Sum(Resets, pair.Left).ShouldBe(0);
        run.Sum(Resets, pair.Right).ShouldBe(0);
        var inodes = new[] { pair.Left.Inode, pair.Right.Inode };
        run.Events.All.ShouldNotContain(e => e.Subject != null && inodes.Contains(e.Subject.Inode));
        TcpLab.Nstat(pair.Left, "TcpOutRsts").ShouldBe(0);
        TcpLab.Nstat(pair.Right, "TcpOutRsts").ShouldBe(0);
    }

    [RequiresBpfFact("nstat")]
    public void A_burst_is_counted_exactly_and_its_events_are_limited_and_settings_change_while_it_runs()
    {
        const int Attempts = 200;
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("tcpreset", null, ("burst", "1"));
        Refuse(ns, Attempts);
        run.Sum(Resets, ns, "transmit", "no_socket").ShouldBe(Attempts);
        run.Sum(Resets, ns, "receive", "peer", "syn_sent").ShouldBe(Attempts);
        TcpLab.Nstat(ns, "TcpOutRsts").ShouldBe(Attempts);
        var inode = ns.Inode;
        // All are either an event or held back, which collections report.
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            (Events() + run.Events.HeldOf(inode)).ShouldBe(2 * Attempts);
        });
        Events().ShouldBeLessThan(Attempts);

        run.Probe.Reconfigure(Settings(("burst", "0"))).ShouldBeTrue();
        var before = Events();
        Refuse(ns, 5);
        run.Sum(Resets, ns, "transmit", "no_socket").ShouldBe(Attempts + 5);
        run.Probe.Reconfigure(Settings(("burst", "10"), ("stack", "true"))).ShouldBeTrue();
        Refuse(ns, 1);
        var stacked = run.Events.Await(e => e.Stack.Count > 0 && e.Subject?.Inode == inode);
        stacked.Stack.ShouldContain(s => s.StartsWith("tcp_", StringComparison.Ordinal));
        stacked.Stack[0].ShouldNotMatch("^(bpf_|__bpf_|__traceiter_)", "the tracing itself is no part of the story");
        BpfProbeRun.Eventually(() => Events().ShouldBe(before + 2));
        run.Probe.Reconfigure(Settings(("entries", "128"))).ShouldBeFalse();

        int Events() => run.Events.All.Count(e => e.Subject?.Inode == inode);
    }

    private static ProbeSettings Settings(params (string Key, string Value)[] settings) =>
        ProbeSettings.Of(TcpReset.Info, settings);

    private static void Refuse(TestNetns ns, int times)
    {
        for (var i = 0; i < times; i++)
        {
            using var client = TcpLab.Make(ns, Ends.V4);
            Should.Throw<SocketException>(() => client.Connect(new IPEndPoint(IPAddress.Loopback, 81)));
        }
    }

    [RequiresBpfFact]
    public void Figures_of_a_namespace_that_is_gone_leave_the_kernel()
    {
        using var run = new BpfProbeRun("tcpreset");
        ulong inode;
        using (var ns = new TestNetns())
        {
            inode = ns.Inode;
            run.Collect();
            Refuse(ns, 3);
            run.Sum(Resets, inode, "transmit").ShouldBe(3);
        }
        BpfProbeRun.Eventually(() => run.Sum(Resets, inode).ShouldBe(0));
        Entries(run, inode).ShouldBe(0);
    }

    private static int Entries(BpfProbeRun run, ulong inode)
    {
        var map = run.Host.Bpf.Loaded.Single(s => s.Probe == "tcpreset").Object.Map("counters");
        var reader = new BpfMapReader<TcpKey, TcpValue>(map);
        reader.Read();
        return reader.Keys.ToArray().Count(k => k.Netns == inode);
    }

    [RequiresBpfFact]
    public void Collections_allocate_nothing()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("tcpreset");
        Refuse(ns, 3);
        run.Sum(Resets, ns).ShouldBe(6);
        run.Allocated(50).ShouldBe(0);
    }
}

/// <summary>A test of one way to hook, skipped where the kernel refuses it and cannot have it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresWayFactAttribute : FactAttribute
{
    private static readonly Dictionary<string, string?> Refusals = [];

    public RequiresWayFactAttribute(string way, params string[] tools)
    {
        Skip = BpfSupport.WhyNot(tools);
        if (Skip is not null)
            return;
        // Refused without an excuse: the test runs, and fails.
        if (Refusal(way) is not null)
            Skip = Feature(way)?.WhyMissing;
    }

    private static KernelFeature? Feature(string way) => way switch
    {
        "fentry" => KernelFeature.Fentry,
        "kprobe" => KernelFeature.Kprobes,
        _ => null,
    };

    /// <summary>Why this kernel refuses a way; null when it takes it.</summary>
    public static string? Refusal(string way)
    {
        lock (Refusals)
        {
            if (!Refusals.TryGetValue(way, out var refusal))
                Refusals.Add(way, refusal = Try(way));
            return refusal;
        }
    }

    private static string? Try(string way)
    {
        try
        {
            using var run = new BpfProbeRun("tcpreset", TcpResetTests.By(way));
            return null;
        }
        catch (ProbeUnavailableException e)
        {
            return e.Message;
        }
    }
}
