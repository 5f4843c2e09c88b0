using System.Text;
using Collector.Linux.Kernel;
using Collector.Linux.Pods;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Pods;

[AttributeUsage(AttributeTargets.Method)]
public sealed class Cgroup2TheoryAttribute : TheoryAttribute
{
    public Cgroup2TheoryAttribute() => Skip = RootSupport.WhyNot(["mount", "umount", "stat"]) ?? Cgroup2.Missing;
}

/// <summary>Pods by the kernel's ids of cgroups, in the real hierarchy.</summary>
public sealed class CgroupIdsTests : IDisposable
{
    private const string Uid = "0a1b2c3d-0000-4000-8000-123456789abc";
    private const string Other = "0a1b2c3d-0000-4000-8000-cba987654321";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-cgroups-");

    [Cgroup2Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_containers_id_tells_its_pod_also_when_the_container_is_gone(bool handles)
    {
        using var tree = new Cgroup2();
        using var ids = new CgroupIds(tree.Path, handles);
        ulong container;
        using (var cgroup = new PodCgroup(Uid, tree.Path))
        {
            container = PodCgroup.IdOf(cgroup.Path);
            ids.PodUidOf(container).ShouldBe(Uid);
            ids.PodUidOf(PodCgroup.IdOf(Path.GetDirectoryName(cgroup.Path)!)).ShouldBe(Uid);
            ids.PodUidOf(PodCgroup.IdOf(cgroup.Parent)).ShouldBeNull();
            ids.PodUidOf(PodCgroup.IdOf(tree.Path)).ShouldBeNull("the root");
        }
        ids.PodUidOf(container).ShouldBe(Uid);
        ids.PodUidOf(0).ShouldBeNull();
    }

    [Cgroup2Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_new_container_is_found_by_another_walk_and_what_is_known_allocates_nothing(bool handles)
    {
        using var tree = new Cgroup2();
        using var ids = new CgroupIds(tree.Path, handles);
        using var first = new PodCgroup(Uid, tree.Path);
        var id = PodCgroup.IdOf(first.Path);
        ids.PodUidOf(id).ShouldBe(Uid);

        using var second = new PodCgroup(Other, tree.Path);
        var later = PodCgroup.IdOf(second.Path);
        SpinWait.SpinUntil(() => ids.PodUidOf(later) == Other, TimeSpan.FromSeconds(30)).ShouldBeTrue();

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
            ids.PodUidOf(id);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
    }

    [Cgroup2Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_cgroup_that_was_gone_before_it_was_looked_for_is_nobodys(bool handles)
    {
        using var tree = new Cgroup2();
        using var ids = new CgroupIds(tree.Path, handles);
        ulong gone;
        using (var cgroup = new PodCgroup(Uid, tree.Path))
            gone = PodCgroup.IdOf(cgroup.Path);
        ids.PodUidOf(gone).ShouldBeNull();
        ids.PodUidOf(gone).ShouldBeNull();
    }

    /// <summary>Where the kernel lets us: with CAP_DAC_READ_SEARCH, and no sandbox that refuses it.</summary>
    [Cgroup2Theory]
    [InlineData("")]
    [InlineData("deeper/and/deeper")]
    public void A_handle_leads_to_the_path_below_the_mount(string below)
    {
        using var tree = new Cgroup2();
        using var handles = CgroupHandles.Open(tree.Path);
        if (handles is null)
            return;
        using var cgroup = new PodCgroup(Uid, tree.Path);
        var folder = Path.Combine(cgroup.Path, below);
        try
        {
            Directory.CreateDirectory(folder);
            handles.TryFind(PodCgroup.IdOf(folder), out var path).ShouldBeTrue();
            Encoding.UTF8.GetString(path).ShouldBe(folder[tree.Path.Length..].TrimEnd('/'));
        }
        finally
        {
            for (; folder.Length > cgroup.Path.Length + 1; folder = Path.GetDirectoryName(folder)!)
                Directory.Delete(folder);
        }
        handles.TryFind(PodCgroup.IdOf(tree.Path) + (1UL << 40), out var none).ShouldBeTrue();
        none.Length.ShouldBe(0);
    }

    [Fact]
    public void Ordinary_folders_have_no_such_handles() => CgroupHandles.Open(_folder.FullName).ShouldBeNull();

    [Theory]
    [InlineData("fs/cgroup", "fs/cgroup")]
    [InlineData("fs/cgroup/unified", "fs/cgroup/unified")]
    [InlineData("fs/cgroup/pids", null)]
    public void The_hierarchy_is_found_alone_and_beside_version_1(string mount, string? expected)
    {
        var sys = Directory.CreateDirectory(Path.Combine(_folder.FullName, "sys")).FullName;
        var folder = Directory.CreateDirectory(Path.Combine(sys, mount)).FullName;
        File.WriteAllText(Path.Combine(folder, mount.EndsWith("pids") ? "cgroup.procs" : "cgroup.controllers"), "");
        // This /proc has no process 1, so no tree of another mount namespace is asked.
        CgroupHierarchies.Unified(new KernelPaths(_folder.FullName, sys)).ShouldBe(
            expected is null ? null : Path.Combine(sys, expected));
        CgroupHierarchies.Unified(new KernelPaths(_folder.FullName, sys, Recorded: true)).ShouldBeNull();
        CgroupHierarchies.Root(new KernelPaths(_folder.FullName, sys)).ShouldBe(
            expected is null ? null : Path.Combine(sys, expected));
        // What a container sees at its top is a cgroup below the root.
        File.WriteAllText(Path.Combine(folder, "cgroup.events"), "populated 1\n");
        CgroupHierarchies.Root(new KernelPaths(_folder.FullName, sys)).ShouldBeNull();
    }

    [Fact]
    public void Where_there_is_none_nothing_is_found() => new CgroupIds(null).PodUidOf(77).ShouldBeNull();

    public void Dispose() => _folder.Delete(recursive: true);
}
