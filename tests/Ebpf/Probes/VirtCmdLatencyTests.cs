using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Node;
using Collector.Linux.Probes.Virtio;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>
/// Runs where there is a virtio-net device with a control queue that tests may play with and a kernel that lets its
/// driver be watched: in the guests of tests/Kernels.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class VirtioFactAttribute : FactAttribute
{
    public VirtioFactAttribute(params string[] tools)
    {
        if (BpfSupport.WhyNot(tools) is { } refusal)
            Skip = refusal;
        else if (VirtioDevice.Find() is null && LabMachine.Kernel is null)
            Skip = "no idle virtio-net device (a lab guest with --nics 1 has one)";
        else if (Unavailable is not null)
            Skip = NoHook; // Refused without an excuse: the test runs, and fails.
    }

    /// <summary>Why no function of this kernel can be hooked; null where it can be.</summary>
    private static string? NoHook =>
        KernelFeature.Fentry.WhyMissing is { } fentry && KernelFeature.Kprobes.WhyMissing is { } kprobes
            ? $"{fentry}; {kprobes}"
            : null;

    /// <summary>Why this kernel does not take the probe; null when it does.</summary>
    public static string? Unavailable { get; } = Try();

    private static string? Try()
    {
        try
        {
            using var run = new BpfProbeRun("virtcmdlatency");
            return null;
        }
        catch (ProbeUnavailableException e)
        {
            return e.Message;
        }
    }
}

internal static class VirtioDevice
{
    /// <summary>The name of a virtio-net device that nobody uses: it has no address.</summary>
    public static string? Find()
    {
        foreach (var folder in Directory.Exists("/sys/class/net") ? Directory.GetDirectories("/sys/class/net") : [])
        {
            var driver = new DirectoryInfo(folder + "/device/driver");
            if (driver.Exists && driver.ResolveLinkTarget(true)?.Name == "virtio_net"
                && !Shell.Run("ip", "addr", "show", Path.GetFileName(folder)).Contains(" inet ", StringComparison.Ordinal))
                return Path.GetFileName(folder);
        }
        return null;
    }
}

public sealed class VirtCmdLatencyTests
{
    private const string Duration = "netlens.virtcmdlatency.duration";

    /// <summary>
    /// Either it runs, or it says why not: the function, the module, or what the kernel was built without.
    /// </summary>
    [RequiresRootFact]
    public void Where_it_cannot_run_it_says_why()
    {
        var host = new LinuxHost(new KernelPaths());
        var registration = AllProbes.List.Single(p => p.Info.Id == "virtcmdlatency");
        using var probe = registration.Create(host, new ProbeSettings(registration.Info));
        try
        {
            probe.Start();
        }
        catch (ProbeUnavailableException e)
        {
            e.Message.ShouldMatch("(no function|module is not loaded|without kprobes|lockdown|BTF|libbpf|refused)");
        }
        var report = host.Bpf.Reports["virtcmdlatency"];
        host.Dispose();
        (report.Failure is null).ShouldBe(report.Hooks.All(h => h.Taken is not null));
        foreach (var way in report.Hooks.SelectMany(h => h.Ways).Where(w => w.Verdict == WayVerdict.Refused))
            way.Reason.ShouldNotBeEmpty(way.Sections);
    }

    [VirtioFact("ip", "ethtool", "bpftrace", "unshare")]
    public void Commands_are_counted_and_timed_as_an_independent_observer_does()
    {
        var device = VirtioDevice.Find()!;
        using var run = new BpfProbeRun("virtcmdlatency", null, ("slow", "0ms"), ("burst", "1000"));
        var function = KernelHas("virtnet_send_command_reply") ? "virtnet_send_command_reply" : "virtnet_send_command";
        using var observer = new Bpftrace($$"""
            kprobe:{{function}} { @start[tid] = nsecs; @commands[arg1 & 255, arg2 & 255] = count(); }
            kretprobe:{{function}} /@start[tid]/
            { @calls = count(); @time = sum(nsecs - @start[tid]); delete(@start[tid]); }
            """);
        var before = Read(run, device);

        var vlan = Provoke(device);

        var after = Read(run, device);
        observer.End();
        var calls = observer.Number("@calls");
        calls.ShouldBeGreaterThan(5);
        (after.Buckets.Sum() - before.Buckets.Sum()).ShouldBe(calls);
        // Two observers of one call, one within the other; emulated machines have a coarse sense of time.
        (after.Sum - before.Sum).ShouldBeInRange(observer.Number("@time") / 4, observer.Number("@time") * 4);

        BpfProbeRun.Eventually(() => run.Events.All.Length.ShouldBe((int)calls));
        var events = run.Events.All;
        events.ShouldAllBe(e => e.Text("network.interface.name") == device && e.Namespace!.IsHost);
        events.Sum(e => e.Number("netlens.virtcmd.duration")).ShouldBe(after.Sum - before.Sum);
        var theirs = observer.Numbers("@commands");
        var ours = events.GroupBy(e => (e.Text("netlens.virtcmd.class"), e.Text("netlens.virtcmd.command")))
            .ToDictionary(g => g.Key, g => (long)g.Count());
        theirs.Count.ShouldBe(ours.Count);
        foreach (var (key, count) in theirs)
        {
            int[] numbers = [.. key.Split(',').Select(int.Parse)];
            ours[(VirtCmdNames.Class(numbers[0]), VirtCmdNames.Command(numbers[0], numbers[1]))].ShouldBe(count, key);
        }
        ours.Keys.ShouldContain(("RX", "PROMISC"));
        ours.Keys.ShouldContain(("MAC", "TABLE_SET"));
        ours.ContainsKey(("VLAN", "ADD")).ShouldBe(vlan);
        ours.ContainsKey(("VLAN", "DEL")).ShouldBe(vlan);
        // Two changes of channels; some kernels set them again as the device goes up or down.
        ours.GetValueOrDefault(("MQ", "VQ_PAIRS_SET")).ShouldBeGreaterThanOrEqualTo(LabMachine.Queues > 1 ? 2 : 0);
        // Receive modes are set by a worker of the kernel since 6.10, the address by who asks for it.
        events.ShouldContain(e => e.Process!.Command == "ip");
    }

    [VirtioFact("ip", "ethtool")]
    public void Thresholds_change_while_it_runs_and_fast_commands_make_no_events()
    {
        var device = VirtioDevice.Find()!;
        using var run = new BpfProbeRun("virtcmdlatency", null, ("slow", "1h"));
        Provoke(device);
        run.Collect();
        run.Events.All.ShouldBeEmpty();

        run.Probe.Reconfigure(ProbeSettings.Of(run.Probe.Info, ("slow", "0ms"), ("burst", "1"))).ShouldBeTrue();
        var before = Read(run, device).Buckets.Sum();
        Provoke(device);
        var counted = Read(run, device).Buckets.Sum() - before;

        run.Events.Await(e => e.Info == VirtCmdLatency.SlowCommand).Text("network.interface.name").ShouldBe(device);
        BpfProbeRun.Eventually(() => (run.Events.All.Length + run.Events.Held).ShouldBe(counted));
    }

    [VirtioFact("ip", "ethtool")]
    public void The_device_is_in_the_namespace_that_it_was_moved_to_and_collections_allocate_nothing()
    {
        var device = VirtioDevice.Find()!;
        using var run = new BpfProbeRun("virtcmdlatency");
        using var ns = new TestNetns();
        Shell.Run("ip", "link", "set", device, "netns", ns.Name);
        try
        {
            ns.Run("ip", "link", "set", device, "up");
            ns.Run("ip", "link", "set", device, "promisc", "on");
            ns.Run("ip", "link", "set", device, "promisc", "off");
            var snapshot = run.Collect();
            var metric = run.Probe.Info.Metrics.First(m => m.Name == Duration);
            var rows = snapshot.Find(metric.Table)!.Rows.ToArray();
            rows.ShouldContain(r => r.Namespace!.Inode == ns.Inode && r.Tags[0].Text == device);
            run.Allocated(20).ShouldBe(0);
        }
        finally
        {
            ns.Run("ip", "link", "set", device, "down");
            ns.Run("ip", "link", "set", device, "netns", "1");
        }
    }

    /// <summary>The old distribution and counters are sums over all devices.</summary>
    [VirtioFact("ip", "ethtool")]
    public void Legacy_figures_are_sums_of_the_node()
    {
        var device = VirtioDevice.Find()!;
        using var run = new BpfProbeRun("virtcmdlatency");
        Provoke(device);
        var buckets = Read(run, device).Buckets;
        var snapshot = run.Collect();

        var old = run.Probe.Info.Metrics.Single(m => m.Inspector.Contains("inspector_node_virtsendcmdlat"));
        old.Inspector.ShouldContain("inspector_pod_virtsendcmdlat");
        snapshot.Find(old.Table)!.Column(old).ToArray().Sum().ShouldBe(buckets.Sum());
        // 2^24 ns is above 10 ms: what is in higher slots was slow, and at most one slot more.
        var slow = run.Sum("kubeskoop_virtcmdlatency_latency", (ulong?)null);
        slow.ShouldBeInRange(buckets[15..].Sum(), buckets[14..].Sum());
    }

    /// <summary>
    /// Promiscuous mode, all multicast, a MAC address, a VLAN where there are any, and channels where there are several.
    /// </summary>
    /// <returns>Whether the kernel has VLANs.</returns>
    private static bool Provoke(string device)
    {
        Shell.Run("ip", "link", "set", device, "up");
        Shell.Run("ip", "link", "set", device, "promisc", "on");
        Shell.Run("ip", "link", "set", device, "promisc", "off");
        Shell.Run("ip", "link", "set", device, "allmulticast", "on");
        Shell.Run("ip", "link", "set", device, "allmulticast", "off");
        var address = File.ReadAllText($"/sys/class/net/{device}/address").Trim();
        Shell.Run("ip", "link", "set", device, "address", "52:54:00:aa:bb:cc");
        Shell.Run("ip", "link", "set", device, "address", address);
        var vlan = Shell.Try("ip", "link", "add", "link", device, "name", "netlens-v7", "type", "vlan", "id", "7").Code == 0;
        if (vlan)
            Shell.Run("ip", "link", "del", "netlens-v7");
        if (LabMachine.Queues > 1)
        {
            Shell.Run("ethtool", "-L", device, "combined", "2");
            Shell.Run("ethtool", "-L", device, "combined", "1");
        }
        Shell.Run("ip", "link", "set", device, "down");
        return vlan;
    }

    private static bool KernelHas(string function) =>
        File.ReadLines("/proc/kallsyms").Any(l => l.Split(' ', '\t')[2] == function);

    private static (long[] Buckets, long Sum) Read(BpfProbeRun run, string device)
    {
        var (buckets, sum) = run.Histogram(Duration, device);
        return buckets.Length == 0 ? (new long[25], 0) : (buckets, sum);
    }
}
