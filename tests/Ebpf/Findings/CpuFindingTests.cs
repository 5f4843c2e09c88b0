using System.Diagnostics;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Linux.Findings.Cpu;
using Collector.Linux.Findings.Devices;
using Collector.Linux.Probes.Softirq;
using Collector.Linux.Probes.Virtio;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;
using Ebpf.Tests.Probes;

namespace Ebpf.Tests.Findings;

/// <summary>Want of processor time, memory and disks, caused, and what is found of it.</summary>
public sealed class CpuFindingTests
{
    private const string Busy = "while :; do :; done";

    [RequiresBpfFact("sh")]
    public void A_pod_whose_quota_is_used_up()
    {
        const int Period = 20_000;
        var run = FindingRun.Shared;
        using var pod = new LabPod("cpu", "cpu");
        if (pod.IsVersion2)
        {
            File.WriteAllText($"{pod.Container}/cpu.max", $"{Period / 10} {Period}");
        }
        else
        {
            File.WriteAllText($"{pod.Container}/cpu.cfs_period_us", $"{Period}");
            File.WriteAllText($"{pod.Container}/cpu.cfs_quota_us", $"{Period / 10}");
        }
        pod.Start("sh", "-c", Busy);
        var found = run.Await(QuotaThrottled.Kind, f => f.Subject?.Names.PodUid == pod.Uid, () => Thread.Sleep(300));
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Sentence.ShouldMatch(@" used up its quota of 0\.1 processors in \d+ of \d+ periods and stood still for [\d.]+ s$");
        found.Verdict.Knob!.Now.ShouldBe("0.1 processors");
        File.ReadAllText($"{pod.Container}/cpu.stat").ShouldMatch("nr_throttled [1-9]");
        Of(run, pod).ShouldBe([found]);
    }

    [RequiresBpfFact("taskset", "sh")]
    public void A_pod_that_waits_for_another()
    {
        var run = FindingRun.Others;
        using var pod = new LabPod("cpu", "cpu");
        using var neighbour = new LabPod("cpu", "cpu");
        using var idle = new LabPod("cpu", "cpu");
        idle.Start("sleep", "1000");
        pod.Start("taskset", "1", "sh", "-c", Busy);
        neighbour.Start("taskset", "1", "sh", "-c", Busy);
        var found = run.Await(NoisyNeighbour.Kind, f => f.Subject?.Names.PodUid == pod.Uid, () => Thread.Sleep(300));
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Sentence.ShouldMatch(@" waited [\d.]+ s in \d+ s for processors that other pods had$");
        Of(run, pod).ShouldBe([found]);
        Of(run, idle).ShouldBeEmpty();
    }

    /// <summary>A disk whose file is in a frozen file system does not write until that thaws.</summary>
    [RequiresBpfFact("losetup", "dd", "mkfs.ext4", "mount", "fsfreeze")]
    public void A_disk_that_stands_still()
    {
        var run = FindingRun.Shared;
        using var below = new LoopDevice(16);
        var folder = Directory.CreateTempSubdirectory("netlens-frozen-");
        Shell.Run("mkfs.ext4", "-q", "-O", "^has_journal", below.Device);
        Shell.Run("mount", below.Device, folder.FullName);
        try
        {
            using var disk = new LoopDevice(4, folder.FullName);
            using var other = new LoopDevice(1);
            var longest = TimeSpan.Zero;
            var found = run.Await(DiskSlow.Kind, f => f.Verdict.Detail == disk.Name, () =>
            {
                Shell.Run("fsfreeze", "--freeze", folder.FullName);
                var frozen = Stopwatch.GetTimestamp();
                Process[] writers;
                try
                {
                    writers = [.. Enumerable.Range(0, 4).Select(i => Shell.Start("dd", "if=/dev/zero", $"of={disk.Device}",
                        "bs=4096", "count=1", $"seek={i * 64}", "oflag=direct"))];
                    BpfProbeRun.Eventually(() => disk.InFlight.ShouldBe(4));
                    Thread.Sleep(300);
                }
                finally
                {
                    Shell.Run("fsfreeze", "--unfreeze", folder.FullName);
                }
                foreach (var writer in writers)
                    writer.WaitForExit();
                longest = new[] { longest, Stopwatch.GetElapsedTime(frozen) }.Max();
                Shell.Run("dd", "if=/dev/zero", $"of={other.Device}", "bs=4096", "count=8", "oflag=direct");
            });
            // From a second on it is an error: an emulated machine may take that long.
            if (longest < TimeSpan.FromSeconds(1))
                found.Severity.ShouldBe(EventSeverity.Warn);
            found.Sentence.ShouldMatch($@"^the node has to wait for the disk {disk.Name}: \d+ requests took over 100 ms, up to ");
            found.Verdict.Confirm.ShouldBe($"iostat -x {disk.Name} 1 5");
            run.Engine.Store.All.Where(f => f.Info == DiskSlow.Kind).ShouldAllBe(f => f.Verdict.Detail != other.Name);
        }
        finally
        {
            Shell.Run("umount", folder.FullName);
            folder.Delete();
        }
    }

    /// <summary>The backlog is every processor's: for a moment it has few places.</summary>
    [RequiresBpfFact("sh", "ethtool", "/usr/bin/python3")]
    public void A_backlog_that_overflows()
    {
        // One packet that is cut into 60 as it leaves: the processor takes none of them before all are there.
        const string Burst = """
            import socket
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(17, 103, 16)  # SOL_UDP, UDP_SEGMENT
            for i in range(10):
                s.sendto(b'x' * 16 * 60, ('192.0.2.2', 9))
            """;
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        pair.Left.Run("ethtool", "-K", TestNetnsPair.Interface, "tx-udp-segmentation", "off");
        pair.Left.Run("ping", "-q", "-c", "1", TestNetnsPair.RightIPv4);
        using var setting = new NodeSetting("/proc/sys/net/core/netdev_max_backlog", "10");
        var before = Dropped();
        var found = run.Await(BacklogOverflow.Kind, static f => f.Subject is null,
            () => pair.Left.Run("/usr/bin/python3", "-c", Burst));
        found.Sentence.ShouldMatch(@"^the node drops \d+ packets at the backlogs of its processors");
        found.Verdict.Evidence[0].Source.ShouldBe("softnet dropped");
        found.Verdict.Knob!.Now.ShouldBe("10");
        (Dropped() - before).ShouldBeGreaterThanOrEqualTo(10);
    }

    /// <summary>For a moment each poll ends after one packet.</summary>
    [RequiresBpfFact("sh")]
    public void Receiving_that_is_cut_short()
    {
        var run = FindingRun.Shared;
        using var pair = DropTraffic.Pair();
        using var setting = new NodeSetting("/proc/sys/net/core/netdev_budget", "1");
        var found = run.Await(BudgetSqueeze.Kind, static f => f.Subject is null,
            () => DropTraffic.Datagrams(pair.Left, TestNetnsPair.RightIPv4, 9, count: 1000));
        found.Severity.ShouldBe(EventSeverity.Warn);
        found.Sentence.ShouldMatch(@"^the node cut receiving short \d+ times in \d+ s: packets come faster ");
    }

    /// <summary>
    /// Since Linux 6.5 any interrupt runs what waits, so that no thread of a test keeps them for so long: the events,
    /// which SoftirqTests causes, are those of a machine that is stopped for a while.
    /// </summary>
    [RequiresBpfFact]
    public void Packets_that_wait_for_a_processor()
    {
        var run = FindingRun.Shared;
        // A processor that there is not.
        const long Cpu = 4095;
        var found = run.Await(SoftirqLate.Kind, f => f.Verdict.Detail == $"cpu {Cpu}", () =>
        {
            for (var i = 1; i <= 3; i++)
            {
                run.Engine.Inbox.Offer(new NetworkEvent
                {
                    Info = SoftirqDelay.Slow,
                    Time = i * 60_000_000,
                    Start = 0,
                    ObservedTime = i * 60_000_000,
                    Message = "",
                    Process = new EventProcess(i, i, "hog"),
                    Fields = [Cpu, "net_rx", "wait", i * 60_000_000, null, null, null, null],
                });
            }
        });
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Sentence.ShouldBe($"the node lets received packets wait at processor {Cpu}, {Times(found)} times and up to 180.0 ms; "
            + "hog had it");
    }

    /// <summary>No hypervisor of a test is slow on request; VirtCmdLatencyTests has the events themselves.</summary>
    [RequiresBpfFact]
    public void A_hypervisor_that_is_slow()
    {
        var run = FindingRun.Shared;
        using var ns = new TestNetns();
        run.Collect();
        var subject = run.SubjectOf(ns);
        var found = run.Await(VirtCommandSlow.Kind, ns, () => run.Engine.Inbox.Offer(new NetworkEvent
        {
            Info = VirtCmdLatency.SlowCommand,
            Time = 1_500_000_000,
            Start = 0,
            ObservedTime = 1_500_000_000,
            Message = "",
            Subject = subject,
            Process = new EventProcess(1, 1, "ethtool"),
            Fields = ["eth0", 2, "mq", "vq_pairs_set", 1_500_000_000],
        }));
        found.Severity.ShouldBe(EventSeverity.Error);
        found.Verdict.Detail.ShouldBe("eth0");
        found.Sentence.ShouldBe($"network namespace {ns.Name} waits for the hypervisor: eth0 took up to 1500.0 ms for commands "
            + "(mq vq_pairs_set), and no network setting could be changed");
        run.Of(ns).ShouldBe([found]);
    }

    private static string Times(Finding found) => found.Verdict.Evidence[0].Value[1..].Split(' ')[0];

    private static Finding[] Of(FindingRun run, LabPod pod) =>
        [.. run.Engine.Store.All.Where(f => f.Cause is null && f.Subject?.Names.PodUid == pod.Uid)];

    private static long Dropped() => File.ReadLines("/proc/net/softnet_stat")
        .Sum(line => Convert.ToInt64(line.Split(' ')[1], 16));
}
