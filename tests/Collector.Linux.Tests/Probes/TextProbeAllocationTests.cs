using Collector.Linux.Kernel;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>In steady state a collection of the real host allocates nothing.</summary>
[Collection(AloneCollection.Name)]
public sealed class TextProbeAllocationTests
{
    [RequiresRootTheory]
    [InlineData("tcp", "include", "all")]
    [InlineData("tcpext", "include", "all")]
    [InlineData("udp", "include", "default")]
    [InlineData("ip", "include", "all")]
    [InlineData("ipext", "include", "all")]
    [InlineData("icmp", "include", "all")]
    [InlineData("sock", null, null)]
    [InlineData("softnet", "perCpu", "true")]
    [InlineData("slab", null, null)]
    public void No_byte_per_collection(string id, string? option, string? value)
    {
        using var run = new FileProbeRun(id, new KernelPaths(), option is null ? [] : [(option, value!)]);
        for (var i = 0; i < 5; i++)
            run.Collect();
        // Twice: other tests' namespaces end under our hands, and their files with them.
        Math.Min(run.AllocatedIn(100), run.AllocatedIn(100)).ShouldBe(0);
    }

    [Fact]
    public void No_byte_per_collection_of_a_recorded_tree()
    {
        using var ipvs = new FileProbeRun("ipvs", FileProbeRun.Fixture("5.15"));
        using var rdma = new FileProbeRun("rdma", FileProbeRun.Fixture("5.15"));
        ipvs.Collect().AllocatedIn(100).ShouldBe(0);
        // Within the pause between two looks at the folders.
        rdma.Collect().AllocatedIn(10).ShouldBe(0);
    }
}
