using Collector.Linux.Limits;
using Collector.Linux.Tests.Probes;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Processes;

/// <summary>A flood of a user's processes is counted and not looked into; root's and a pod's are.</summary>
[Collection(AloneCollection.Name)]
public sealed class ProcessLimitTests
{
    private static readonly LimitOptions One = new() { Processes = 1 };

    [RequiresRootFact("setpriv")]
    public void A_flood_of_a_user_is_counted_to_the_process_and_those_of_a_pod_are_read()
    {
        using var pod = new TestNetns();
        using var run = KernelProbeRun.Limited(One, "fd");
        // The users' processes of a test before may still be ending.
        KernelProbeRun.Eventually(() => Shell.Try("sh", "-c", "ls -ldn /proc/[0-9]*").Output.Split('\n')
            .All(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries).ElementAtOrDefault(2) != "65534"));
        run.Collect();
        var before = run.Host.Limits.Processes.LeftOut;
        using var user = AnyUser.OfHost();
        user.Fork(200);
        run.Collect();
        (run.Host.Limits.Processes.LeftOut - before).ShouldBe(201, "and the shell");

        // As the processes of a pod are: a user, and a namespace that root made.
        var server = pod.Start("setpriv", "--reuid", "65534", "--clear-groups", "sleep", "600");
        // It sleeps, so it has opened what it opens.
        KernelProbeRun.Eventually(() => File.ReadAllText($"/proc/{server.Id}/comm") == "sleep\n"
            && File.ReadAllText($"/proc/{server.Id}/wchan").Contains("nanosleep", StringComparison.Ordinal));
        var files = Directory.GetFiles($"/proc/{server.Id}/fd").Length;
        run.Rows("fd", pod.Inode).ShouldHaveSingleItem()["netlens.fd.count"].ShouldBe(files);
        (run.Host.Limits.Processes.LeftOut - before).ShouldBe(201);
        user.Dispose();
        KernelProbeRun.Eventually(() =>
        {
            run.Collect();
            return run.Host.Limits.Processes.LeftOut == before;
        });
    }

    [RequiresRootFact("setpriv")]
    public void Below_the_limit_nobody_is_left_out()
    {
        using var user = AnyUser.OfHost();
        user.Fork(50);
        using var run = KernelProbeRun.Limited(new(), "fd");
        run.Collect();
        run.Host.Limits.Processes.LeftOut.ShouldBe(0);
    }
}
