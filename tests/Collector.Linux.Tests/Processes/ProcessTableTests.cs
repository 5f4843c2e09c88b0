using Collector.Linux.Probes;
using Collector.Linux.Probes.Node;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Processes;

public class ProcessTableTests
{
    private static ProcessAgent Fds(string proc) => new(host => new Fd(host, ProcessAgent.Settings(Fd.Info)), proc);

    [LabFact]
    public void Each_process_is_listed_once_threads_are_not()
    {
        using var lab = new ProcessLab();
        using var agent = Fds(lab.Proc);
        lab.Do("idle 5");
        lab.Do("fork");
        agent.Tick();
        agent.Host.Processes.Live.Select(p => p.Pid).Order().ShouldBe(lab.Pids.Order());
        var child = agent.Host.Processes.Find(lab.Pids.Max())!;
        child.Parent.ShouldBe(agent.Host.Processes.Find(1));
        lab.Do("exit");
        agent.Tick();
        agent.Host.Processes.Gone.ShouldBe([child]);
        agent.Host.Processes.Live.Count.ShouldBe(1);
        agent.Tick();
        agent.Host.Processes.Gone.ShouldBeEmpty();
    }

    [LabFact]
    public void An_orphan_gets_its_new_parent()
    {
        using var lab = new ProcessLab();
        using var agent = Fds(lab.Proc);
        lab.Do("fork");
        agent.Tick();
        lab.Do("orphan");
        agent.Tick();
        agent.Host.Processes.Find(lab.Pids.Max())!.Parent!.Pid.ShouldBe(1);
    }

    [LabFact]
    public void A_reused_process_id_is_another_process()
    {
        using var lab = new ProcessLab();
        using var agent = Fds(lab.Proc);
        lab.Do("fork");
        agent.Tick();
        var pid = lab.Pids.Max();
        var first = agent.Host.Processes.Find(pid)!;
        lab.Do("exit");
        // Start times are in clock ticks of 10 ms; only a test comes back to an id within one.
        Thread.Sleep(30);
        lab.Do($"nextpid {pid}");
        lab.Do("fork");
        lab.Pids.Max().ShouldBe(pid);
        agent.Tick();
        first.Gone.ShouldBeTrue();
        agent.Host.Processes.Find(pid).ShouldNotBeNull().ShouldNotBe(first);
        agent.Host.Processes.Gone.ShouldBe([first]);
    }

    [LabFact]
    public void A_process_that_enters_another_namespace_takes_its_figures_there()
    {
        using var lab = new ProcessLab();
        using var agent = Fds(lab.Proc);
        lab.Do("fork");
        agent.Tick();
        agent.Rows.Length.ShouldBe(1);
        lab.Do("netns");
        lab.Do("open 40");
        agent.Tick();
        var inode = ProcessLab.NetNamespaceOf($"{lab.Proc}/{lab.Pids.Max()}");
        agent.Value(agent.RowOf(inode).ShouldNotBeNull(), "netlens.fd.count").ShouldBeGreaterThan(40);
    }

    // The lab's own network namespace is the node's for this agent, so a pod in it is a hostNetwork pod.
    [CgroupFact]
    public void A_hostNetwork_pod_is_told_from_the_node_by_its_cgroup()
    {
        var uid = Guid.NewGuid().ToString();
        using var cgroup = new PodCgroup(uid);
        using var lab = new ProcessLab();
        using var agent = Fds(lab.Proc);
        lab.Do("fork");
        lab.Do($"cgroup {cgroup.Path}");
        lab.Do("open 40");
        agent.Tick();
        var row = agent.RowOfPod(uid).ShouldNotBeNull();
        row.Subject!.Inode.ShouldBe(agent.HostRow.Subject!.Inode);
        row.Subject.IsHost.ShouldBeFalse();
        agent.Value(row, "netlens.fd.count").ShouldBeGreaterThan(40);
        agent.Value(agent.HostRow, "netlens.fd.count").ShouldBeLessThan(40);
        lab.Do("exit");
        for (var i = 0; i < 10; i++)
            agent.Tick();
        agent.RowOfPod(uid).ShouldBeNull("a pod without processes is over");
    }

    [CgroupFact]
    public void Pods_that_nobody_knows_are_with_the_node_beyond_a_limit_and_counted()
    {
        string[] uids = [.. Enumerable.Range(0, 3).Select(_ => Guid.NewGuid().ToString())];
        using var first = new PodCgroup(uids[0]);
        using var second = new PodCgroup(uids[1]);
        using var third = new PodCgroup(uids[2]);
        using var lab = new ProcessLab();
        using var agent = new ProcessAgent(
            host => new Fd(host, ProcessAgent.Settings(Fd.Info)), lab.Proc, new() { Containers = 1 });
        foreach (var cgroup in new[] { first, second, third })
        {
            lab.Do("fork");
            lab.Do($"cgroup {cgroup.Path}");
        }
        lab.Do("open 40");
        agent.Tick();
        agent.Rows.Count(r => r.Subject!.Names.PodUid is not null).ShouldBe(1);
        agent.RowOfPod(uids[0]).ShouldNotBeNull("who is there first has the place");
        agent.Value(agent.HostRow, "netlens.fd.count").ShouldBeGreaterThan(40);
        var limit = agent.Host.Limits.Containers;
        limit.ToString().ShouldBe("2 unknown containers are left out: limits.containers is 1");
        lab.Do("fork");
        agent.Tick();
        limit.LeftOut.ShouldBe(2, "pods, not processes");
        lab.Do("exit");
        lab.Do("exit");
        agent.Tick();
        limit.LeftOut.ShouldBe(1);
        lab.Do("exit");
        agent.Tick();
        limit.LeftOut.ShouldBe(0);
    }

    [LabFact]
    public void Two_probes_share_one_walk()
    {
        using var lab = new ProcessLab();
        using var agent = Fds(lab.Proc);
        agent.Tick();
        var table = agent.Host.Processes;
        using var io = new Io(agent.Host, ProcessAgent.Settings(Io.Info));
        io.Start();
        agent.Host.Processes.ShouldBe(table);
    }
}
