using Collector.Tests.Support;
using Pods.Tests.Lab;
using Xunit.Abstractions;

namespace Pods.Tests;

/// <summary>How soon a pod has its name: no other test keeps the machine busy meanwhile.</summary>
[Collection(AloneCollection.Name)]
public sealed class StartTests(ITestOutputHelper output)
{
    /// <summary>How soon after its start a pod has its name.</summary>
    private static readonly TimeSpan InTime = TimeSpan.FromSeconds(1);

    /// <summary>
    /// What comes on top until a reader of the page can see it: the page is the last snapshot, taken every second, and
    /// this machine may be busy with something else.
    /// </summary>
    private static readonly TimeSpan UntilSeen = TimeSpan.FromSeconds(1 + 3);

    /// <summary>A poll that comes too late to help.</summary>
    private const string RarePoll = "pods: { poll: 1m }\n";

    [RequiresNodeFact]
    public void A_pod_has_its_name_within_a_second_of_its_start()
    {
        using var node = ContainerNode.Start();
        using var agent = new NodeAgent(node, node.Socket, RarePoll);
        using var watch = new PageWatch(agent);
        for (var i = 0; i < 3; i++)
        {
            var pod = node.Kubelet.Run("shop", $"web-{i}");
            var delay = watch.DelayOf(pod);
            output.WriteLine($"{pod}: on the page {delay.TotalMilliseconds:F0} ms after its start");
            delay.ShouldBeLessThan(InTime + UntilSeen);
        }
        var page = agent.FreshPage();
        page.Value("netlens_pods_resolve_duration_seconds_count").ShouldBeGreaterThanOrEqualTo(3);
    }

    [RequiresNodeFact]
    public void A_hundred_pods_that_start_at_once_have_their_names_within_a_second()
    {
        const int Count = 100;
        using var node = ContainerNode.Start();
        using var agent = new NodeAgent(node, node.Socket, RarePoll, ("NETLENS_PROBES", "-all,ip,pods"));
        using var watch = new PageWatch(agent);
        var pods = node.Kubelet.RunMany(Count, "bulk", n => $"p-{n:D3}", new PodSpec { Containers = 0 });
        var delays = pods.Select(watch.DelayOf).Order().ToArray();
        output.WriteLine($"on the page {delays[Count / 2].TotalMilliseconds:F0} ms after the start (median), "
            + $"{delays[^1].TotalMilliseconds:F0} ms (longest)");
        delays[^1].ShouldBeLessThan(InTime + UntilSeen);

        var page = agent.FreshPage();
        foreach (var pod in pods)
        {
            page.OfPod(pod).ShouldNotBeEmpty();
            page.OfPod(pod).ShouldBe(page.OfNetns(pod.Netns));
            page.OfPod(pod).ShouldAllBe(s => s.Pod == pod.ToString());
        }
        page.Value("netlens_pods_identities").ShouldBe(Count);
        NodeAgent.ListPods(node).Select(p => p.Uid).ShouldBe(pods.Select(p => p.Uid), ignoreOrder: true);
        watch.ShouldNeverHaveMixedUp(pods).ShouldBeGreaterThan(Count);
        node.Kubelet.RemoveMany(pods);
        agent.WaitFor(p => p.Pods.Count == 0, "none left");
    }
}
