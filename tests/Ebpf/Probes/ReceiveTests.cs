using System.Diagnostics;
using Collector.Core.Events;
using Collector.Core.Probes;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Arrivals;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>Packets between two namespaces, read at once, late, or held up by rules; nstat counts beside.</summary>
public sealed class ReceiveTests
{
    [RequiresBpfFact("nstat")]
    public void What_comes_is_timed_at_each_station_and_yields_no_event()
    {
        const int Each = 10;
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("receive", null, ("slow", "30s"), ("slowRead", "30s"));
        var start = Stopwatch.GetTimestamp();
        foreach (var lab in ReceiveLab.All(pair))
        {
            for (var i = 0; i < Each; i++)
            {
                lab.Send();
                lab.Read();
            }
            lab.Dispose();
        }
        var elapsed = (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds;

        long Count(string station, string transport) => ReceiveLab.Count(run, pair.Right, station, transport);
        Count("network", "udp").ShouldBe(3 * Each);
        Count("socket", "udp").ShouldBe(3 * Each);
        Count("read", "udp").ShouldBe(3 * Each);
        Count("read", "tcp").ShouldBe(3 * Each);
        // A busy machine may send a segment again for nothing.
        Count("socket", "tcp").ShouldBeInRange(3 * Each, (3 * Each) + TcpLab.Nstat(pair.Left, "TcpRetransSegs"));
        // From Linux 5.18 on TCP's of the same node are stamped behind the rules only.
        var arrived = Count("network", "tcp");
        if (KernelFeature.Running < new Version(5, 18))
            arrived.ShouldBe(TcpLab.Nstat(pair.Right, "TcpInSegs"));
        else
            run.Sum("netlens.receive.unmeasured", (ulong?)null, "sent_here").ShouldBeGreaterThanOrEqualTo(3 * Each);
        foreach (var transport in new[] { "tcp", "udp" })
        {
            var socket = ReceiveLab.Times(run, pair.Right, "socket", transport).Nanoseconds;
            socket.ShouldBeInRange(1, elapsed);
            // Of TCP the read may be timed from a later moment than the queue: the stamp, behind the rules.
            var least = transport == "udp" || KernelFeature.Running < new Version(5, 18) ? socket : 1;
            ReceiveLab.Times(run, pair.Right, "read", transport).Nanoseconds.ShouldBeInRange(least, elapsed);
        }
        // Only acknowledgements go back.
        ReceiveLab.Count(run, pair.Left, "socket", "tcp").ShouldBe(0);
        run.Events.All.Where(e => e.Subject?.Inode == pair.Right.Inode).ShouldBeEmpty();
        run.Failures.ShouldBeEmpty();
        run.Allocated(50).ShouldBe(0);
    }

    [RequiresBpfFact]
    public void A_slow_reader_is_told_by_name_and_idle_connections_are_not()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("receive", null, ("slow", "30s"), ("slowRead", "250ms"), ("burst", "100"));
        var labs = ReceiveLab.All(pair);
        var start = Stopwatch.GetTimestamp();
        foreach (var lab in labs)
            lab.Send();
        Thread.Sleep(300);
        foreach (var lab in labs)
        {
            // In parts, where the protocol has them: one packet all the same.
            if (lab.Transport == "tcp")
                lab.Read(16);
            lab.Read(lab.Transport == "tcp" ? 48 : 64);
        }
        var elapsed = (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        foreach (var lab in labs)
        {
            var e = lab.Await(run, ReceiveKinds.UnreadInfo);
            e.Duration.ShouldNotBeNull().ShouldBeInRange(300_000_000, elapsed);
            e.Field("netlens.receive.duration")!.Value.Number.ShouldBe(e.Duration!.Value);
            e.Tuple!.Source.ShouldBe(TcpLab.Left(lab.Ends));
            e.Process.ShouldNotBeNull().Pid.ShouldBe(Environment.ProcessId);
            e.Subject.ShouldNotBeNull().Inode.ShouldBe(pair.Right.Inode);
            e.Severity.ShouldBe(EventSeverity.Warn);
            e.Stations.Select(s => s.Name).ShouldBe(["read"]);
            run.ShouldKeep(e);
            e.Message.ShouldMatch($@" read {lab.Transport} from \S+ to \S+ [\d.]+ ms after it came; read by \S");
        }
        // All have been idle for long: what is read at once is not late by that.
        Thread.Sleep(300);
        foreach (var lab in labs)
        {
            lab.Send();
            lab.Read();
        }
        ReceiveLab.Count(run, pair.Right, "read", "tcp").ShouldBe(6);
        ReceiveLab.Count(run, pair.Right, "read", "udp").ShouldBe(6);
        foreach (var lab in labs)
        {
            lab.Count(run, ReceiveKinds.UnreadInfo).ShouldBe(1);
            lab.Dispose();
        }
    }

    /// <summary>A datagram that somebody looks at first is read once.</summary>
    [RequiresBpfFact]
    public void A_datagram_that_is_looked_at_is_not_read()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("receive", null, ("slow", "30s"), ("slowRead", "30s"));
        using var lab = new ReceiveLab(pair, "udp", Ends.V6);
        lab.Send();
        lab.Look();
        lab.Look();
        ReceiveLab.Count(run, pair.Right, "read", "udp").ShouldBe(0);
        lab.Read();
        ReceiveLab.Count(run, pair.Right, "read", "udp").ShouldBe(1);
    }

    /// <summary>Rules that take milliseconds for each packet; what waits for others is in the CPU's backlog.</summary>
    [RequiresBpfFact("nft")]
    public void Packets_held_up_in_the_kernel_are_told()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("receive", null, ("slow", "1ms"), ("slowRead", "30s"), ("burst", "100"));
        var labs = ReceiveLab.All(pair);
        pair.Left.Ip($"link set {TestNetnsPair.Interface} gso_max_segs 1");
        HoldUp(pair.Right, [.. labs.Select(lab => $"{lab.Transport} dport {lab.Port}")]);
        var start = Stopwatch.GetTimestamp();
        foreach (var lab in labs)
        {
            lab.Send();
            lab.Read();
        }
        var elapsed = (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        foreach (var lab in labs)
        {
            var e = lab.Await(run, ReceiveKinds.SlowInfo);
            e.Duration.ShouldNotBeNull().ShouldBeInRange(1_000_000, elapsed);
            e.Tuple!.Source.ShouldBe(TcpLab.Left(lab.Ends));
            e.Subject.ShouldNotBeNull().Inode.ShouldBe(pair.Right.Inode);
            e.Stations.Select(s => s.Name).ShouldBe(["socket"]);
            run.ShouldKeep(e);
            e.Message.ShouldMatch($@" got {lab.Transport} from \S+ to \S+ [\d.]+ ms after it came");
        }
        // Of these four wait, each longer, until the ones before are through.
        var burst = labs.Single(lab => lab is { Transport: "udp", Ends: Ends.V4 });
        var waited = ReceiveLab.Times(run, pair.Right, "network", "udp");
        burst.SendAtOnce();
        for (var i = 0; i < 5; i++)
            burst.Read();
        BpfProbeRun.Eventually(() => burst.Count(run, ReceiveKinds.SlowInfo).ShouldBe(6));
        var (after, nanoseconds) = ReceiveLab.Times(run, pair.Right, "network", "udp");
        (after.Sum() - waited.Buckets.Sum()).ShouldBe(5);
        (after.Skip(11).Sum() - waited.Buckets.Skip(11).Sum()).ShouldBeGreaterThanOrEqualTo(3, "above a millisecond");
        nanoseconds.ShouldBeGreaterThan(waited.Nanoseconds + 10_000_000);
        run.Sum(ReceiveLab.Slow, pair.Right).ShouldBe(
            run.Events.All.Count(e =>
                e.Info == ReceiveKinds.SlowInfo && e.Subject?.Inode == pair.Right.Inode && e.Duration > 10_000_000));
        foreach (var lab in labs)
            lab.Dispose();
    }

    // Each chain jumps to the next eight times: 8^6 rules for a packet.
    private static void HoldUp(TestNetns ns, string[] packets)
    {
        const int Depth = 6;
        var jumps = Enumerable.Range(0, Depth).SelectMany(d =>
            Enumerable.Repeat($"add rule inet t c{d} {(d == Depth - 1 ? "counter" : $"jump c{d + 1}")}", 8));
        ns.Run("nft", string.Join("; ",
        [
            "add table inet t", .. Enumerable.Range(0, Depth).Select(d => $"add chain inet t c{d}"), .. jumps,
            "add chain inet t input { type filter hook input priority 0; }",
            .. packets.Select(packet => $"add rule inet t input {packet} jump c0"),
        ]));
    }

    [RequiresBpfFact]
    public void Events_are_limited_and_settings_change_while_it_runs()
    {
        const int Many = 40;
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("receive", null, ("slowRead", "50ms"), ("slow", "30s"), ("burst", "1"));
        using var lab = new ReceiveLab(pair, "udp", Ends.V4);
        Late();
        var inode = pair.Right.Inode;
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            (lab.Count(run, ReceiveKinds.UnreadInfo) + run.Events.HeldOf(inode)).ShouldBe(Many);
        });
        lab.Count(run, ReceiveKinds.UnreadInfo).ShouldBeLessThan(Many);

        run.Probe.Reconfigure(Settings(("slowRead", "30s"))).ShouldBeTrue();
        var before = lab.Count(run, ReceiveKinds.UnreadInfo);
        Late();
        ReceiveLab.Count(run, pair.Right, "read", "udp").ShouldBe(2 * Many);
        (lab.Count(run, ReceiveKinds.UnreadInfo) + run.Events.HeldOf(inode)).ShouldBe(Many);
        run.Probe.Reconfigure(Settings(("entries", "128"))).ShouldBeFalse();

        void Late()
        {
            for (var i = 0; i < Many; i++)
                lab.Send();
            Thread.Sleep(60);
            for (var i = 0; i < Many; i++)
                lab.Read();
        }
    }

    private static ProbeSettings Settings(params (string Key, string Value)[] settings) =>
        ProbeSettings.Of(Receive.Info, settings);

    [RequiresBpfFact]
    public void Figures_of_a_namespace_that_is_gone_leave_the_kernel()
    {
        using var run = new BpfProbeRun("receive");
        ulong inode;
        using (var pair = new TestNetnsPair())
        {
            inode = pair.Right.Inode;
            run.Collect();
            using var lab = new ReceiveLab(pair, "udp", Ends.V6);
            lab.Send();
            lab.Read();
            ReceiveLab.Count(run, pair.Right, "read", "udp").ShouldBe(1);
        }
        BpfProbeRun.Eventually(() =>
        {
            run.Collect().Find(ReceiveCounters.Table)?.Rows.ToArray().ShouldNotContain(r => r.Subject!.Inode == inode);
            var reader = new BpfMapReader<ReceiveKey, ReceiveValue>(
                run.Host.Bpf.Loaded.Single(s => s.Probe == "receive").Object.Map("times"));
            reader.Read();
            reader.Keys.ToArray().ShouldNotContain(k => k.Netns == inode);
        });
    }

    /// <summary>In either direction, also while a packet waits; once the agent knows, it measures again.</summary>
    [SetsClockFact("date")]
    public void A_clock_that_is_set_makes_no_latency()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("receive", null, ("slow", "5s"), ("slowRead", "5s"));
        using var lab = new ReceiveLab(pair, "udp", Ends.V4);
        var read = 0L;
        foreach (var seconds in new[] { -100, 100 })
        {
            lab.Send();
            Shell.Run("date", "-s", $"@{DateTimeOffset.UtcNow.ToUnixTimeSeconds() + seconds}");
            lab.Read();
            for (var i = 0; i < 5; i++)
            {
                lab.Send();
                lab.Read();
            }
            ReceiveLab.Times(run, pair.Right, "read", "udp").Nanoseconds.ShouldBeLessThan(5_000_000_000);
            read = ReceiveLab.Count(run, pair.Right, "read", "udp");
            lab.Send();
            lab.Read();
            ReceiveLab.Count(run, pair.Right, "read", "udp").ShouldBe(read + 1);
        }
        run.Sum("netlens.receive.unmeasured", (ulong?)null, "other_clock").ShouldBeGreaterThan(0);
        run.Events.All.Where(e => e.Subject?.Inode == pair.Right.Inode).ShouldBeEmpty();
    }
}

/// <summary>A test that sets the clock of the machine: of one that the lab booted, and of no other.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SetsClockFactAttribute : FactAttribute
{
    public SetsClockFactAttribute(params string[] tools) => Skip = LabMachine.Kernel is null
        ? "sets the machine's clock: only in a guest of tests/Kernels"
        : BpfSupport.WhyNot(tools);
}
