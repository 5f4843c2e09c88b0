using System.Diagnostics;
using System.Net.Sockets;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Sockets;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Data that wait in sockets until they are read; the test's own clock beside.</summary>
public sealed class SocketLatencyTests
{
    [RequiresBpfFact]
    public void Data_that_are_read_late_are_as_late_as_the_reader()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("socketlatency", null, ("slow", "150ms"));
        foreach (var ends in TcpLab.All)
        {
            using var lab = new WaitLab(pair, ends);
            var (least, most) = lab.ReadLate(lab.Client, lab.Server, 200);

            var e = lab.Await(run, pair.Right, SocketLatencyKinds.ReadInfo);
            e.Tuple.ShouldBe(new FlowTuple("tcp", TcpLab.Shown(TcpLab.Right(ends)), lab.ServerPort,
                TcpLab.Left(ends), lab.ClientPort));
            e.Duration.ShouldNotBeNull().ShouldBeInRange(least, most);
            e.Fields.ShouldBe([new TagValue(e.Duration!.Value), "accepted"]);
            e.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
            e.Severity.ShouldBe(EventSeverity.Warn);
            run.ShouldKeep(e);
            e.Message.ShouldMatch(@" let data of \S+ wait \d+.* ms until it read them; read by \S");
        }
        // The other way round it is the socket that connected.
        using var other = new WaitLab(pair, Ends.V4);
        other.ReadLate(other.Server, other.Client, 200);
        other.Await(run, pair.Left, SocketLatencyKinds.ReadInfo).Field("netlens.socket.role")!.Value.Text
            .ShouldBe("connected");

        var (count, nanoseconds) = WaitLab.Times(run, pair.Right, "read", "accepted");
        count.ShouldBe(3);
        nanoseconds.ShouldBeGreaterThan(600_000_000);
        WaitLab.Times(run, pair.Right, "read", "connected").Count.ShouldBe(0);
        WaitLab.Times(run, pair.Left, "read", "connected").Count.ShouldBe(1);
        run.Sum("kubeskoop_socketlatency_read1ms", pair.Right).ShouldBe(3);
        run.Sum("kubeskoop_socketlatency_read100ms", pair.Right).ShouldBe(3);
        run.Sum("kubeskoop_socketlatency_write100ms", pair.Left).ShouldBe(0);
        run.Allocated(50).ShouldBe(0);
    }

    /// <summary>The oldest of what waits counts, however much comes after it, and what a read leaves.</summary>
    [RequiresBpfFact]
    public void The_oldest_data_count_and_what_a_read_leaves_waits_on()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("socketlatency", null, ("slow", "250ms"));
        using var lab = new WaitLab(pair, Ends.V4);
        lab.Client.Send("first"u8);
        lab.Server.Poll(-1, SelectMode.SelectRead).ShouldBeTrue();
        var ready = Stopwatch.GetTimestamp();
        for (var i = 0; i < 6; i++)
        {
            Thread.Sleep(50);
            lab.Client.Send("another"u8);
        }
        var least = Stopwatch.GetElapsedTime(ready);
        lab.Server.Receive(new byte[4]).ShouldBe(4);
        lab.Await(run, pair.Right, SocketLatencyKinds.ReadInfo).Duration.ShouldNotBeNull()
            .ShouldBeGreaterThanOrEqualTo((long)least.TotalNanoseconds);

        // More than one event: also the rest was late.
        Thread.Sleep(300);
        lab.Server.Receive(new byte[100]).ShouldBe(43);
        BpfProbeRun.Eventually(() => WaitLab.Of(run, pair.Right).Length.ShouldBe(2));
        WaitLab.Of(run, pair.Right)[1].Duration.ShouldNotBeNull().ShouldBeGreaterThanOrEqualTo(300_000_000);
        // A machine that pauses between two buffers of one read makes more of it.
        WaitLab.Times(run, pair.Right, "read", "accepted").Count.ShouldBeGreaterThanOrEqualTo(2);
    }

    /// <summary>Looking at what is there is no read.</summary>
    [RequiresBpfFact]
    public void Data_that_are_looked_at_wait_on()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("socketlatency", null, ("slow", "150ms"));
        using var lab = new WaitLab(pair, Ends.V6);
        lab.Client.Send("looked at"u8);
        lab.Server.Poll(-1, SelectMode.SelectRead).ShouldBeTrue();
        for (var i = 0; i < 4; i++)
        {
            lab.Server.Receive(new byte[100], SocketFlags.Peek).ShouldBe(9);
            Thread.Sleep(50);
        }
        lab.Server.Receive(new byte[100]).ShouldBe(9);
        lab.Await(run, pair.Right, SocketLatencyKinds.ReadInfo).Duration.ShouldNotBeNull()
            .ShouldBeGreaterThanOrEqualTo(200_000_000);
        WaitLab.Times(run, pair.Right, "read", "accepted").Count.ShouldBe(1);
    }

    /// <summary>
    /// Connections that were there before, with data that nobody knows how long they wait; idle ones; readers of much
    /// at once; sockets that are closed unread, at whose addresses others come to be.
    /// </summary>
    [RequiresBpfFact]
    public void What_is_not_late_yields_no_event()
    {
        using var pair = new TestNetnsPair();
        using var before = new WaitLab(pair, Ends.V4);
        before.Client.Send("old"u8);
        before.Server.Poll(-1, SelectMode.SelectRead).ShouldBeTrue();
        using var run = new BpfProbeRun("socketlatency", null, ("slow", "700ms"));
        before.Server.Receive(new byte[100]).ShouldBe(3);
        WaitLab.Times(run, pair.Right, "read", "accepted").Count.ShouldBe(0, "nobody knows how long it waited");

        using var idle = new WaitLab(pair, Ends.V6);
        idle.Ask();
        before.Ask();
        for (var i = 0; i < 20; i++)
        {
            using var unread = new WaitLab(pair, Ends.V4);
            unread.Client.Send("nobody reads this"u8);
            unread.Server.Poll(-1, SelectMode.SelectRead).ShouldBeTrue();
        }
        Thread.Sleep(1_000);
        idle.Ask();
        before.Ask();
        for (var i = 0; i < 20; i++)
        {
            using var next = new WaitLab(pair, Ends.V4);
            next.Ask();
        }
        run.Probe.Reconfigure(ProbeSettings.Of(SocketLatency.Info, ("slow", "30s"))).ShouldBeTrue();
        // However long a busy machine keeps its reader from it.
        idle.SendMuch(8 << 20);

        var (count, nanoseconds) = WaitLab.Times(run, pair.Right, "read", "accepted");
        count.ShouldBeGreaterThanOrEqualTo(24);
        nanoseconds.ShouldBeLessThan(count * 700_000_000L);
        WaitLab.Times(run, pair.Left, "read", "connected").Count.ShouldBeGreaterThanOrEqualTo(24);
        if (WaitLab.SeesWrites(run))
            WaitLab.Times(run, pair.Left, "write", "connected").Count.ShouldBeGreaterThanOrEqualTo(24);
        WaitLab.Of(run, pair.Left).ShouldBeEmpty();
        WaitLab.Of(run, pair.Right).ShouldBeEmpty();
        run.Failures.ShouldBeEmpty();
    }

    /// <summary>What kernels without types do, wherever they are: places by the sockets' addresses.</summary>
    [RequiresBpfFact]
    public void Sockets_are_told_apart_by_address_where_the_kernel_keeps_nothing_with_them()
    {
        using var pair = new TestNetnsPair();
        using var run = WaitLab.Raw();
        if (run is null)
            return;
        foreach (var ends in TcpLab.All)
        {
            using var lab = new WaitLab(pair, ends);
            for (var i = 0; i < 10; i++)
            {
                using var unread = new WaitLab(pair, ends);
                unread.Client.Send("nobody reads this"u8);
            }
            var (least, most) = lab.ReadLate(lab.Client, lab.Server, 200);
            lab.Await(run, pair.Right, SocketLatencyKinds.ReadInfo).Duration.ShouldNotBeNull()
                .ShouldBeInRange(least, most);
        }
        WaitLab.Times(run, pair.Right, "read", "accepted").Count.ShouldBe(3);
        WaitLab.Of(run, pair.Right).Length.ShouldBe(3);
        if (WaitLab.SeesWrites(run))
            WaitLab.Times(run, pair.Left, "write", "connected").Count.ShouldBe(33);
    }

    [RequiresBpfFact]
    public void Settings_change_while_it_runs_and_figures_go_with_their_namespace()
    {
        using var run = new BpfProbeRun("socketlatency", null, ("slow", "10s"));
        ulong inode;
        using (var pair = new TestNetnsPair())
        {
            inode = pair.Right.Inode;
            using var lab = new WaitLab(pair, Ends.V4);
            lab.ReadLate(lab.Client, lab.Server, 60);
            run.Probe.Reconfigure(WaitLab.Settings(("slow", "50ms"))).ShouldBeTrue();
            lab.ReadLate(lab.Client, lab.Server, 60);
            lab.Await(run, pair.Right, SocketLatencyKinds.ReadInfo);
            WaitLab.Of(run, pair.Right).Length.ShouldBe(1);
            run.Probe.Reconfigure(WaitLab.Settings(("slow", "50ms"), ("burst", "0"))).ShouldBeTrue();
            lab.ReadLate(lab.Client, lab.Server, 60);
            WaitLab.Times(run, pair.Right, "read", "accepted").Count.ShouldBe(3);
            WaitLab.Of(run, pair.Right).Length.ShouldBe(1);
            run.Probe.Reconfigure(WaitLab.Settings(("entries", "128"))).ShouldBeFalse();
        }
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            var reader = new BpfMapReader<SocketLatencyKey, SocketLatencyValue>(
                run.Host.Bpf.Loaded.Single(s => s.Probe == "socketlatency").Object.Map("times"));
            reader.Read();
            reader.Keys.ToArray().ShouldNotContain(k => k.Netns == inode);
        });
        run.Collect().Find(SocketLatencyCounters.Table)?.Rows.ToArray()
            .ShouldNotContain(r => r.Subject!.Inode == inode);
    }
}
