using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Connects;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Connects between two namespaces: their number, their time, their end; nstat counts beside.</summary>
public sealed class ConnectTests
{
    [RequiresBpfFact("nstat")]
    public void Connects_that_succeed_are_timed_and_yield_no_event()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("connect", null, ("slow", "30s"));
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < 12; i++)
        {
            var (client, server) = TcpLab.Connect(pair, (Ends)(i % 3));
            client.Dispose();
            server.Dispose();
        }
        var elapsed = Stopwatch.GetElapsedTime(start);

        ConnectLab.By(run, pair.Left, "netlens.connect.outcome").ShouldBe(["established 12"]);
        ConnectLab.By(run, pair.Left, "network.type").ShouldBe(["ipv4 8", "ipv6 4"]);
        TcpLab.Nstat(pair.Left, "TcpActiveOpens").ShouldBe(12);
        var (count, nanoseconds) = ConnectLab.Times(run, pair.Left);
        count.ShouldBe(12);
        nanoseconds.ShouldBeInRange(1, (long)elapsed.TotalNanoseconds);
        run.Sum(ConnectLab.Failed, pair.Left).ShouldBe(0);
        // Who is connected to does not connect.
        run.Sum(ConnectLab.Attempts, pair.Right).ShouldBe(0);
        ConnectLab.Of(run, pair.Left).ShouldBeEmpty();
        ConnectLab.Of(run, pair.Right).ShouldBeEmpty();
        run.Allocated(50).ShouldBe(0);
    }

    [RequiresBpfFact("nstat")]
    public void A_closed_port_refuses()
    {
        using var run = new BpfProbeRun("connect");
        using var pair = new TestNetnsPair();
        foreach (var ends in TcpLab.All)
        {
            var port = 4001 + (int)ends;
            using var client = TcpLab.Make(pair.Left, ends);
            client.Bind(new IPEndPoint(TcpLab.Any(ends), port));
            Should.Throw<SocketException>(() => client.Connect(new IPEndPoint(TcpLab.Right(ends), 81 + (int)ends)));

            var e = ConnectLab.Await(run, pair.Left, TcpLab.Right(ends), 81 + (int)ends);
            e.Tuple.ShouldBe(new FlowTuple(
                "tcp", TcpLab.Left(ends), port, TcpLab.Shown(TcpLab.Right(ends)), 81 + (int)ends));
            e.Fields.Take(2).ShouldBe(["refused", "ECONNREFUSED"]);
            e.Duration.ShouldNotBeNull().ShouldBeGreaterThan(0);
            e.Field("netlens.connect.duration")!.Value.Number.ShouldBe(e.Duration!.Value);
            e.Severity.ShouldBe(EventSeverity.Error);
            e.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
            e.Message.ShouldMatch(@" ms: nobody listens there, it answered with a reset; asked by \S");
        }
        run.Sum(ConnectLab.Attempts, pair.Left, "refused", "system", "ipv4").ShouldBe(2);
        run.Sum(ConnectLab.Attempts, pair.Left, "refused", "system", "ipv6").ShouldBe(1);
        run.Sum(ConnectLab.Failed, pair.Left).ShouldBe(3);
        TcpLab.Nstat(pair.Left, "TcpAttemptFails").ShouldBe(3);
        ConnectLab.Times(run, pair.Left).Count.ShouldBe(0);
    }

    [RequiresBpfFact]
    public void Ports_are_told_apart_by_kind()
    {
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("connect");
        foreach (var port in new[] { 53, 80, 443, 22, 1023, 1024, 8080, 32767, 32768, 65535 })
            ConnectLab.Fail(ns, IPAddress.Loopback, port).ShouldBe(SocketError.ConnectionRefused);
        ConnectLab.By(run, ns, "netlens.peer.port_class").ShouldBe(
            ["dns 1", "dynamic 2", "http 1", "https 1", "registered 3", "system 2"]);
    }

    [RequiresBpfFact("nft")]
    public void A_lost_SYN_makes_a_slow_connect()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("connect");
        foreach (var ends in new[] { Ends.V4, Ends.V6 })
        {
            TcpLab.Drop(pair.Right, "meta l4proto tcp drop");
            using var listener = TcpLab.Listen(pair.Right, ends);
            var port = TcpLab.Port(listener.LocalEndPoint);
            var start = Stopwatch.GetTimestamp();
            using var client = ConnectLab.Begin(pair.Left, TcpLab.Right(ends), port);
            TcpLab.Pass(pair.Right);
            client.Poll(30_000_000, SelectMode.SelectWrite).ShouldBeTrue();
            var elapsed = Stopwatch.GetElapsedTime(start);

            var e = ConnectLab.Await(run, pair.Left, TcpLab.Right(ends), port, ConnectKinds.SlowInfo);
            // The kernel waits for a second, less a tick, before it sends again.
            e.Duration.ShouldNotBeNull().ShouldBeInRange(980_000_000, (long)elapsed.TotalNanoseconds);
            e.Field("netlens.connect.retransmits")!.Value.Number.ShouldBeGreaterThanOrEqualTo(1);
            e.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
            e.Severity.ShouldBe(EventSeverity.Warn);
            run.ShouldKeep(e);
            e.Message.ShouldMatch(@" connected to \S+ in \d+.* ms: it took \d SYNs; asked by");
        }
        var (count, nanoseconds) = ConnectLab.Times(run, pair.Left);
        count.ShouldBe(2);
        nanoseconds.ShouldBeGreaterThan(1_960_000_000);
        run.Sum(ConnectLab.Failed, pair.Left).ShouldBe(0);
    }

    [RequiresNetemFact("nstat")]
    public void A_link_with_a_delay_is_as_slow_as_it()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("connect", null, ("slow", "150ms"));
        pair.Right.Run("tc", "qdisc", "add", "dev", TestNetnsPair.Interface, "root", "netem", "delay", "200ms");
        using var listener = TcpLab.Listen(pair.Right, Ends.V4);
        using var client = TcpLab.Make(pair.Left, Ends.V4);
        var port = TcpLab.Port(listener.LocalEndPoint);
        var start = Stopwatch.GetTimestamp();
        client.Connect(new IPEndPoint(TcpLab.Right(Ends.V4), port));
        var elapsed = Stopwatch.GetElapsedTime(start);
        ConnectLab.Times(run, pair.Left).Nanoseconds.ShouldBeInRange(200_000_000, (long)elapsed.TotalNanoseconds);
        ConnectLab.Await(run, pair.Left, TcpLab.Right(Ends.V4), port, ConnectKinds.SlowInfo);
    }

    /// <summary>The SYN waits for the first data, as the application wants it: no time of the network.</summary>
    [RequiresBpfFact]
    public void A_fast_open_is_counted_and_not_timed()
    {
        using var ns = new TestNetns();
        ns.Sysctl("net.ipv4.tcp_fastopen", "3");
        using var run = new BpfProbeRun("connect", null, ("slow", "10ms"));
        using var listener = ns.Inside(() =>
        {
            var made = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            made.SetRawSocketOption(6, 23, BitConverter.GetBytes(16)); // TCP_FASTOPEN
            made.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            made.Listen(16);
            return made;
        });
        for (var i = 0; i < 2; i++)
        {
            using var client = TcpLab.Make(ns, Ends.V4);
            client.SetRawSocketOption(6, 30, BitConverter.GetBytes(1)); // TCP_FASTOPEN_CONNECT
            client.Connect(listener.LocalEndPoint!);
            Thread.Sleep(50);
            client.Send("x"u8);
            listener.Accept().Dispose();
        }
        BpfProbeRun.Eventually(() => run.Sum(ConnectLab.Attempts, ns, "established").ShouldBe(2));
        ConnectLab.Times(run, ns).Count.ShouldBe(0);
        ConnectLab.Of(run, ns).ShouldBeEmpty();
    }

    [RequiresBpfFact("nstat")]
    public void A_burst_is_counted_exactly_and_its_events_are_limited_and_settings_change_while_it_runs()
    {
        const int Many = 200;
        using var ns = new TestNetns();
        using var run = new BpfProbeRun("connect", null, ("burst", "1"));
        Refuse(ns, Many);
        run.Sum(ConnectLab.Failed, ns).ShouldBe(Many);
        TcpLab.Nstat(ns, "TcpAttemptFails").ShouldBe(Many);
        var inode = ns.Inode;
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            (ConnectLab.Of(run, ns).Length + run.Events.HeldOf(inode)).ShouldBe(Many);
        });
        ConnectLab.Of(run, ns).Length.ShouldBeLessThan(Many);

        run.Probe.Reconfigure(ConnectLab.Settings(("burst", "0"))).ShouldBeTrue();
        var before = ConnectLab.Of(run, ns).Length;
        Refuse(ns, 5);
        run.Sum(ConnectLab.Failed, ns).ShouldBe(Many + 5);
        ConnectLab.Of(run, ns).Length.ShouldBe(before);
        run.Probe.Reconfigure(ConnectLab.Settings(("entries", "128"))).ShouldBeFalse();
    }

    private static void Refuse(TestNetns ns, int times)
    {
        for (var i = 0; i < times; i++)
            ConnectLab.Fail(ns, IPAddress.Loopback, 81);
    }

    [RequiresBpfFact]
    public void Figures_of_a_namespace_that_is_gone_leave_the_kernel()
    {
        using var run = new BpfProbeRun("connect");
        ulong inode;
        using (var ns = new TestNetns())
        {
            inode = ns.Inode;
            run.Collect();
            using var listener = TcpLab.Listen(ns, Ends.V4);
            using var client = TcpLab.Make(ns, Ends.V4);
            client.Connect(new IPEndPoint(IPAddress.Loopback, TcpLab.Port(listener.LocalEndPoint)));
            Refuse(ns, 3);
            run.Sum(ConnectLab.Attempts, inode).ShouldBe(4);
        }
        BpfProbeRun.Eventually(() => run.Sum(ConnectLab.Attempts, inode).ShouldBe(0));
        Entries<ConnectKey, ConnectValue>(run, "connects").ShouldNotContain(k => k.Netns == inode);
        Entries<ConnectTimesKey, ConnectTimes>(run, "times").ShouldNotContain(k => k.Netns == inode);
        run.Collect().Find(ConnectCounters.TimeTable)?.Rows.ToArray().ShouldNotContain(r => r.Subject!.Inode == inode);
    }

    private static TKey[] Entries<TKey, TValue>(BpfProbeRun run, string map)
        where TKey : unmanaged where TValue : unmanaged
    {
        var reader = new BpfMapReader<TKey, TValue>(
            run.Host.Bpf.Loaded.Single(s => s.Probe == "connect").Object.Map(map));
        reader.Read();
        return reader.Keys.ToArray();
    }
}
