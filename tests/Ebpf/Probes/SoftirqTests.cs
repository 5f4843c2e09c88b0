using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Softirq;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

public sealed class SoftirqTests
{
    private const string Wait = "netlens.softirq.wait.duration";
    private const string Run = "netlens.softirq.run.duration";

    /// <summary>
    /// Busy-waits on the last CPU as a real-time thread after it has sent what makes more softirq work than the kernel
    /// does at once: 60 packets in one go that two namespaces route to each other until their time to live is over.
    /// </summary>
    private const string Hog = """
        import os, socket, time
        cpu = max(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cpu})
        open('/proc/self/comm', 'w').write('netlens-hog')
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
        s.setsockopt(17, 103, 16)  # SOL_UDP, UDP_SEGMENT
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        for burst in range(4):
            s.sendto(b'x' * 16 * 60, ('203.0.113.1', 9))
            end = time.monotonic() + 0.2
            while time.monotonic() < end:
                pass
            time.sleep(0.1)
        """;

    [RequiresBpfFact]
    public void Runs_are_those_that_proc_softirqs_counts()
    {
        using var run = new BpfProbeRun("softirq");

        var (least, ours, most) = Window(() => Counts(run, Run, perCpu: false));

        ours.Count.ShouldBe(10);
        foreach (var ((vector, _), count) in ours)
            count.ShouldBeInRange(Least(least.Of(vector)), most.Of(vector), vector);
        ours.Values.Sum().ShouldBeGreaterThan(10);
    }

    /// <summary>
    /// What each CPU counts is what the kernel counts for it: another's raise, entry or exit never touches it.
    /// </summary>
    [RequiresBpfFact]
    public void Cpus_do_not_disturb_each_other()
    {
        using var run = new BpfProbeRun("softirq", null, ("perCpu", "true"));

        var (least, ours, most) = Window(() => Counts(run, Run, perCpu: true));

        ours.Keys.Select(k => k.Cpu).Distinct().Count().ShouldBe(Environment.ProcessorCount);
        foreach (var ((vector, cpu), count) in ours)
        {
            count.ShouldBeInRange(
                Least(least.Of(vector, cpu)), most.Of(vector, cpu), $"{vector} on cpu {cpu}");
        }
    }

    /// <summary>
    /// bpftrace measures the same at the same tracepoints, around our window. Both delay each other a little: times may
    /// move by one power of two.
    /// </summary>
    [RequiresBpfFact("bpftrace", "ping", "unshare")]
    public void Histograms_are_those_of_an_independent_observer()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("softirq", null, ("vectors", "net_rx"));
        using var observer = new Bpftrace("""
            tracepoint:irq:softirq_raise /args->vec == 3 && @raised[cpu] == 0/ { @raised[cpu] = nsecs; }
            tracepoint:irq:softirq_entry /args->vec == 3/ { @entered[cpu] = nsecs; }
            tracepoint:irq:softirq_entry /args->vec == 3 && @raised[cpu]/
            { $w = nsecs - @raised[cpu]; @wait = hist($w); @waits = count(); @raised[cpu] = 0; }
            tracepoint:irq:softirq_exit /args->vec == 3 && @entered[cpu]/
            { $r = nsecs - @entered[cpu]; @run = hist($r); @runs = count(); @time = sum($r); @entered[cpu] = 0; }
            """);
        var (waitsBefore, _) = run.Histogram(Wait, "net_rx");
        var (runsBefore, timeBefore) = run.Histogram(Run, "net_rx");
        pair.Left.Run("ping", "-q", "-f", "-c", "4000", "-w", "60", TestNetnsPair.RightIPv4);
        var (waits, _) = run.Histogram(Wait, "net_rx");
        var (runs, time) = run.Histogram(Run, "net_rx");
        observer.End();

        long[] waited = [.. waits.Zip(waitsBefore, (now, before) => now - before)];
        long[] ran = [.. runs.Zip(runsBefore, (now, before) => now - before)];
        var (theirWaits, theirRuns) = (observer.Number("@waits"), observer.Number("@runs"));
        ran.Sum().ShouldBeGreaterThan(1000);
        ran.Sum().ShouldBeInRange(theirRuns * 95 / 100 - 50, theirRuns + 1);
        waited.Sum().ShouldBeInRange(theirWaits * 95 / 100 - 50, theirWaits + 1);
        Compare(waited, observer, "@wait", theirWaits);
        Compare(ran, observer, "@run", theirRuns);
        ((double)(time - timeBefore) / ran.Sum()).ShouldBeInRange(
            0.5 * observer.Number("@time") / theirRuns, 2.0 * observer.Number("@time") / theirRuns);
    }

    /// <summary>
    /// Events carry exact durations: with one for every softirq, slots and sums can be worked out from them.
    /// </summary>
    [RequiresBpfFact("ping")]
    public void Slots_and_sums_are_exactly_those_of_the_durations()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun(
            "softirq", null, ("vectors", "net_rx"), ("slow", "0ms"), ("burst", "1000"), ("switches", "false"));
        pair.Left.Run("ping", "-q", "-i", "0.002", "-c", "200", TestNetnsPair.RightIPv4);

        // At a moment without a softirq between the readings.
        BpfProbeRun.Eventually(() =>
        {
            var events = run.Events.All.Length;
            var (waits, waited) = run.Histogram(Wait, "net_rx");
            var (runs, ran) = run.Histogram(Run, "net_rx");
            Thread.Sleep(50);
            run.Events.All.Length.ShouldBe(events);
            Expect(run, "wait", waits, waited);
            Expect(run, "run", runs, ran);
        });
        run.Events.Held.ShouldBe(0);
    }

    private static void Expect(BpfProbeRun run, string phase, long[] buckets, long sum)
    {
        long[] durations =
        [
            .. run.Events.All.Where(e => e.Text("netlens.softirq.phase") == phase)
                .Select(e => e.Number("netlens.softirq.duration")),
        ];
        var expected = new long[25];
        foreach (var duration in durations)
        {
            var slot = 0;
            while (slot < 24 && duration > 1L << (10 + slot))
                slot++;
            expected[slot]++;
        }
        durations.Length.ShouldBeGreaterThan(200);
        buckets.ShouldBe(expected);
        sum.ShouldBe(durations.Sum());
    }

    private static void Compare(long[] ours, Bpftrace observer, string map, long total)
    {
        var slack = (total / 20) + 50;
        var sum = 0L;
        for (var slot = 0; slot < ours.Length - 1; slot++)
        {
            sum += ours[slot];
            var bound = 1L << (NanosecondHistogram.FirstBit + slot);
            sum.ShouldBeInRange(observer.Below(map, bound / 2) - slack, observer.Below(map, bound * 2) + slack,
                $"{map} up to {bound} ns");
        }
    }

    [RequiresBpfFact("/usr/bin/python3", "ethtool", "sysctl")]
    public void A_busy_real_time_thread_is_named_by_the_slow_events_it_causes()
    {
        using var pair = LoopingPair();
        using var run = new BpfProbeRun("softirq", null, ("slow", "1h"), ("burst", "1000"));
        pair.Left.Run("/usr/bin/python3", "-c", Hog);
        run.Collect();
        run.Events.All.ShouldBeEmpty();

        var before = Slow(run);
        run.Probe.Reconfigure(With(run, ("slow", "1ms"), ("burst", "1000"))).ShouldBeTrue();
        var started = Slow(run);
        pair.Left.Run("/usr/bin/python3", "-c", Hog);

        // Until Linux 6.5 softirqs waited for ksoftirqd once it was woken; since then any interrupt runs them.
        var slow = run.Events.Await(e => e.Text("netlens.softirq.phase") == "wait"
            && (e.Process!.Command == "netlens-hog" || e.Text("netlens.softirq.previous.command") == "netlens-hog"));
        var ended = Slow(run);

        slow.Info.Name.ShouldBe("netlens.softirq.slow");
        slow.Stations.Select(s => s.Name).ShouldBe(["wait"]);
        run.ShouldKeep(slow);
        slow.Text("cpu.logical_number").ShouldBe((Environment.ProcessorCount - 1).ToString());
        slow.Text("netlens.softirq.raiser.command").ShouldNotBeNullOrEmpty();
        // Counters and events come separately: what was counted meanwhile became events, and no other did.
        BpfProbeRun.Eventually(() => Waits(run, 10_000_000).Length.ShouldBeGreaterThanOrEqualTo(ended.Slow - started.Slow));
        var waits = Waits(run, 0);
        var after = Slow(run);
        waits.ShouldAllBe(e => e.Number("netlens.softirq.duration") > 1_000_000);
        waits.ShouldContain(e => e.Text("netlens.softirq.vector") == "net_rx");
        waits.Count(e => e.KubeSkoopType is "SOFTIRQ_SCHED_SLOW" or "SOFTIRQ_SCHED_100MS")
            .ShouldBeInRange(ended.Slow - started.Slow, after.Slow - before.Slow);
        waits.Count(e => e.KubeSkoopType == "SOFTIRQ_SCHED_100MS")
            .ShouldBeInRange(ended.Slower - started.Slower, after.Slower - before.Slower);
        run.Events.Held.ShouldBe(0);
    }

    [RequiresBpfFact]
    public void The_kernel_side_limits_events_and_says_how_many_it_held_back()
    {
        using var run = new BpfProbeRun("softirq", null, ("slow", "0ms"), ("burst", "1"), ("vectors", "timer,sched"));
        Thread.Sleep(2000);
        run.Collect();

        var held = run.Events.Held;
        var events = run.Events.All;
        events.ShouldContain(e => e.Text("netlens.softirq.phase") == "run");
        events.Select(e => e.Text("netlens.softirq.vector")).Distinct().ShouldBeSubsetOf(["timer", "sched"]);
        // A second, vector, phase and CPU: at most four seconds were begun.
        events.Length.ShouldBeLessThanOrEqualTo(4 * 2 * 2 * Environment.ProcessorCount);
        held.ShouldBeGreaterThan(0);
        var counted = Counts(run, Run, false).Values.Sum() + Counts(run, Wait, false).Values.Sum();
        (events.Length + held).ShouldBeInRange(counted / 2, counted);
    }

    [RequiresBpfFact]
    public void What_is_switched_on_again_has_no_past()
    {
        using var run = new BpfProbeRun("softirq", null, ("switches", "false"));
        Thread.Sleep(300);
        var before = Waited(run);
        run.Probe.Reconfigure(With(run, ("vectors", "net_rx"), ("switches", "false"))).ShouldBeTrue();
        run.Collect().Find(run.Probe.Info.Tables[0])!.Rows.ToArray().Select(r => r.Tags[0].Text).ShouldBe(["net_rx"]);
        Thread.Sleep(4000);
        run.Probe.Reconfigure(With(run, ("switches", "false"))).ShouldBeTrue();
        var again = Waited(run);
        Thread.Sleep(300);

        // What was under way when they were switched off would now be four seconds old.
        before.Count.ShouldBe(9);
        again.Values.Sum().ShouldBeLessThan(before.Values.Sum() + 2_000_000_000);
        Waited(run).Values.Sum().ShouldBeInRange(again.Values.Sum() + 1, again.Values.Sum() + 2_000_000_000);
    }

    /// <summary>With 0 ms every wait is a long one; an hour is more than any, so none is.</summary>
    [RequiresBpfFact("bpftool")]
    public void Switches_are_watched_only_while_softirqs_wait_for_long()
    {
        using var run = new BpfProbeRun("softirq", null, ("slow", "0ms"), ("burst", "1"));
        var probe = (Softirq)run.Probe;
        var program = run.Host.Bpf.Loaded.Single().Object.Programs
            .Single(p => p.WasAttached && p.Name.StartsWith("sched_switch", StringComparison.Ordinal));
        program.TryRead(out var info).ShouldBeTrue();

        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            probe.WatchesSwitches.ShouldBeTrue();
        });
        Links(info.id).ShouldBe(1);

        run.Probe.Reconfigure(With(run, ("slow", "1h"), ("vectors", "hi"))).ShouldBeTrue();
        run.Collect();
        probe.WatchesSwitches.ShouldBeTrue();
        probe.Patience = 0;
        BpfProbeRun.Eventually(() =>
        {
            run.Collect();
            probe.WatchesSwitches.ShouldBeFalse();
        });
        Links(info.id).ShouldBe(0);
        program.Utilization.ShouldBe(-1);
    }

    // Of that program, as another tool sees them: "12: raw_tracepoint  prog 34  ".
    private static int Links(uint program) => Shell.Run("bpftool", "link", "show").Split('\n')
        .Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Count(words => words is [_, _, "prog", var id, ..] && id == $"{program}");

    [RequiresBpfFact]
    public void Watching_switches_is_optional_and_needs_a_restart()
    {
        using var run = new BpfProbeRun("softirq", null, ("switches", "false"));

        run.Ladder.Hooks.Count.ShouldBe(1);
        run.Probe.Reconfigure(With(run)).ShouldBeFalse();
    }

    /// <summary>Only events tell who had the processor.</summary>
    [RequiresBpfFact]
    public void Without_events_nobody_watches_switches()
    {
        using var run = new BpfProbeRun("softirq", null, ("slow", "0ms"), ("burst", "0"));
        run.Ladder.Hooks.Count.ShouldBe(1);
        run.Host.Bpf.Loaded.Single().Object.Programs
            .ShouldNotContain(p => p.Name.StartsWith("sched_switch", StringComparison.Ordinal) && p.WasAttached);
        BpfProbeRun.Eventually(() => Counts(run, Wait, perCpu: false).Values.Sum().ShouldBeGreaterThan(100));
        ((Softirq)run.Probe).WatchesSwitches.ShouldBeFalse();
        run.Probe.Reconfigure(With(run)).ShouldBeFalse();
        run.Probe.Reconfigure(With(run, ("burst", "1"), ("switches", "false"))).ShouldBeTrue();
    }

    [RequiresBpfFact]
    public void Collections_allocate_nothing()
    {
        using var run = new BpfProbeRun("softirq", null, ("perCpu", "true"));

        // A softirq that waits for long meanwhile has switches watched from then on.
        BpfProbeRun.Eventually(() => run.Allocated(20).ShouldBe(0));
    }

    /// <summary>The old distributions are the receive histograms, shown by slots.</summary>
    [RequiresBpfFact("ping")]
    public void Legacy_slots_hold_what_the_histogram_holds()
    {
        using var pair = new TestNetnsPair();
        using var run = new BpfProbeRun("softirq");
        pair.Left.Run("ping", "-q", "-c", "3", "-i", "0.1", TestNetnsPair.RightIPv4);
        var snapshot = run.Collect();

        var metrics = run.Probe.Info.Metrics;
        foreach (var (name, legacy) in new[] { (Wait, "inspector_pod_netsoftirqshed"), (Run, "inspector_pod_netsoftirq") })
        {
            var histogram = metrics.First(m => m.Name == name);
            var table = snapshot.Find(histogram.Table)!;
            var row = Array.FindIndex(table.Rows.ToArray(), r => r.Tags[0].Text == "net_rx");
            long[] slots = [.. Enumerable.Range(0, 25).Select(k => table.Column(histogram.Column + k)[row])];
            var old = metrics.Single(m => m.Inspector.Contains(legacy));
            var les = snapshot.Find(old.Table)!;
            les.Rows.ToArray().Select(r => r.Tags[0].Number).ShouldBe(Enumerable.Range(0, 24).Select(le => (long)le));
            les.Column(old).ToArray().ShouldBe([slots[0] + slots[1], .. slots[2..]]);
            slots.Sum().ShouldBeGreaterThan(0);
        }
    }

    private static ProbeSettings With(BpfProbeRun run, params (string Key, string Value)[] settings) =>
        ProbeSettings.Of(run.Probe.Info, settings);

    private static (int Slow, int Slower) Slow(BpfProbeRun run) => (
        (int)run.Sum("kubeskoop_softirq_schedslow", (ulong?)null),
        (int)run.Sum("kubeskoop_softirq_schedslow100ms", (ulong?)null));

    private static NetworkEvent[] Waits(BpfProbeRun run, long longerThan) =>
    [
        .. run.Events.All.Where(e => e.Text("netlens.softirq.phase") == "wait"
            && e.Number("netlens.softirq.duration") > longerThan),
    ];

    /// <summary>Nanoseconds waited, of every vector but net_rx.</summary>
    private static Dictionary<string, long> Waited(BpfProbeRun run)
    {
        var snapshot = run.Collect();
        var metric = run.Probe.Info.Metrics.First(m => m.Name == Wait);
        var table = snapshot.Find(metric.Table)!;
        var sums = table.Column(metric.Column + metric.Width - 1).ToArray();
        return table.Rows.ToArray().Zip(sums).Where(r => r.First.Tags[0].Text != "net_rx")
            .ToDictionary(r => r.First.Tags[0].Text, r => r.Second);
    }

    private static TestNetnsPair LoopingPair()
    {
        var pair = new TestNetnsPair();
        foreach (var (ns, peer) in new[]
                 {
                     (pair.Left, TestNetnsPair.RightIPv4), (pair.Right, TestNetnsPair.LeftIPv4),
                 })
        {
            ns.Sysctl("net.ipv4.ip_forward", "1");
            // Packets of its own come back to the sender.
            ns.Sysctl($"net.ipv4.conf.{TestNetnsPair.Interface}.accept_local", "1");
            ns.Sysctl("net.ipv4.conf.all.send_redirects", "0");
            ns.Sysctl($"net.ipv4.conf.{TestNetnsPair.Interface}.send_redirects", "0");
            ns.Sysctl("net.ipv4.conf.all.rp_filter", "0");
            ns.Sysctl($"net.ipv4.conf.{TestNetnsPair.Interface}.rp_filter", "0");
            ns.Run("ip", "route", "add", "default", "via", peer);
        }
        // Else the 60 stay one until they arrive.
        pair.Left.Run("ethtool", "-K", TestNetnsPair.Interface, "tx-udp-segmentation", "off");
        return pair;
    }

    /// <summary>
    /// Exactly the kernel's in a lab guest. Elsewhere a kernel may keep its first process from BPF programs: ftrace sees
    /// the softirqs that interrupt it, and no BPF program runs for them, of bpftrace neither. Never more than counted.
    /// </summary>
    private static long Least(long kernel) => LabMachine.Kernel is null ? kernel - (kernel / 20) - 5 : kernel;

    /// <summary>Ours between two readings of the kernel's, some time later again: it must lie between theirs.</summary>
    private static (Softirqs Least, Dictionary<(string Vector, long Cpu), long> Ours, Softirqs Most) Window(
        Func<Dictionary<(string Vector, long Cpu), long>> ours)
    {
        var before = Softirqs.Read();
        var first = ours();
        var after = Softirqs.Read();
        Thread.Sleep(2000);
        var beforeLast = Softirqs.Read();
        var last = ours();
        var afterLast = Softirqs.Read();
        // The kernel counts before it runs a softirq, we count after: one per CPU may be under way.
        return (beforeLast.Since(after, -1), last.ToDictionary(l => l.Key, l => l.Value - first.GetValueOrDefault(l.Key)),
            afterLast.Since(before, 1));
    }

    private static Dictionary<(string Vector, long Cpu), long> Counts(BpfProbeRun run, string metric, bool perCpu)
    {
        var snapshot = run.Collect();
        var m = run.Probe.Info.Metrics.Where(m => m.Name == metric).ElementAt(perCpu ? 1 : 0);
        var counts = new Dictionary<(string, long), long>();
        // None: no softirq has run yet.
        if (snapshot.Find(m.Table) is not { } table)
            return counts;
        for (var r = 0; r < table.Count; r++)
        {
            var tags = table.Rows[r].Tags;
            var count = 0L;
            for (var column = m.Column; column < m.Column + m.Width - 1; column++)
                count += table.Column(column)[r];
            counts.Add((tags[0].Text, perCpu ? tags[1].Number : 0), count);
        }
        return counts;
    }
}

/// <summary>/proc/softirqs at a moment, or the difference of two.</summary>
internal sealed class Softirqs
{
    private readonly Dictionary<string, long[]> _counts = [];

    public static Softirqs Read()
    {
        var result = new Softirqs();
        foreach (var line in File.ReadLines("/proc/softirqs").Skip(1))
        {
            var words = line.Split([' ', ':'], StringSplitOptions.RemoveEmptyEntries);
            result._counts.Add(words[0].ToLowerInvariant(),
                [.. words.Skip(1).Select(w => long.Parse(w, CultureInfo.InvariantCulture))]);
        }
        return result;
    }

    public long Of(string vector) => _counts[vector].Sum();

    public long Of(string vector, long cpu) => _counts[vector][cpu];

    public Softirqs Since(Softirqs earlier, long slack)
    {
        var result = new Softirqs();
        foreach (var (vector, counts) in _counts)
            result._counts.Add(vector, [.. counts.Select((c, i) => c - earlier._counts[vector][i] + slack)]);
        return result;
    }
}

internal static class EventReadings
{
    /// <summary>A field by its attribute name, as text; null where the event has none.</summary>
    public static string? Text(this NetworkEvent e, string field) => Field(e, field)?.Text;

    public static long Number(this NetworkEvent e, string field) => Field(e, field)!.Value.Number;

    private static TagValue? Field(NetworkEvent e, string field)
    {
        var index = e.Info.Fields.ToList().FindIndex(f => f.Key == field);
        return index < 0 ? throw new ArgumentException($"{e.Info} has no field {field}", nameof(field)) : e.Fields[index];
    }
}
