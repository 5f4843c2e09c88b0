using Collector.Core.Metrics;
using Collector.Core.Subjects;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>On cgroups of either version: this machine's, and those of the guests of tests/Kernels.</summary>
public sealed class ThrottlingTests
{
    private const int Period = 20_000;
    private const string Periods = "netlens.throttling.periods";
    private const string Throttled = "netlens.throttling.throttled_periods";
    private const string Time = "netlens.throttling.time";
    private const string Limit = "netlens.throttling.limit";
    private const string Pressure = "netlens.throttling.pressure";

    [RequiresRootFact("sh", "awk")]
    public void A_quota_used_up_is_counted_as_the_kernel_counts_it_and_told_once()
    {
        using var pod = new LabPod("cpu", "cpu");
        using var free = new LabPod("cpu", "cpu");
        SetQuota(pod, Period / 10);
        pod.Start("sh", "-c", "while :; do :; done");
        free.Start("sleep", "1000");
        AwaitThrottled(pod, 3);
        using var run = new BpfProbeRun("throttling");
        run.Collect();
        run.Events.All.ShouldBeEmpty("what was before is history");

        AwaitThrottled(pod, Stat(pod, "nr_throttled") + 15);
        run.Collect();
        var e = run.Events.All.ShouldHaveSingleItem();
        e.Subject!.Names.PodUid.ShouldBe(pod.Uid);
        e.Message.ShouldContain("used up its CPU quota (0.1 processors)");
        e.Number("netlens.throttling.throttled_periods").ShouldBeGreaterThanOrEqualTo(15);
        AwaitThrottled(pod, Stat(pod, "nr_throttled") + 15);
        run.Collect();
        run.Events.All.Length.ShouldBe(1, "it was told");

        pod.Kill();
        BpfProbeRun.Eventually(() =>
        {
            var stat = (Stat(pod, "nr_periods"), Stat(pod, "nr_throttled"), TimeOf(pod));
            (Value(run, pod, Periods), Value(run, pod, Throttled), Value(run, pod, Time)).ShouldBe(stat);
        });
        Value(run, pod, Limit).ShouldBe(100_000);
        Value(run, free, Periods).ShouldBeNull("it has no quota");
        Value(run, free, Limit).ShouldBeNull();
        run.Failures.ShouldBeEmpty();
        run.Allocated(20).ShouldBe(0);
    }

    [RequiresRootFact("sh", "awk")]
    public void Pressure_is_that_of_the_kernels_files_where_there_are_any()
    {
        using var pod = new LabPod("cpu", "cpu");
        using var run = new BpfProbeRun("throttling", null, ("include", "all"));
        var node = run.Host.Namespaces.Host.Namespace;
        if (pod.Unified is null || !File.Exists("/proc/pressure/cpu"))
        {
            Value(run, pod, Pressure, "cpu", "some").ShouldBeNull();
            return;
        }
        var before = Total("/proc/pressure/cpu", "some");
        SetQuota(pod, Period / 10);
        pod.Start("sh", "-c", "while :; do :; done");
        pod.Start("sh", "-c", "while :; do :; done");
        var files = Path.GetDirectoryName(pod.Unified)!;
        BpfProbeRun.Eventually(() => Total($"{files}/cpu.pressure", "some").ShouldBeGreaterThan(0));
        // Whose it is tells a process of the container, which is met after its pod.
        BpfProbeRun.Eventually(() => Value(run, pod, Pressure, "cpu", "some").ShouldNotBeNull());
        pod.Kill();

        foreach (var resource in new[] { "cpu", "memory", "io" })
        {
            BpfProbeRun.Eventually(() => Value(run, pod, Pressure, resource, "some")
                .ShouldBe(Total($"{files}/{resource}.pressure", "some")));
        }
        Value(run, pod, Pressure, "cpu", "some")!.Value.ShouldBeGreaterThan(0);
        Value(run, pod, Pressure, "memory", "full").ShouldBe(Total($"{files}/memory.pressure", "full"));
        Value(run, s => s == node, Pressure, "cpu", "some").ShouldNotBeNull()
            .ShouldBeInRange(before, Total("/proc/pressure/cpu", "some"));
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootFact("sh")]
    public void A_pod_that_is_gone_takes_its_row_along()
    {
        using var run = new BpfProbeRun("throttling");
        string uid;
        using (var pod = new LabPod("cpu", "cpu"))
        {
            uid = pod.Uid;
            SetQuota(pod, Period);
            pod.Start("sleep", "1000");
            Value(run, pod, Limit).ShouldBe(1_000_000);
        }
        var table = run.Collect().Find(run.Probe.Info.Tables[0]);
        (table?.Rows.ToArray() ?? []).ShouldAllBe(r => r.Subject!.Names.PodUid != uid);
    }

    private static void SetQuota(LabPod pod, int microseconds)
    {
        if (pod.IsVersion2)
        {
            File.WriteAllText($"{pod.Container}/cpu.max", $"{microseconds} {Period}");
            return;
        }
        File.WriteAllText($"{pod.Container}/cpu.cfs_period_us", $"{Period}");
        File.WriteAllText($"{pod.Container}/cpu.cfs_quota_us", $"{microseconds}");
    }

    private static void AwaitThrottled(LabPod pod, long periods) =>
        BpfProbeRun.Eventually(() => Stat(pod, "nr_throttled").ShouldBeGreaterThanOrEqualTo(periods), 60);

    private static long TimeOf(LabPod pod) =>
        pod.IsVersion2 ? Stat(pod, "throttled_usec") * 1000 : Stat(pod, "throttled_time");

    private static long Stat(LabPod pod, string key) =>
        long.Parse(Shell.Run("awk", $"$1 == \"{key}\" {{ print $2 }}", $"{pod.Container}/cpu.stat"));

    private static long Total(string file, string line) =>
        long.Parse(Shell.Run("awk", $"$1 == \"{line}\" {{ sub(\"total=\", \"\", $5); print $5 }}", file));

    private static long? Value(BpfProbeRun run, LabPod pod, string name, params string[] tags) =>
        Value(run, s => s.Names.PodUid == pod.Uid, name, tags);

    private static long? Value(BpfProbeRun run, Predicate<Subject> isIt, string name, params string[] tags)
    {
        var metric = run.Probe.Info.Metrics.First(m =>
            m.Name == name && m.Tags.Select(t => t.Value.Text).SequenceEqual(tags));
        var snapshot = run.Collect();
        foreach (var table in snapshot.Tables.Where(t => t.Info.Id == metric.Table.Id))
        {
            for (var r = 0; r < table.Count; r++)
            {
                if (isIt(table.Rows[r].Subject!))
                    return table.Column(metric)[r] is var value && value != Metric.Absent ? value : null;
            }
        }
        return null;
    }
}
