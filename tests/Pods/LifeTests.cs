using System.Globalization;
using Pods.Tests.Cri;
using Pods.Tests.Lab;
using Xunit.Abstractions;

namespace Pods.Tests;

/// <summary>Pods that come, go, and come again: a name is there in time and never on what is not the pod's.</summary>
public sealed class LifeTests(ITestOutputHelper output)
{
    [RequiresNodeFact]
    public void Nobody_inherits_from_a_pod_that_lived_for_a_moment()
    {
        using var node = ContainerNode.Start();
        using var agent = NodeAgent.Start(node);
        using var watch = new PageWatch(agent);
        var gone = new List<Pod>();
        var alive = new List<Pod>();
        for (var i = 0; i < 6; i++)
        {
            var brief = node.Kubelet.Run("job", $"brief-{i}", new PodSpec { Containers = 0 });
            Thread.Sleep(300);
            node.Kubelet.Remove(brief);
            gone.Add(brief);
            alive.Add(node.Kubelet.Run("shop", $"web-{i}", new PodSpec { Containers = 0 }));
        }
        alive.ForEach(pod => agent.WaitForPod(pod));
        WaitForNoneBut(agent, alive);
        ShouldNameOnly(agent.FreshPage(), alive);
        watch.ShouldNeverHaveMixedUp([.. gone, .. alive]).ShouldBeGreaterThan(alive.Count);
        var listed = NodeAgent.ListPods(node);
        listed.Select(p => (p.Uid, p.Netns)).ShouldBe(alive.Select(p => (p.Uid, (ulong?)p.Netns)), ignoreOrder: true);
        var again = gone.Select(p => p.Netns).Intersect(alive.Select(p => p.Netns)).Count();
        output.WriteLine($"{again} inodes used again");
    }

    [RequiresNodeFact]
    public void A_pod_of_the_same_name_begins_anew()
    {
        using var node = ContainerNode.Start();
        using var agent = NodeAgent.Start(node);
        var client = node.Kubelet.Run("shop", "client-0");
        var first = node.Kubelet.Run("db", "db-0", LabTests.Web());
        for (var i = 0; i < 5; i++)
            LabTests.Fetch(node.Kubelet, client, first.Ips[0]);
        agent.WaitForPod(first);
        var sent = Sent(agent.FreshPage(), first);
        sent.ShouldBeGreaterThan(500_000);

        node.Kubelet.Remove(first);
        var second = node.Kubelet.Run("db", "db-0", LabTests.Web());
        second.Uid.ShouldNotBe(first.Uid);
        agent.WaitForPod(second);
        WaitForNoneBut(agent, [client, second]);
        var (page, truth) = agent.Compare(() => Counters.Of(second), (a, b) => a.Same(b));
        ShouldNameOnly(page, [client, second]);
        truth.ShouldBeThoseOf(page.OfPod(second)).ShouldBeGreaterThan(0);
        Sent(page, second).ShouldBeLessThan(sent);
    }

    [RequiresNodeFact]
    public void An_inode_that_is_used_again_never_has_the_old_name()
    {
        const int Rounds = 12;
        using var node = ContainerNode.Start();
        using var agent = NodeAgent.Start(node);
        using var watch = new PageWatch(agent);
        var all = new List<Pod>();
        for (var round = 0; round < Rounds; round++)
        {
            var before = all.TakeLast(4).ToArray();
            all.AddRange(node.Kubelet.RunMany(4, "shop", n => $"r{round}-{n}", new PodSpec { Containers = 0 }));
            // While the agent has a namespace open its inode stays taken: now and then some time for it to let go.
            Thread.Sleep(round % 3 * 900);
            node.Kubelet.RemoveMany(before);
        }
        foreach (var pod in all.TakeLast(4))
            agent.WaitForPod(pod);
        WaitForNoneBut(agent, [.. all.TakeLast(4)]);
        ShouldNameOnly(agent.FreshPage(), [.. all.TakeLast(4)]);
        var again = all.Count - all.Select(p => p.Netns).Distinct().Count();
        again.ShouldBeGreaterThan(0, "the kernel never used an inode again: nothing was tested");
        var looked = watch.ShouldNeverHaveMixedUp(all);
        looked.ShouldBeGreaterThan(all.Count / 2);
        output.WriteLine($"{again} inodes used again, {looked} names looked at");
    }

    [RequiresNodeFact]
    public void After_its_sandbox_died_a_pod_goes_on_in_the_next_attempt()
    {
        using var node = ContainerNode.Start();
        using var agent = NodeAgent.Start(node);
        var pod = node.Kubelet.Run("shop", "web-0", LabTests.Web());
        var other = node.Kubelet.Run("shop", "other-0");
        agent.WaitForPod(pod);
        agent.WaitForPod(other);
        node.Kubelet.KillPause(pod);
        // Its namespace is there, with the containers in it.
        ShouldNameOnly(agent.AfterPolls(2), [other, pod]);

        var next = node.Kubelet.NextAttempt(pod, LabTests.Web());
        node.Kubelet.Sandboxes().Count(s => s.Metadata.Uid == pod.Uid).ShouldBe(2, "the dead one is still listed");
        agent.WaitFor(p => p.OfNetns(next.Netns).Any(s => s["k8s_pod_uid"] == pod.Uid), "the name of the next");
        ShouldNameOnly(agent.AfterPolls(2), [other, pod, next]);
        ShouldBeTheOneOfItsName(agent, next, pod);
        NodeAgent.ListPods(node).Where(p => p.Uid == pod.Uid).Select(p => p.Sandbox).ShouldBe([next.Sandbox]);
        node.Kubelet.Remove(pod);
        WaitForNoneBut(agent, [other, next]);
        ShouldNameOnly(agent.AfterPolls(2), [other, next]);
        ShouldBeTheOneOfItsName(agent, next);
    }

    [RequiresNodeFact]
    public void A_stopped_pod_has_no_name_any_more()
    {
        using var node = ContainerNode.Start();
        using var agent = NodeAgent.Start(node);
        var pods = node.Kubelet.RunMany(2, "shop", n => $"web-{n}");
        agent.WaitForPod(pods[0]);
        agent.WaitForPod(pods[1]);
        node.Kubelet.Stop(pods[0]);
        node.Kubelet.Status(pods[0].Sandbox).Status.State.ShouldBe(PodSandboxState.SandboxNotready);
        WaitForNoneBut(agent, [pods[1]]);
        ShouldNameOnly(agent.AfterPolls(2), [pods[1]]);
    }

    [RequiresNodeFact]
    public void While_the_runtime_is_dead_the_pods_keep_their_names()
    {
        using var node = ContainerNode.Start();
        using var agent = NodeAgent.Start(node);
        var web = node.Kubelet.Run("shop", "web-0", LabTests.Web());
        agent.WaitForPod(web);
        for (var i = 0; i < 2; i++)
        {
            node.KillRuntime();
            var dead = agent.WaitFor(p => !p.Connected && p.Failures() > i, "the runtime's absence");
            ShouldNameOnly(dead, [web]);
            ShouldNameOnly(agent.FreshPage(), [web]);
            node.StartRuntime();
            var late = node.Kubelet.Run("shop", $"late-{i}");
            agent.WaitForPod(late);
            agent.FreshPage().Connected.ShouldBeTrue();
            ShouldNameOnly(agent.FreshPage(), [web, late]);
            node.Kubelet.Remove(late);
            WaitForNoneBut(agent, [web]);
        }
        agent.Log.Count(l => l.Contains("warn", StringComparison.OrdinalIgnoreCase)).ShouldBeLessThan(10);
        agent.Stop().ShouldBe(0);
    }

    [RequiresNodeFact]
    public void Two_pods_of_one_name_are_two()
    {
        using var node = ContainerNode.Start();
        using var agent = NodeAgent.Start(node);
        // A pod that was deleted by force and made again, while its node had not yet heard of the deletion.
        var old = node.Kubelet.Run("db", "db-0");
        var young = node.Kubelet.Run("db", "db-0");
        agent.WaitForPod(old);
        agent.WaitForPod(young);
        var page = agent.FreshPage();
        ShouldNameOnly(page, [old, young]);
        page.Value("netlens_pods_identities").ShouldBe(2);
        ShouldBeTheOneOfItsName(agent, young, old);
        node.Kubelet.Remove(young);
        agent.WaitFor(p => p.OfPod(young).Count == 0, "its end");
        ShouldNameOnly(agent.AfterPolls(2), [old]);
        ShouldBeTheOneOfItsName(agent, old);
    }

    [RequiresNodeFact]
    public void Of_two_ready_attempts_of_a_pod_the_newer_is_the_one()
    {
        using var node = ContainerNode.Start();
        using var agent = NodeAgent.Start(node);
        var old = node.Kubelet.Run("db", "db-0");
        agent.WaitForPod(old);
        var young = node.Kubelet.NextAttempt(old);
        node.Kubelet.Status(old.Sandbox).Status.State.ShouldBe(PodSandboxState.SandboxReady);
        agent.WaitFor(p => p.OfNetns(young.Netns).Any(s => s["k8s_pod_uid"] == young.Uid), "the newer by name");
        var page = agent.AfterPolls(2);
        ShouldNameOnly(page, [old, young]);
        page.Rejected("duplicate").ShouldBe(1);
        ShouldBeTheOneOfItsName(agent, young, old);
    }

    /// <summary>The last figures of pods that ended stay for as long as a reader may need to see them.</summary>
    private static void WaitForNoneBut(NodeAgent agent, IReadOnlyList<Pod> pods) => agent.WaitFor(
        page => page.Named.All(s => pods.Any(p =>
            s["k8s_pod_uid"] == p.Uid && s["netlens_netns"] == p.Netns.ToString(CultureInfo.InvariantCulture))),
        "others have a name still");

    /// <summary>Each of these names all series of its own namespace, and nothing else has a name.</summary>
    private static void ShouldNameOnly(Page page, IReadOnlyList<Pod> pods)
    {
        foreach (var pod in pods)
        {
            page.OfNetns(pod.Netns).ShouldNotBeEmpty(pod.ToString());
            page.OfNetns(pod.Netns).ShouldAllBe(s => s["k8s_pod_uid"] == pod.Uid && s.Pod == pod.ToString());
        }
        page.Named.Select(s => $"{s.Pod} {s["k8s_pod_uid"]} {s["netlens_netns"]}").Distinct()
            .ShouldBe(pods.Select(p => $"{p} {p.Uid} {p.Netns}"), ignoreOrder: true);
    }

    /// <summary>
    /// In a naming that has a pod's name and no UID, the others of its name have the number of their namespace, so that
    /// no series is there twice.
    /// </summary>
    private static void ShouldBeTheOneOfItsName(NodeAgent agent, Pod pod, params Pod[] others)
    {
        var legacy = agent.Page("?naming=kubeskoop").Samples.Where(s => s.Name == "kubeskoop_netdev_rxbytes"
            && s.Has(("k8s_namespace", pod.Namespace), ("k8s_pod", pod.Name)));
        legacy.Select(s => s["netns"] ?? "")
            .ShouldBe(others.Select(o => $"ns{o.Netns}").Append(""), ignoreOrder: true);
        agent.FreshPage().Sum("netlens_prometheus_duplicates_total").ShouldBe(0);
    }

    private static double Sent(Page page, Pod pod) => page.OfPod(pod)
        .Single(s => s.Name == "netlens_netdev_io_bytes_total" && s["network_io_direction"] == "transmit").Value;
}
