using Collector.Worker.Memory;

namespace Collector.Worker.Tests.Memory;

public sealed class ResidentMemoryTests
{
    [Fact]
    public void It_is_what_the_system_says_and_costs_no_heap()
    {
        var before = Environment.WorkingSet;
        long read = 0;
        ResidentMemory.Read();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            read = ResidentMemory.Read();
        (GC.GetAllocatedBytesForCurrentThread() - allocated).ShouldBe(0);
        read.ShouldBeInRange(before / 2, before * 2);
    }
}
