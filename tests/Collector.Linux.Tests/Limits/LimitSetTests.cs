using Collector.Linux.Limits;

namespace Collector.Linux.Tests.Limits;

/// <summary>The limits of the machine while the agent runs.</summary>
public sealed class LimitSetTests
{
    [Fact]
    public void Other_limits_are_taken_over_each()
    {
        var limits = new LimitSet(new());

        limits.Reconfigure(new() { Namespaces = 7, Rootless = 7, Rows = 7, Processes = 7, Containers = 7 });

        limits.All.Select(l => l.Most).ShouldAllBe(most => most == 7);
    }
}
