using Collector.Linux.Kernel;
using Collector.Linux.Pods;

namespace Collector.Linux.Tests.Pods;

/// <summary>Pods that only their processes' cgroups tell of.</summary>
public sealed class PodListingTests : IDisposable
{
    private const string Uid = "0a1b2c3d-0000-4000-8000-123456789abc";
    private readonly DirectoryInfo _proc = Directory.CreateTempSubdirectory("netlens-proc-");

    public void Dispose() => _proc.Delete(recursive: true);

    private void Process(int pid, string? uid, string? netns)
    {
        Directory.CreateDirectory($"{_proc.FullName}/{pid}/ns");
        File.WriteAllText($"{_proc.FullName}/{pid}/cgroup",
            uid is null ? "0::/init.scope\n" : $"0::/kubepods/burstable/pod{uid}/{new string('a', 64)}\n");
        if (netns is not null)
            File.CreateSymbolicLink($"{_proc.FullName}/{pid}/ns/net", netns);
    }

    private PodListing Listed() =>
        PodListing.Read(new KernelPaths(_proc.FullName), new PodTable([], 1)).ShouldHaveSingleItem();

    [Fact]
    public void They_have_the_namespace_of_their_first_process()
    {
        Process(1, null, "net:[4026531840]");
        Process(42, Uid, "net:[4026532314]");
        Process(43, Uid, "net:[4026532314]");
        var pod = Listed();
        (pod.Uid, pod.Netns, pod.HostNetwork).ShouldBe((Uid, 4026532314UL, false));
        pod.Pids.ShouldBe([42, 43]);
    }

    [Theory]
    [InlineData("net:[4026531840]", true)]
    [InlineData(null, false)]
    public void The_node_s_is_said_to_be_the_node_s_and_what_cannot_be_seen_is_not_guessed(string? link, bool host)
    {
        Process(1, null, "net:[4026531840]");
        Process(42, Uid, link);
        var pod = Listed();
        (pod.Netns, pod.HostNetwork).ShouldBe((0UL, host));
    }
}
