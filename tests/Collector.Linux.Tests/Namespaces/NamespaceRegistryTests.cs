using System.Diagnostics;
using System.Text;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Namespaces;

/// <summary>Discovery on the real kernel: namespaces made by <c>ip netns</c> and <c>unshare</c>.</summary>
[Collection(AloneCollection.Name)]
public sealed class NamespaceRegistryTests : IDisposable
{
    private readonly List<Action> _cleanup = [];
    private readonly LinuxHost _host = new(new KernelPaths());
    private long _now = 1000;

    [RequiresRootFact]
    public void The_first_namespace_is_the_host_and_it_counts_from_boot()
    {
        Refresh();
        var host = _host.Namespaces.Host.Namespace;
        host.IsHost.ShouldBeTrue();
        // Where process 1 may not be looked at, the agent's own namespace is the host's.
        var node = InodeOf("/proc/1/ns/net");
        host.Inode.ShouldBe(node != 0 ? node : InodeOf("/proc/self/ns/net"));
        host.StartTime.ShouldBe(_host.BootTime);
        _host.BootTime.ShouldBeInRange(
            1_500_000_000_000_000_000, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000);
    }

    [RequiresRootFact]
    public void A_named_namespace_without_a_process_is_found_with_its_name_and_lost_when_deleted()
    {
        Refresh();
        var name = NewNamed();
        var start = Refresh();
        var found = _host.Namespaces.All.Single(n => n.Namespace.Names.NetnsName == name);
        found.Namespace.Inode.ShouldBe(InodeOf($"/run/netns/{name}"));
        found.Namespace.StartTime.ShouldBe(start);

        Shell.Run("ip", "netns", "del", name);
        Refresh();
        found.Closed.ShouldBeTrue();
        _host.Namespaces.All.ShouldNotContain(found);
    }

    [RequiresRootFact]
    public void A_namespace_of_a_process_is_found_within_one_refresh_and_lost_with_the_process()
    {
        Refresh();
        var process = Unshared();
        var inode = InodeOf($"/proc/{process.Id}/ns/net");
        Refresh();
        var found = _host.Namespaces.Find(inode).ShouldNotBeNull();
        found.Namespace.IsHost.ShouldBeFalse();

        Kill(process);
        Refresh();
        found.Closed.ShouldBeTrue();
        _host.Namespaces.Find(inode).ShouldBeNull();
    }

    [RequiresRootFact]
    public void A_process_that_enters_its_namespace_after_its_birth_was_seen_is_found_at_the_next_refresh()
    {
        Refresh();
        var go = Path.GetTempFileName();
        _cleanup.Add(() => File.Delete(go));
        var process = Start("sh", "-c", $"while [ ! -s {go} ]; do sleep 0.02; done; exec unshare -n sleep 60");
        Refresh();
        File.WriteAllText(go, "go");
        WaitUntil(() => InodeOf($"/proc/{process.Id}/ns/net") != InodeOf("/proc/self/ns/net"));
        Refresh();
        _host.Namespaces.Find(InodeOf($"/proc/{process.Id}/ns/net")).ShouldNotBeNull();
    }

    [RequiresRootTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_late_unshare_among_many_processes_is_found_within_two_refreshes(bool othersEnd)
    {
        var others = Enumerable.Range(0, 2).Select(_ => Start("unshare", "-n", "sleep", "60")).ToArray();
        foreach (var other in others)
            WaitUntil(() => InodeOf($"/proc/{other.Id}/ns/net") != InodeOf("/proc/self/ns/net"));
        for (var i = 0; i < 1000; i++)
            Start("sleep", "60");
        var late = Start("python3", "-c", "import ctypes,sys,time; sys.stdin.readline(); "
            + "ctypes.CDLL(None).unshare(0x40000000); print('there', flush=True); time.sleep(60)");
        for (var i = 0; i < 8; i++)
            Refresh();
        late.StandardInput.WriteLine();
        late.StandardOutput.ReadLine().ShouldBe("there");
        var inode = InodeOf($"/proc/{late.Id}/ns/net");
        foreach (var other in others)
        {
            if (othersEnd)
            {
                other.Kill();
                other.WaitForExit();
                _host.Namespaces.LetGo();
            }
            Refresh();
        }
        _host.Namespaces.Find(inode).ShouldNotBeNull();
    }

    [RequiresRootFact]
    public void A_mount_of_the_node_s_own_namespace_leaves_it_the_node_and_goes_without_a_trace()
    {
        var mount = Path.GetTempFileName();
        _cleanup.Add(() => File.Delete(mount));
        Refresh();
        var host = _host.Namespaces.Host;
        var names = host.Namespace.Names;
        Shell.Run("mount", "--bind", "/proc/self/ns/net", mount);
        try
        {
            Refresh();
            host.MountPath.ShouldBe(mount);
            host.Namespace.Names.ShouldBeSameAs(names);
        }
        finally
        {
            Shell.Run("umount", mount);
        }
        Refresh();
        host.MountPath.ShouldBeNull();
    }

    [RequiresRootFact]
    public void A_name_goes_with_its_mount_while_a_process_keeps_the_namespace()
    {
        var name = NewNamed();
        Start("ip", "netns", "exec", name, "sleep", "60");
        WaitUntil(() => Shell.Run("ip", "netns", "pids", name).Length > 0);
        Refresh();
        var found = _host.Namespaces.All.Single(n => n.Namespace.Names.NetnsName == name);
        Shell.Run("umount", $"/run/netns/{name}");
        Refresh();
        found.Closed.ShouldBeFalse();
        found.Namespace.Names.NetnsName.ShouldBeNull();
        Shell.Run("mount", "--bind", $"/proc/{found.Pid}/ns/net", $"/run/netns/{name}");
        Refresh();
        found.Namespace.Names.NetnsName.ShouldBe(name);
    }

    [RequiresRootFact("python3")]
    public void A_mount_whose_name_is_no_text_is_found_and_read()
    {
        // A string of .NET cannot be such a name.
        const string Mount = "import os,subprocess,sys; p=b'/run/netns/nl\\xff'+sys.argv[2].encode(); "
            + "sys.argv[1]=='umount' or open(p,'w').close(); "
            + "subprocess.check_call(['mount','--bind','/run/netns/'+sys.argv[2],p] if sys.argv[1]=='mount' "
            + "else ['umount',p]); sys.argv[1]=='umount' and os.unlink(p)";
        var name = NewNamed();
        Shell.Run("python3", "-c", Mount, "mount", name);
        _cleanup.Add(() => Shell.Try("python3", "-c", Mount, "umount", name));
        Shell.Run("ip", "netns", "del", name);
        Refresh();
        var found = _host.Namespaces.All.Single(n => n.Namespace.Names.NetnsName == $"nl\\xff{name}");
        found.Enter(() => InodeOf("/proc/thread-self/ns/net")).ShouldBe(found.Namespace.Inode);
    }

    [RequiresRootFact]
    public void The_witness_may_die_while_another_process_stays()
    {
        Refresh();
        var first = Unshared();
        var inode = InodeOf($"/proc/{first.Id}/ns/net");
        Refresh();
        var second = Start("nsenter", $"--net=/proc/{first.Id}/ns/net", "sleep", "60");
        WaitUntil(() => InodeOf($"/proc/{second.Id}/ns/net") == inode);
        Kill(first);
        Refresh();
        var found = _host.Namespaces.Find(inode).ShouldNotBeNull();
        found.Closed.ShouldBeFalse();
        Kill(second);
        Refresh();
        _host.Namespaces.Find(inode).ShouldBeNull();
    }

    [RequiresRootFact]
    public void A_mount_whose_process_ended_keeps_the_namespace()
    {
        Refresh();
        var name = NewNamed();
        var process = Start("ip", "netns", "exec", name, "sleep", "60");
        Refresh();
        Kill(process);
        Refresh();
        _host.Namespaces.All.ShouldContain(n => n.Namespace.Names.NetnsName == name);
    }

    [RequiresRootFact]
    public void Each_life_has_a_generation_of_its_own_even_where_the_kernel_reuses_the_inode()
    {
        var generations = new HashSet<long>();
        for (var i = 0; i < 10; i++)
        {
            var name = NewNamed();
            Refresh();
            var found = _host.Namespaces.All.Single(n => n.Namespace.Names.NetnsName == name);
            generations.Add(found.Namespace.Generation).ShouldBeTrue();
            Shell.Run("ip", "netns", "del", name);
            Refresh();
            found.Closed.ShouldBeTrue();
            _host.Namespaces.Find(found.Namespace.Inode).ShouldBeNull("a later namespace of this inode starts anew");
        }
    }

    [RequiresRootFact]
    public void A_deleted_namespace_is_freed_so_that_its_veth_disappears()
    {
        var name = NewNamed();
        Refresh();
        var handle = _host.Namespaces.All.Single(n => n.Namespace.Names.NetnsName == name);
        using var file = handle.OpenFile("net/snmp");
        using var socket = handle.OpenNetlink(Linux.Kernel.Netlink.NetlinkFamily.Route);
        var link = $"v{Environment.ProcessId % 100000}";
        Shell.Run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name);
        Shell.Run("ip", "netns", "del", name);
        Refresh();
        file.Dispose();
        socket.Dispose();
        WaitUntil(() => !Directory.Exists($"/sys/class/net/{link}"));
    }

    [RequiresRootFact]
    public void Files_and_sockets_opened_through_a_handle_are_of_its_namespace()
    {
        var name = NewNamed();
        Refresh();
        var handle = _host.Namespaces.All.Single(n => n.Namespace.Names.NetnsName == name);
        using var dev = handle.OpenFile("net/dev");
        new ReadBuffer().TryRead(dev, out var text, out _).ShouldBeTrue();
        var lines = Encoding.ASCII.GetString(text).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Length.ShouldBe(3, "two headings and lo");
        handle.Enter(() => InodeOf("/proc/thread-self/ns/net")).ShouldBe(handle.Namespace.Inode);
        InodeOf("/proc/thread-self/ns/net").ShouldBe(InodeOf("/proc/self/ns/net"), "this thread never left");
    }

    [RequiresRootFact]
    public void The_cost_of_a_quiet_refresh_does_not_follow_the_number_of_processes()
    {
        for (var i = 0; i < 300; i++)
            Start("sleep", "60");
        for (var i = 0; i < 4; i++)
            Refresh();
        var before = _host.Namespaces.ProcessesExamined;
        for (var i = 0; i < 5; i++)
            Refresh();
        // A slice of 256, what other programs started meanwhile twice, and one look per namespace without mount.
        ((_host.Namespaces.ProcessesExamined - before) / 5).ShouldBeLessThan(256 + 200);
    }

    [RequiresRootFact]
    public void Nothing_is_left_of_namespaces_that_came_and_went()
    {
        Refresh();
        var inodes = new List<ulong>();
        for (var i = 0; i < 20; i++)
        {
            var process = Unshared();
            Refresh();
            inodes.Add(InodeOf($"/proc/{process.Id}/ns/net"));
            _host.Namespaces.Find(inodes[^1]).ShouldNotBeNull().Source<SnmpOnce>();
            Kill(process);
        }
        Refresh();
        _host.Namespaces.All.ShouldNotContain(n => inodes.Contains(n.Namespace.Inode));
        HeldNamespaces().Intersect(inodes).ShouldBeEmpty("no descriptor holds one of them");
    }

    // Inodes of the namespaces that descriptors of this process hold.
    private static IEnumerable<ulong> HeldNamespaces() => Directory.GetFiles("/proc/self/fd")
        .Where(f => new FileInfo(f).LinkTarget?.StartsWith("net:[", StringComparison.Ordinal) == true)
        .Select(InodeOf);

    [RequiresRootFact]
    public void What_nobody_asks_for_any_more_is_closed_and_what_is_asked_for_stays()
    {
        var name = NewNamed();
        Refresh();
        var handle = _host.Namespaces.All.Single(n => n.Namespace.Names.NetnsName == name);
        var (used, left) = (handle.Source<Used>(), handle.Source<Left>());
        left.EnsureRead(handle, _now - 1000).ShouldBeTrue();
        for (var i = 0; i < 5; i++)
        {
            handle.Source<Used>().ShouldBeSameAs(used);
            used.EnsureRead(handle, _now - 1000).ShouldBeTrue();
            Refresh();
        }
        left.Closed.ShouldBeTrue();
        used.Closed.ShouldBeFalse();
        handle.Source<Left>().ShouldNotBeSameAs(left);
        _host.Namespaces.Host.Source<Used>().ShouldNotBeSameAs(used);
        Shell.Run("ip", "netns", "del", name);
        Refresh();
        used.Closed.ShouldBeTrue();
    }

    private class Used : NamespaceSource
    {
        public bool Closed { get; private set; }

        protected override bool Read(NamespaceHandle handle) => true;

        protected override void Dispose(bool disposing)
        {
            Closed = true;
            base.Dispose(disposing);
        }
    }

    private sealed class Left : Used;

    private sealed class SnmpOnce : NamespaceSource
    {
        protected override bool Read(NamespaceHandle handle) => true;
    }

    [Fact]
    public void A_recorded_tree_is_one_namespace_whose_files_are_in_its_net_folder()
    {
        var root = Directory.CreateTempSubdirectory().FullName;
        _cleanup.Add(() => Directory.Delete(root, true));
        Directory.CreateDirectory($"{root}/net");
        File.WriteAllText($"{root}/net/snmp", "Ip: A\nIp: 1\n");
        using var host = new LinuxHost(new KernelPaths(root, root, Recorded: true));
        host.Refresh(0);
        host.Namespaces.All.Count.ShouldBe(1);
        using var file = host.Namespaces.Host.OpenFile("net/snmp");
        new ReadBuffer().TryRead(file, out var text, out _).ShouldBeTrue();
        Encoding.ASCII.GetString(text).ShouldBe("Ip: A\nIp: 1\n");
    }

    private long Refresh()
    {
        _host.Refresh(++_now);
        return _now;
    }

    private string NewNamed()
    {
        var name = $"nlreg-{Guid.NewGuid():N}"[..20];
        Shell.Run("ip", "netns", "add", name);
        _cleanup.Add(() => Shell.Try("ip", "netns", "del", name));
        return name;
    }

    private Process Unshared()
    {
        var process = Start("unshare", "-n", "sleep", "60");
        var own = InodeOf("/proc/self/ns/net");
        WaitUntil(() => InodeOf($"/proc/{process.Id}/ns/net") is var inode && inode != 0 && inode != own);
        return process;
    }

    private Process Start(string file, params string[] args)
    {
        var process = Shell.Start([file, .. args]);
        _cleanup.Add(() => Kill(process));
        return process;
    }

    private static void Kill(Process process)
    {
        if (!process.HasExited)
            process.Kill();
        process.WaitForExit();
    }

    private static void WaitUntil(Func<bool> condition)
    {
        for (var i = 0; i < 1000 && !condition(); i++)
            Thread.Sleep(10);
        condition().ShouldBeTrue();
    }

    private static ulong InodeOf(string path)
    {
        try
        {
            var target = new FileInfo(path).LinkTarget
                ?? (path.StartsWith("/run", StringComparison.Ordinal) ? StatInode(path) : "");
            return target.Length == 0 ? 0 : ulong.Parse(target.AsSpan(target.IndexOf('[') + 1).TrimEnd(']'));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static string StatInode(string path) => Shell.Run("stat", "-c", "[%i]", path).Trim();

    public void Dispose()
    {
        foreach (var action in Enumerable.Reverse(_cleanup))
            action();
        _host.Dispose();
    }
}
