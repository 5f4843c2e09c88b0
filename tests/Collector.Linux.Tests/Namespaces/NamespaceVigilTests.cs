using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Collector.Linux.Namespaces;
using Collector.Linux.Tests.Probes;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Namespaces;

/// <summary>
/// What is held of namespaces between two collections that are five minutes apart: nothing for longer than a second.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed class NamespaceVigilTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly List<Action> _cleanup = [];
    private readonly KernelProbeRun _run = new("netdev", ("devices", "*"));

    private NamespaceRegistry Registry => _run.Host.Namespaces;

    [RequiresRootFact]
    public void A_mount_can_be_unmounted_while_its_namespace_is_read()
    {
        using var ns = new TestNetns();
        _run.Rows("netdev", ns).ShouldNotBeEmpty();
        var inode = ns.Inode;
        // As CNI helpers do it: without MNT_DETACH, which the kernel refuses while anybody has the mount open.
        Shell.Run("umount", ns.NsPath);
        Resting(() => Eventually(() => !Held().Contains(inode)));
    }

    [RequiresRootFact]
    public void Devices_of_a_deleted_namespace_go_and_their_names_are_free_again()
    {
        using var ns = new TestNetns();
        using var again = new TestNetns();
        var link = $"nl{Environment.ProcessId % 100000}v";
        string[] make = ["ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns"];
        _cleanup.Add(() => Shell.Try("ip", "link", "del", link));
        Shell.Run([.. make, ns.Name]);
        Shell.Run("ip", "addr", "add", "192.0.2.1/30", "dev", link);
        Shell.Run("ip", "link", "set", link, "up");
        ns.Ip("addr add 192.0.2.2/30 dev eth0", "link set eth0 up");
        _run.Rows("netdev", ns).Count.ShouldBe(2);
        Shell.Run("ping", "-q", "-c", "1", "-w", "5", "192.0.2.2");
        Resting(() =>
        {
            var inode = ns.Inode;
            Shell.Run("ip", "netns", "del", ns.Name);
            Eventually(() => !Held().Contains(inode));
            // The kernel takes namespaces apart one after the other.
            SpinWait.SpinUntil(() => !Directory.Exists($"/sys/class/net/{link}"), TimeSpan.FromSeconds(30))
                .ShouldBeTrue();
            Shell.Run([.. make, again.Name]);
        });
    }

    [RequiresRootFact]
    public void A_hundred_namespaces_with_mounts_and_with_processes_only_are_let_go_at_once()
    {
        var mounted = Enumerable.Range(0, 50).Select(_ => new TestNetns()).ToList();
        var unshared = Enumerable.Range(0, 50).Select(_ => Unshared()).ToList();
        try
        {
            List<ulong> inodes = [.. mounted.Select(n => n.Inode), .. unshared.Select(p => p.Inode)];
            _run.Collect();
            Held().Intersect(inodes).Count().ShouldBe(100);
            Resting(() =>
            {
                mounted.ForEach(n => n.Dispose());
                unshared.ForEach(p => p.Process.Kill());
                Eventually(() => !Held().Intersect(inodes).Any());
            });
        }
        finally
        {
            mounted.ForEach(n => n.Dispose());
        }
    }

    [RequiresRootFact]
    public void A_namespace_that_its_only_process_leaves_is_let_go_although_the_process_lives()
    {
        var (process, inode) = Unshared(
            "python3", "-c", "import ctypes,sys,time; sys.stdin.readline(); "
            + "ctypes.CDLL(None).unshare(0x40000000); print('left', flush=True); time.sleep(60)");
        _run.Collect();
        Held().ShouldContain(inode);
        Resting(() =>
        {
            process.StandardInput.WriteLine();
            process.StandardOutput.ReadLine().ShouldBe("left");
            Eventually(() => !Held().Contains(inode));
        });
    }

    [RequiresRootFact]
    public void The_last_traffic_of_a_namespace_is_in_the_next_snapshot_and_in_no_other()
    {
        using var ns = new TestNetns();
        _run.Rows("netdev", ns).ShouldNotBeEmpty();
        ns.Run("ping", "-q", "-c", "7", "-i", "0.01", "-s", "1000", "127.0.0.1");
        var inside = JsonDocument.Parse(ns.Run("ip", "-s", "-s", "-j", "link", "show", "lo")).RootElement[0];
        var bytes = inside.GetProperty("stats64").GetProperty("rx").GetProperty("bytes").GetInt64();
        var inode = ns.Inode;
        Resting(() =>
        {
            ns.Dispose();
            Eventually(() => !Held().Contains(inode));
        });
        var last = _run.Rows("netdev", ns).Single();
        last["system.network.io/receive"].ShouldBe(bytes);
        bytes.ShouldBeGreaterThan(14_000);
        _run.Rows("netdev", ns).ShouldBeEmpty();
    }

    [RequiresRootFact]
    public void A_node_whose_namespaces_have_mounts_is_not_woken()
    {
        var mounted = Enumerable.Range(0, 20).Select(_ => new TestNetns()).ToList();
        try
        {
            _run.Collect();
            // Other namespaces of this machine may have processes only, and others mount and unmount.
            var others = Registry.All.Skip(1).Any(h => h.MountPath is null);
            var quiet = false;
            for (var i = 0; i < 10 && !quiet; i++)
            {
                var mounts = File.ReadAllText("/proc/self/mountinfo");
                var before = Registry.Looks;
                Resting(() => Thread.Sleep(2000));
                quiet = Registry.Looks - before < (others ? 8 : 3);
                if (mounts == File.ReadAllText("/proc/self/mountinfo"))
                    quiet.ShouldBeTrue();
            }
            quiet.ShouldBeTrue();
        }
        finally
        {
            mounted.ForEach(n => n.Dispose());
        }
    }

    [Fact]
    public void A_rest_ends_with_its_time_or_when_it_is_stopped()
    {
        using var stop = new CancellationTokenSource();
        var start = Stopwatch.GetTimestamp();
        Registry.Rest(TimeSpan.FromMilliseconds(50), stop.Token);
        Stopwatch.GetElapsedTime(start).TotalMilliseconds.ShouldBeInRange(49, 2000);
        stop.CancelAfter(50);
        start = Stopwatch.GetTimestamp();
        Registry.Rest(TimeSpan.FromMinutes(5), stop.Token);
        Stopwatch.GetElapsedTime(start).TotalSeconds.ShouldBeLessThan(2);
        Registry.Rest(TimeSpan.FromMinutes(5), stop.Token);
    }

    // Runs code while the collection thread rests.
    private void Resting(Action code)
    {
        using var stop = new CancellationTokenSource();
        var thread = new Thread(() => Registry.Rest(TimeSpan.FromMinutes(5), stop.Token));
        thread.Start();
        try
        {
            code();
        }
        finally
        {
            stop.Cancel();
            thread.Join();
        }
    }

    // Without a busy machine it is a quarter of a second; a collection would come after five minutes.
    private static void Eventually(Func<bool> condition)
    {
        var start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Stopwatch.GetElapsedTime(start).ShouldBeLessThan(Patience);
            Thread.Sleep(10);
        }
    }

    // Namespaces that this process has descriptors of, by what the kernel says of each.
    private static List<ulong> Held() => [.. Directory.GetFiles("/proc/self/fd")
        .Select(f => new FileInfo(f).LinkTarget ?? "")
        .Where(l => l.StartsWith("net:[", StringComparison.Ordinal))
        .Select(l => ulong.Parse(l.AsSpan(5).TrimEnd(']'), CultureInfo.InvariantCulture))];

    private (Process Process, ulong Inode) Unshared(params string[] command)
    {
        var process = Shell.Start(["unshare", "-n", .. command.Length == 0 ? ["sleep", "60"] : command]);
        _cleanup.Add(() =>
        {
            process.Kill();
            process.WaitForExit();
        });
        var own = new FileInfo("/proc/self/ns/net").LinkTarget;
        var link = own;
        KernelProbeRun.Eventually(() => (link = new FileInfo($"/proc/{process.Id}/ns/net").LinkTarget) != own);
        return (process, ulong.Parse(link.AsSpan(5).TrimEnd(']'), CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        _cleanup.Reverse();
        _cleanup.ForEach(a => a());
        _run.Dispose();
    }
}
