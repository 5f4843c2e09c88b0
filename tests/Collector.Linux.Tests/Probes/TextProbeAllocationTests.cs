using Collector.Linux.Kernel;
using Collector.Linux.Sources;
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
    [InlineData("xfrm", "include", "all")]
    [InlineData("tcp", "include", "default", CollectionSource.Kernel)]
    [InlineData("tcpext", "include", "all", CollectionSource.Kernel)]
    [InlineData("icmp", "include", "all", CollectionSource.Kernel)]
    [InlineData("xfrm", "include", "default", CollectionSource.Kernel)]
    [InlineData("sock", null, null)]
    [InlineData("softnet", "perCpu", "true")]
    [InlineData("slab", null, null)]
    [InlineData("neighbour", "include", "all")]
    public void No_byte_per_collection(
        string id, string? option, string? value, CollectionSource source = CollectionSource.Proc)
    {
        using var run = new FileProbeRun(source, id, option is null ? [] : [(option, value!)]);
        for (var i = 0; i < 5; i++)
            run.Collect();
        // Once is enough: other tests' namespaces come, go and see their first ICMP messages under our hands.
        Enumerable.Range(0, 10).Any(_ => run.AllocatedIn(100) == 0).ShouldBeTrue();
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
