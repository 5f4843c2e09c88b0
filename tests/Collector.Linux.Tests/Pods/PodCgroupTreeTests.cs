using System.Text;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Pods;

namespace Collector.Linux.Tests.Pods;

/// <summary>Folders as kubelets name them; the kernel's own are in tests/Ebpf.</summary>
public sealed class PodCgroupTreeTests : IDisposable
{
    private const string Uid = "0a1b2c3d-0000-4000-8000-123456789abc";
    private static readonly string Id = new('a', 64);
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("netlens-cgroups-");
    private readonly CgroupFolder _folder;
    private readonly PodCgroupTree _tree;

    public PodCgroupTreeTests()
    {
        _folder = new CgroupFolder(_root.FullName);
        _tree = new PodCgroupTree(_folder);
    }

    private IEnumerable<(string Path, string Uid, string? Container)> Found => _tree.All.Where(n => n.Uid is not null)
        .Select(n => (Encoding.UTF8.GetString(n.Path)[2..], n.Uid!, n.Container));

    private void Make(string path)
    {
        var folder = _root.FullName;
        foreach (var name in path.Split('/'))
        {
            folder = Path.Combine(folder, name);
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, "cpu.stat"), "");
        }
    }

    [Theory]
    [InlineData("kubepods/burstable/podUID", "ID")]
    [InlineData("kubepods/podUID", "ID")]
    [InlineData("kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-podU_D.slice", "cri-containerd-ID.scope")]
    [InlineData("kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podU_D.slice", "crio-ID.scope")]
    public void A_pod_and_its_container_are_found_and_go(string pod, string container)
    {
        pod = pod.Replace("UID", Uid).Replace("U_D", Uid.Replace('-', '_'));
        container = $"{pod}/{container.Replace("ID", Id)}";
        _tree.Refresh();
        Found.ShouldBeEmpty();

        Make(container + "/deeper");
        _tree.Refresh();
        Found.ShouldBe([(pod, Uid, null), (container, Uid, Id)]);
        _tree.Gone.ShouldBeEmpty();

        Directory.Delete(Path.Combine(_root.FullName, container), recursive: true);
        _tree.Refresh();
        Found.ShouldBe([(pod, Uid, null)]);
        _tree.Gone.ShouldHaveSingleItem().Container.ShouldBe(Id);

        Directory.Delete(Path.Combine(_root.FullName, pod), recursive: true);
        _tree.Refresh();
        Found.ShouldBeEmpty();
        _tree.Gone.ShouldHaveSingleItem().Uid.ShouldBe(Uid);
    }

    [Fact]
    public void What_a_user_calls_a_pod_is_none()
    {
        Make($"user.slice/user-1000.slice/kubepods/pod{Uid}/{Id}");
        Make($"kubepods/podnonsense/{Id}");
        Make($"kubepods/{Id}");
        _tree.Refresh().ToString().ShouldBe("None");
        Found.ShouldBeEmpty();
    }

    [Fact]
    public void Another_look_allocates_nothing()
    {
        Make($"kubepods/burstable/pod{Uid}/{Id}");
        _tree.Refresh();
        _tree.Refresh();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            _tree.Refresh();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        Found.Count().ShouldBe(2);
    }

    public void Dispose()
    {
        _folder.Dispose();
        _root.Delete(recursive: true);
    }
}
