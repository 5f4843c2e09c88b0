using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Kernel;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Node;
using Collector.Linux.Tests.Processes;

namespace Collector.Linux.Tests.Probes;

public class FdTests
{
    private static ProcessAgent Agent(string proc, params string[] settings) =>
        new(host => new Fd(host, ProcessAgent.Settings(Fd.Info, settings)), proc);

    // ls is the independent count; find has none of our reading in it either.
    private static int Ls(ProcessLab lab, int pid) =>
        ProcessLab.Run("ls", "-1", $"{lab.Proc}/{pid}/fd").Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;

    private static bool Refuses(string link)
    {
        try
        {
            return new FileInfo(link).LinkTarget is null;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            return true;
        }
    }

    private static int Sockets(ProcessLab lab, int pid) =>
        ProcessLab.Run("find", $"{lab.Proc}/{pid}/fd", "-lname", "socket:*")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;

    [LabTheory]
    [InlineData("sockets=false")]
    [InlineData("sockets=true")]
    public void Count_equals_ls(string setting)
    {
        using var lab = new ProcessLab();
        lab.Do("open 100");
        lab.Do("fork");
        lab.Do("socket 30");
        using var agent = Agent(lab.Proc, setting);
        agent.Tick();
        agent.Value(agent.HostRow, "netlens.fd.count").ShouldBe(lab.Pids.Sum(pid => Ls(lab, pid)));
    }

    [LabTheory]
    [InlineData("sockets=false")]
    [InlineData("sockets=true")]
    public void A_process_whose_main_thread_ended_counts_with_the_files_of_the_others(string setting)
    {
        using var lab = new ProcessLab();
        lab.Do("fork");
        lab.Do("open 100");
        lab.Do("netns");
        using var early = Agent(lab.Proc, setting);
        early.Tick();
        lab.Do("outlive");
        using var late = Agent(lab.Proc, setting);
        var pid = lab.Pids.Max();
        File.ReadAllText($"{lab.Proc}/{pid}/stat").ShouldContain(") Z ");
        var thread = Directory.GetDirectories($"{lab.Proc}/{pid}/task").Select(Path.GetFileName)
            .Single(t => t != $"{pid}");
        var inode = ProcessLab.NetNamespaceOf($"{lab.Proc}/{thread}");
        foreach (var agent in new[] { early, late })
        {
            agent.Tick();
            var row = agent.RowOf(inode).ShouldNotBeNull("its namespace is found");
            agent.Value(row, "netlens.fd.count").ShouldBe(Ls(lab, int.Parse(thread!)));
        }
    }

    [LabFact]
    public void Sockets_equal_find()
    {
        using var lab = new ProcessLab();
        lab.Do("open 20");
        lab.Do("fork");
        lab.Do("socket 30");
        using var agent = Agent(lab.Proc, "sockets=true");
        agent.Tick();
        var expected = lab.Pids.Sum(pid => Sockets(lab, pid));
        expected.ShouldBe(30);
        agent.Value(agent.HostRow, "netlens.fd.socket.count").ShouldBe(expected);
    }

    [LabFact]
    public void Sockets_are_absent_unless_asked_for()
    {
        using var lab = new ProcessLab();
        using var agent = Agent(lab.Proc);
        agent.Tick();
        agent.Value(agent.HostRow, "netlens.fd.socket.count").ShouldBe(Metric.Absent);
    }

    [LabFact]
    public void Threads_do_not_multiply_descriptors()
    {
        using var lab = new ProcessLab();
        lab.Do("open 50");
        using var agent = Agent(lab.Proc);
        agent.Tick();
        var before = agent.Value(agent.HostRow, "netlens.fd.count");
        lab.Do("idle 10");
        agent.Tick();
        agent.Value(agent.HostRow, "netlens.fd.count").ShouldBe(before);
    }

    [LabFact]
    public void Utilization_is_that_of_the_fullest_process()
    {
        using var lab = new ProcessLab();
        lab.Do("fork");
        lab.Do("limit 200");
        lab.Do("open 120");
        using var agent = Agent(lab.Proc);
        agent.Tick();
        var fullest = lab.Pids.Max();
        var expected = Ls(lab, fullest) / 200.0;
        var metric = Fd.Info.Metrics.Single(m => m.Name == "netlens.fd.utilization");
        (agent.Value(agent.HostRow, metric.Name) * metric.Scale).ShouldBe(expected, 1e-6);
    }

    [LabFact]
    public void Two_namespaces_have_a_row_each_and_one_that_ends_takes_its_row_along()
    {
        using var lab = new ProcessLab();
        using var agent = Agent(lab.Proc);
        lab.Do("fork");
        lab.Do("netns");
        lab.Do("open 60");
        agent.Tick();
        var inode = ProcessLab.NetNamespaceOf($"{lab.Proc}/{lab.Pids.Max()}");
        agent.Value(agent.RowOf(inode)!, "netlens.fd.count").ShouldBe(Ls(lab, lab.Pids.Max()));
        agent.Value(agent.HostRow, "netlens.fd.count").ShouldBe(Ls(lab, 1));
        lab.Do("exit");
        agent.Tick();
        agent.Rows.Length.ShouldBe(1);
    }

    [LabTheory]
    [InlineData("sockets=false")]
    [InlineData("sockets=true")]
    public void A_steady_collection_allocates_nothing(string setting)
    {
        using var lab = new ProcessLab();
        lab.Do("socket 10");
        lab.Do("fork");
        lab.Do("netns");
        using var agent = Agent(lab.Proc, setting);
        agent.AllocatedInSteadyState().ShouldBe(0);
    }

    [LabFact]
    public void On_the_whole_machine_the_agents_own_process_is_there()
    {
        using var agent = Agent("/proc");
        agent.Tick();
        agent.Host.Processes.Find(Environment.ProcessId).ShouldNotBeNull().Group.ShouldNotBeNull();
        agent.Value(agent.HostRow, "netlens.fd.count").ShouldBeGreaterThan(3);
        // Even root is refused where a process has more capabilities than it (ptrace(2), access mode checking).
        var refused = agent.Host.Processes.Live.Where(p => p.Denied).ToArray();
        agent.Failures.ShouldBe(refused.Select(_ => "permission"));
        refused.ShouldAllBe(p => Refuses($"/proc/{p.Pid}/ns/net"));
    }

    [LabFact]
    public void A_recorded_tree_has_no_processes()
    {
        var folder = Directory.CreateTempSubdirectory("netlens-fd-");
        try
        {
            using var host = new LinuxHost(new KernelPaths(folder.FullName, folder.FullName, Recorded: true));
            using var probe = new Fd(host, ProcessAgent.Settings(Fd.Info));
            Should.Throw<ProbeUnavailableException>(probe.Start).Message.ShouldContain("recorded");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
