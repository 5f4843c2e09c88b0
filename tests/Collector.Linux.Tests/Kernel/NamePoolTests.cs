using System.Text;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Tests.Kernel;

/// <summary>Names that are read again cost nothing, and nobody makes the memory grow by many of them.</summary>
public sealed class NamePoolTests
{
    private const string Uid = "0a1b2c3d_1111_2222_3333_444455556666";
    private static readonly string Container = new('c', 64);

    private static readonly byte[] Cgroup = Encoding.ASCII.GetBytes(
        $"0::/kubepods.slice/kubepods-burstable-pod{Uid}.slice/cri-containerd-{Container}.scope\n");

    private static readonly byte[] Unit = "0::/system.slice/dnsmasq.service\n"u8.ToArray();

    private static readonly byte[] Mounts = Encoding.ASCII.GetBytes(
        "36 25 0:4 net:[4026532281] /run/netns/blue\\040sky rw - nsfs nsfs rw\n"
        + "37 25 0:4 net:[4026532282] /run/netns/red rw - nsfs nsfs rw\n");

    public static TheoryData<string> Reads => ["process", "device", "pod", "container", "unit", "mounts"];

    [Theory]
    [MemberData(nameof(Reads))]
    public void A_second_read_of_the_same_name_allocates_nothing(string what)
    {
        var read = ReadOf(what);
        var first = read();
        var before = GC.GetAllocatedBytesForCurrentThread();
        var second = read();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);
        second.ShouldBeSameAs(first);
        first.ShouldNotBeNullOrEmpty();
    }

    private static Func<string?> ReadOf(string what)
    {
        var into = new Dictionary<ulong, string>();
        Comm comm = default;
        "kworker/0:1"u8.CopyTo(comm);
        return what switch
        {
            "process" => () => comm.ToString(),
            "device" => () => NamePool.Of("veth0"u8),
            "pod" => () => CgroupPath.ParseFile(Cgroup).PodUidText,
            "container" => () => CgroupPath.ParseFile(Cgroup).ContainerIdText,
            "unit" => () => CgroupPath.UnitOf(Unit),
            _ => () =>
            {
                into.Clear();
                MountWatcher.Parse(Mounts, into);
                return into[4026532281];
            }
            ,
        };
    }

    [Fact]
    public void Names_are_what_they_were()
    {
        CgroupPath.ParseFile(Cgroup).PodUidText.ShouldBe(Uid.Replace('_', '-'));
        CgroupPath.ParseFile(Cgroup).ContainerIdText.ShouldBe(Container);
        CgroupPath.ParseFile(Unit).ContainerIdText.ShouldBeNull();
        NamePool.Of(ReadOnlySpan<byte>.Empty).ShouldBe("");
        NamePool.Of("wüst\xFF"u8).ShouldBe(Encoding.UTF8.GetString("wüst\xFF"u8));
        byte[] noText = [0xC3, 0x28, 0xFF];
        NamePool.Of(noText).ShouldBe(Encoding.UTF8.GetString(noText));
        NamePool.Of(noText, NamePool.Of(noText)).ShouldBeSameAs(NamePool.Of(noText));
        var text = new string('e', 3);
        NamePool.Of("eee"u8, text).ShouldBeSameAs(text);
        NamePool.Of("eef"u8, text).ShouldBe("eef");
        NamePool.Of("eee".AsSpan()).ShouldBeSameAs(NamePool.Of(text));
    }

    [Fact]
    public void A_hundred_thousand_names_leave_what_the_pool_holds()
    {
        // The longest that are kept, and longer ones that are not.
        var kept = new WeakReference[100_000];
        MakeNames(kept);
        GC.Collect();
        kept.Count(k => k.IsAlive).ShouldBeInRange(1, NamePool.Most);
    }

    private static void MakeNames(WeakReference[] kept)
    {
        var name = new byte[NamePool.Longest + 1];
        for (var i = 0; i < kept.Length; i++)
        {
            name.AsSpan().Fill((byte)'x');
            Encoding.ASCII.GetBytes($"{i}", name);
            kept[i] = new WeakReference(NamePool.Of(name.AsSpan(0, NamePool.Longest + (i % 2))));
        }
    }
}
