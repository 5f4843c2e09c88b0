using System.Diagnostics;
using System.Globalization;
using Collector.Core.Metrics;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

public sealed class RunQueueTests
{
    private const string Busy = "while :; do :; done";

    /// <summary>
    /// Two pods want one processor. A stopped process does not change, so its figures and the kernel's own of it
    /// (/proc/PID/schedstat) are of one moment.
    /// </summary>
    [RequiresBpfFact("taskset", "kill", "sh")]
    public void Waits_are_those_of_the_kernel_and_behind_the_other_pod()
    {
        using var run = new BpfProbeRun("runqueue");
        using var pod = new LabPod("cpu", "cpu");
        using var neighbour = new LabPod("cpu", "cpu");
        using var idle = new LabPod("cpu", "cpu");
        idle.Start("sleep", "1000");
        var process = pod.Start("taskset", "1", "sh", "-c", Busy);
        neighbour.Start("taskset", "1", "sh", "-c", Busy);
        // Known by now, so the kernel side tells them apart.
        run.Collect();

        Stop(process);
        var before = (Ours: Read(run, pod), Theirs: Schedstat(process));
        Shell.Run("kill", "-CONT", $"{process.Id}");
        BpfProbeRun.Eventually(() =>
            Schedstat(process).Delay.ShouldBeGreaterThan(before.Theirs.Delay + 100_000_000), 60);
        Stop(process);
        var after = (Ours: Read(run, pod), Theirs: Schedstat(process));

        (after.Ours.Delay - before.Ours.Delay).ShouldBe(after.Theirs.Delay - before.Theirs.Delay);
        (after.Ours.Count - before.Ours.Count).ShouldBe(after.Theirs.Slices - before.Theirs.Slices);
        (after.Ours.BehindPod - before.Ours.BehindPod).ShouldBeGreaterThan(0);
        after.Ours.BehindOwn.ShouldBe(0, "it has one thread");
        Read(run, neighbour).Delay.ShouldBeGreaterThan(0);
        Read(run, idle).Delay.ShouldBe(0, "it sleeps");
        run.Failures.ShouldBeEmpty();
        run.Allocated(20).ShouldBe(0);
    }

    private static void Stop(Process process)
    {
        Shell.Run("kill", "-STOP", $"{process.Id}");
        BpfProbeRun.Eventually(() =>
            File.ReadAllText($"/proc/{process.Id}/stat").Split(") ")[^1].ShouldStartWith("T"));
    }

    // 532068 59142 2: nanoseconds on a processor, waiting for one, and slices.
    private static (long Delay, long Slices) Schedstat(Process process)
    {
        long[] fields = [.. File.ReadAllText($"/proc/{process.Id}/schedstat").Split(' ')
            .Select(f => long.Parse(f, CultureInfo.InvariantCulture))];
        return (fields[1], fields[2]);
    }

    private static (long Delay, long Count, long BehindPod, long BehindOwn) Read(BpfProbeRun run, LabPod pod)
    {
        var table = run.Collect().Find(run.Probe.Info.Tables[0])!;
        var row = table.Rows.ToArray().ToList().FindIndex(r => r.Subject!.Names.PodUid == pod.Uid);
        if (row < 0)
            return default;
        var delay = table.Info.Metrics[0];
        long[] cells = [.. Enumerable.Range(delay.Column, delay.Width).Select(c => table.Column(c)[row])];
        return (cells[^1], cells[..^1].Sum(), Behind("pod"), Behind("own"));

        long Behind(string holder) => table.Column(
            table.Info.Metrics.Single(m => m.Tags.Contains(new Tag("netlens.runqueue.holder", holder))))[row];
    }
}
