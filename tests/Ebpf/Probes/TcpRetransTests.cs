using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Node;
using Collector.Linux.Probes.Tcp;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>
/// Segments that are lost, so that the kernel sends them again; nstat says how many and of which kind.
/// </summary>
public sealed class TcpRetransTests
{
    private const string Segments = "netlens.tcpretrans.segments";
    private const string Total = "netlens.tcpretrans.total";

    /// <summary>Where the kernel tells what it sends again.</summary>
    internal static readonly string[] SentAgain = ["tcp/tcp_retransmit_skb", "tcp/tcp_retransmit_synack"];

    private static NetworkEvent Await(BpfProbeRun run, TestNetns ns, string kind, FlowTuple? tuple = null)
    {
        var inode = ns.Inode;
        return run.Events.Await(
            e => e.Subject?.Inode == inode && e.Fields[0] == kind && (tuple is null || e.Tuple == tuple));
    }

    /// <summary>Nothing is under way any more: the probe and nstat, read one after the other, agree.</summary>
    private static void ShouldAgree(BpfProbeRun run, TestNetns ns) => BpfProbeRun.Eventually(() =>
    {
        var counted = run.Sum(Segments, ns);
        // The kernel counts before it sends, and those that could not be sent once more.
        var failed = TcpLab.Nstat(ns, "TcpExtTCPRetransFail");
        var sent = TcpLab.Nstat(ns, "TcpRetransSegs");
        (counted + failed).ShouldBe(sent, counted + failed == sent ? null : Seen(run, ns));
        counted.ShouldBe(run.Sum(Total, ns));
    });

    /// <summary>
    /// What there is to say where the probe and nstat do not agree: what was counted and when it was seen, what the
    /// program had no room for, when the kernel did not run it, and the kernel's own counters.
    /// </summary>
    internal static string Seen(BpfProbeRun run, TestNetns ns)
    {
        var programs = run.Host.Bpf.Loaded.Single(l => l.Probe == run.Probe.Info.Id).Object.Programs;
        IEnumerable<string> all =
        [
            .. run.SumBy(Segments, ns, "netlens.retransmit.kind").Select(k => $"{k.Key} {k.Value}"),
            $"no room for {PacketLossLifeTests.Losses(run, 1)}",
            .. Entries(run),
            .. programs.Where(p => p.Attached)
                .Select(p => $"{p.Name} missed {(p.TryRead(out var info) ? info.recursion_misses : 0)}"),
            ns.Run("nstat", "-asz", "Tcp*Retrans*", "TcpExtTCPTimeouts", "TcpExtTCPLossProbes", "TcpExtTCPSpuriousRtx*"),
            .. run.Events.All.Where(e => e.Subject?.Inode == ns.Inode).Select(e => $"{e.Time}: {e.Message}"),
        ];
        return string.Join("; ", all);
    }

    /// <summary>What the kernel side has, of whatever namespace, each processor by itself.</summary>
    private static IEnumerable<string> Entries(BpfProbeRun run)
    {
        var reader = new BpfMapReader<TcpKey, TcpValue>(
            run.Host.Bpf.Loaded.Single(l => l.Probe == run.Probe.Info.Id).Object.Map("counters"));
        reader.Read();
        for (var i = 0; i < reader.Count; i++)
        {
            var (at, key) = (i, reader.Keys[i]);
            var counts = Enumerable.Range(0, BpfLibrary.PossibleCpus).Select(cpu => reader.Value(at, cpu).Segments);
            var held = Enumerable.Range(0, BpfLibrary.PossibleCpus).Select(cpu => reader.Value(at, cpu).Limiter.Held);
            yield return $"{key} {string.Join('+', counts)}, {string.Join('+', held)} of their events held back";
        }
    }

    private static FlowTuple Tuple(IPAddress source, int sport, IPAddress destination, int dport) =>
        new("tcp", TcpLab.Shown(source), sport, TcpLab.Shown(destination), dport);

    [RequiresBpfFact("nstat", "nft")]
    public void A_SYN_that_nobody_answers() => Unseen.Again(() =>
    {
        using var pair = new TestNetnsPair();
        TcpLab.Drop(pair.Right, "meta l4proto tcp drop");
        using var run = new BpfProbeRun("tcpretrans");
        foreach (var ends in TcpLab.All)
        {
            var port = 4001 + (int)ends;
            using var client = TcpLab.Make(pair.Left, ends);
            client.Bind(new IPEndPoint(TcpLab.Any(ends), port));
            Connect(client, ends, 81);
            var again = Await(run, pair.Left, "syn", Tuple(TcpLab.Left(ends), port, TcpLab.Right(ends), 81));
            again.Fields.Take(3).ShouldBe(["syn", "syn_sent", 1L]);
            again.KubeSkoopType.ShouldBe("TCPRetrans");
            again.Severity.ShouldBe(EventSeverity.Error, "who connects waits");
            again.Process.ShouldBeNull();
        }
        ShouldAgree(run, pair.Left);
        ShouldAgreeByKind(run, pair.Left);
        run.Sum(Segments, pair.Left, "syn").ShouldBe(run.Sum(Segments, pair.Left));
        run.Sum(Segments, pair.Left, "syn", "ipv4").ShouldBeGreaterThan(1);
        run.Sum(Segments, pair.Left, "syn", "ipv6").ShouldBeGreaterThan(0);
        run.Sum(Segments, pair.Right).ShouldBe(0);
    }, SentAgain);

    // Begins to connect; that it fails when the socket is closed is not of interest.
    private static void Connect(Socket client, Ends ends, int port) =>
        _ = client.ConnectAsync(new IPEndPoint(TcpLab.Right(ends), port))
            .ContinueWith(t => t.Exception, TaskScheduler.Default);

    [RequiresBpfFact("nstat", "nft")]
    public void A_SYN_ACK_whose_answer_is_lost() => Unseen.Again(() =>
    {
        using var pair = new TestNetnsPair();
        TcpLab.Drop(pair.Right, "tcp flags & (syn|ack) == ack drop");
        using var run = new BpfProbeRun("tcpretrans");
        foreach (var ends in TcpLab.All)
        {
            using var listener = TcpLab.Listen(pair.Right, ends);
            using var client = TcpLab.Make(pair.Left, ends);
            var port = TcpLab.Port(listener.LocalEndPoint);
            client.Connect(new IPEndPoint(TcpLab.Right(ends), port));
            Await(run, pair.Right, "syn_ack",
                Tuple(TcpLab.Right(ends), port, TcpLab.Left(ends), TcpLab.Port(client.LocalEndPoint)))
                .Fields.Take(3).ShouldBe(["syn_ack", "syn_received", 1L]);
        }
        ShouldAgree(run, pair.Right);
        run.Sum(Segments, pair.Right, "syn_ack", "ipv4").ShouldBeGreaterThan(1);
        run.Sum(Segments, pair.Right, "syn_ack", "ipv6").ShouldBeGreaterThan(0);
        run.Sum(Segments, pair.Right, "syn_ack").ShouldBe(run.Sum(Segments, pair.Right));
    }, SentAgain);

    [RequiresBpfFact("nstat", "nft")]
    public void Data_that_the_timer_sends_again() => Unseen.Again(() =>
    {
        using var pair = new TestNetnsPair();
        pair.Left.Sysctl("net.ipv4.tcp_early_retrans", "0");
        using var run = new BpfProbeRun("tcpretrans");
        var connections = TcpLab.All.Select(ends => (Ends: ends, Sockets: TcpLab.Connect(pair, ends))).ToArray();
        TcpLab.Drop(pair.Right, "meta l4proto tcp drop");
        foreach (var (_, (client, _)) in connections)
            client.Send("lost"u8);
        foreach (var (ends, (client, server)) in connections)
        {
            var (cport, sport) = (TcpLab.Port(client.LocalEndPoint), TcpLab.Port(server.LocalEndPoint));
            var again = Await(run, pair.Left, "rto", Tuple(TcpLab.Left(ends), cport, TcpLab.Right(ends), sport));
            again.Fields.Take(3).ShouldBe(["rto", "established", 1L]);
            again.Process.ShouldBeNull();
        }
        TcpLab.Pass(pair.Right);
        foreach (var (_, (client, server)) in connections)
        {
            server.Receive(new byte[8]).ShouldBe(4);
            client.Dispose();
            server.Dispose();
        }
        ShouldAgree(run, pair.Left);
        ShouldAgreeByKind(run, pair.Left);
        TcpLab.Nstat(pair.Left, "TcpExtTCPTimeouts").ShouldBeGreaterThanOrEqualTo(3);
        run.Sum(Segments, pair.Left, "rto").ShouldBe(run.Sum(Segments, pair.Left));
    }, SentAgain);

    [RequiresBpfFact("nstat", "nft")]
    public void A_lost_tail_is_probed() => Unseen.Again(() =>
    {
        // A connection that a busy machine had in trouble before is not probed: nstat tells, and it is made anew.
        for (var attempt = 1; !IsLostTailProbed(attempt == 5); attempt++)
        {
        }
    }, SentAgain);

    private static bool IsLostTailProbed(bool last)
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("tcpretrans");
        var (client, server) = TcpLab.Connect(pair, Ends.V4);
        using var ours = client;
        using var theirs = server;
        // A measured round trip: without one the kernel probes late.
        for (var i = 0; i < 5; i++)
        {
            client.Send("ping"u8);
            server.Receive(new byte[4]).ShouldBe(4);
            server.Send("pong"u8);
            client.Receive(new byte[4]).ShouldBe(4);
        }
        TcpLab.Drop(pair.Right, "meta l4proto tcp drop");
        client.Send("lost"u8);

        BpfProbeRun.Eventually(() => TcpLab.Nstat(pair.Left, "TcpRetransSegs").ShouldBeGreaterThan(0));
        if (!last && TcpLab.Nstat(pair.Left, "TcpExtTCPLossProbes") == 0)
            return false;
        var again = Await(run, pair.Left, "tlp");
        again.Fields.Take(3).ShouldBe(["tlp", "established", 1L]);
        TcpLab.Pass(pair.Right);
        server.Receive(new byte[8]).ShouldBe(4);
        ShouldAgree(run, pair.Left);
        run.Sum(Segments, pair.Left, "tlp", "ipv4").ShouldBe(TcpLab.Nstat(pair.Left, "TcpExtTCPLossProbes"));
        return true;
    }

    [RequiresBpfFact("nstat", "nft")]
    public void Segments_that_acknowledgements_tell_of_are_sent_again_at_once() => Unseen.Again(() =>
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("tcpretrans");
        var (client, server) = TcpLab.Connect(pair, Ends.V6);
        using var ours = client;
        using var theirs = server;
        TcpLab.Drop(pair.Right, "meta l4proto tcp numgen inc mod 20 == 7 drop");
        Transfer(client, server, 4 << 20);
        TcpLab.Pass(pair.Right);

        Await(run, pair.Left, "fast").Tuple!.DestinationPort.ShouldBe(TcpLab.Port(server.LocalEndPoint));
        ShouldAgree(run, pair.Left);
        ShouldAgreeByKind(run, pair.Left);
        run.Sum(Segments, pair.Left, "fast", "ipv6").ShouldBeGreaterThan(0);
    }, SentAgain);

    /// <summary>The kinds that the kernel has a counter of its own for.</summary>
    private static void ShouldAgreeByKind(BpfProbeRun run, TestNetns ns)
    {
        run.Sum(Segments, ns, "fast").ShouldBe(TcpLab.Nstat(ns, "TcpExtTCPFastRetrans"));
        run.Sum(Segments, ns, "slow_start").ShouldBe(TcpLab.Nstat(ns, "TcpExtTCPSlowStartRetrans"));
        run.Sum(Segments, ns, "syn").ShouldBe(TcpLab.Nstat(ns, "TcpExtTCPSynRetrans"));
        run.Sum(Segments, ns, "other").ShouldBe(0);
    }

    private static void Transfer(Socket from, Socket to, int bytes)
    {
        var reader = new Thread(() =>
        {
            var buffer = new byte[64 * 1024];
            for (var got = 0; got < bytes;)
                got += to.Receive(buffer);
        });
        reader.Start();
        var chunk = new byte[16 * 1024];
        for (var sent = 0; sent < bytes; sent += chunk.Length)
            from.Send(chunk);
        reader.Join();
    }

    [RequiresNetemFact("nstat")]
    public void A_lossy_link_agrees_with_nstat_in_every_kind() => Unseen.Again(() =>
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("tcpretrans");
        var (client, server) = TcpLab.Connect(pair, Ends.V4);
        using var ours = client;
        using var theirs = server;
        pair.Left.Run(
            "tc", "qdisc", "add", "dev", TestNetnsPair.Interface, "root", "netem", "loss", "5%", "delay", "2ms");
        // netem draws lots for whole frames of up to 64 KiB: one transfer is few of them, and may lose none.
        for (var round = 0; round == 0 || (round < 20 && TcpLab.Nstat(pair.Left, "TcpRetransSegs") == 0); round++)
            Transfer(client, server, 1 << 20);
        pair.Left.Run("tc", "qdisc", "del", "dev", TestNetnsPair.Interface, "root");
        ShouldAgree(run, pair.Left);
        ShouldAgreeByKind(run, pair.Left);
        run.Sum(Segments, pair.Left).ShouldBeGreaterThan(0);
    }, SentAgain);

    [RequiresBpfFact("nstat")]
    public void Healthy_connections_yield_nothing() => Unseen.Again(() =>
    {
        // A machine that is busy may send a segment again for nothing: nstat tells, and the connections are made anew.
        for (var attempt = 1; ; attempt++)
        {
            using var pair = new TestNetnsPair();
            using var run = new BpfProbeRun("tcpretrans");
            for (var i = 0; i < 3; i++)
            {
                var (client, server) = TcpLab.Connect(pair, (Ends)i);
                Transfer(client, server, 1 << 20);
                client.Dispose();
                server.Dispose();
            }
            ShouldAgree(run, pair.Left);
            ShouldAgree(run, pair.Right);
            if (attempt < 5 && (TcpLab.Nstat(pair.Left, "TcpRetransSegs") > 0 || TcpLab.Nstat(pair.Right, "TcpRetransSegs") > 0))
                continue;
            foreach (var ns in new[] { pair.Left, pair.Right })
            {
                run.Sum(Segments, ns).ShouldBe(0);
                run.Events.All.ShouldNotContain(e => e.Subject != null && e.Subject.Inode == ns.Inode);
            }
            return;
        }
    }, SentAgain);

    [RequiresBpfFact("nft")]
    public void Events_are_limited_by_namespace_and_kind_and_settings_change_while_it_runs()
    {
        using var pair = new TestNetnsPair();
        TcpLab.Drop(pair.Right, "meta l4proto tcp drop");
        using var run = new BpfProbeRun("tcpretrans", null, ("burst", "1"));
        run.Probe.Reconfigure(Settings(("burst", "1"), ("stack", "true"))).ShouldBeTrue();
        var clients = Enumerable.Range(0, 40).Select(_ => TcpLab.Make(pair.Left, Ends.V4)).ToArray();
        foreach (var client in clients)
            Connect(client, Ends.V4, 81);
        BpfProbeRun.Eventually(() => run.Sum(Segments, pair.Left, "syn").ShouldBeGreaterThanOrEqualTo(40));
        foreach (var client in clients)
            client.Dispose();
        var inode = pair.Left.Inode;
        BpfProbeRun.Eventually(() =>
        {
            var counted = run.Sum(Segments, pair.Left);
            (Events() + run.Events.HeldOf(inode)).ShouldBe(counted);
        });
        Events().ShouldBeLessThan(40);
        run.Events.All.First(e => e.Subject?.Inode == inode).Stack
            .ShouldContain(s => s.StartsWith("tcp_", StringComparison.Ordinal));
        run.Probe.Reconfigure(Settings(("entries", "128"))).ShouldBeFalse();

        int Events() => run.Events.All.Count(e => e.Subject?.Inode == inode);
    }

    [RequiresBpfFact]
    public void Tracepoints_are_taken_where_there_are_some()
    {
        using var run = new BpfProbeRun("tcpretrans");
        run.Ladder.Failure.ShouldBeNull();
        run.Ladder.Hooks.Select(h => h.Taken!.Sections).ShouldBe(
            ["raw_tp/tcp_retransmit_skb", "raw_tp/tcp_retransmit_synack"]);
    }

    private static ProbeSettings Settings(params (string Key, string Value)[] settings) =>
        ProbeSettings.Of(TcpRetrans.Info, settings);

    [RequiresBpfFact("nft")]
    public void Collections_allocate_nothing()
    {
        using var pair = new TestNetnsPair();
        TcpLab.Drop(pair.Right, "meta l4proto tcp drop");
        using var run = new BpfProbeRun("tcpretrans");
        using var client = TcpLab.Make(pair.Left, Ends.V4);
        Connect(client, Ends.V4, 81);
        Await(run, pair.Left, "syn");
        client.Dispose();
        run.Allocated(50).ShouldBe(0);
    }
}

/// <summary>Skipped where the kernel has no netem.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresNetemFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> Refusal = new(() =>
    {
        using var ns = new TestNetns();
        var (code, _, error) = ns.Try("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms");
        return code == 0 ? null : $"the kernel has no netem: {error.Trim()}";
    });

    public RequiresNetemFactAttribute(params string[] tools) =>
        Skip = BpfSupport.WhyNot([.. tools, "tc"]) ?? Refusal.Value;
}
