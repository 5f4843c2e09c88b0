using Collector.Tests.Support;

namespace Collector.Linux.Tests;

/// <summary>The helpers that other tests stand on.</summary>
public sealed class SupportTests
{
    [RequiresRootFact("ping")]
    public void A_pair_reaches_each_other_over_both_families_and_is_gone_afterwards()
    {
        string left;
        using (var pair = new TestNetnsPair())
        {
            left = pair.Left.Name;
            pair.Left.Run("ping", "-c", "1", "-W", "5", TestNetnsPair.RightIPv4);
            pair.Right.Run("ping", "-c", "1", "-W", "5", TestNetnsPair.LeftIPv6);
            pair.Left.Inside(() => File.ResolveLinkTarget("/proc/thread-self/ns/net", false)!.Name)
                .ShouldBe($"net:[{pair.Left.Inode}]");
        }
        Shell.Run("ip", "netns", "list").ShouldNotContain(left);
    }
}
