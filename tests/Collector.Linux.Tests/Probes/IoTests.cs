using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Node;
using Collector.Linux.Tests.Processes;

namespace Collector.Linux.Tests.Probes;

public class IoTests
{
    private static ProcessAgent Agent(string proc, params string[] settings) =>
        new(host => new Io(host, ProcessAgent.Settings(Io.Info, settings)), proc);

    private static long Writes(ProcessAgent agent, Row row) => agent.Value(row, "netlens.io.calls", "write");

    [LabFact]
    public void Lifetime_totals_equal_what_cat_reads()
    {
        using var lab = new ProcessLab();
        lab.Do("write 500");
        using var agent = Agent(lab.Proc, "lifetime=true", "include=all");
        agent.Tick();
        AssertTruth(agent, lab);
        agent.HostRow.StartTime.ShouldBe(agent.Host.BootTime);
    }

    [LabFact]
    public void A_process_whose_main_thread_ended_goes_on_counting()
    {
        using var lab = new ProcessLab();
        lab.Do("fork");
        lab.Do("netns");
        lab.Do("outlive");
        using var agent = Agent(lab.Proc);
        agent.Tick();
        var pid = lab.Pids.Max();
        var before = lab.Io(pid, "syscw");
        lab.Do("write 70");
        agent.Tick();
        Writes(agent, agent.Rows.Single(r => !r.Subject!.IsHost)).ShouldBe(lab.Io(pid, "syscw") - before);
    }

    [LabFact]
    public void Totals_begin_at_zero_with_the_first_look()
    {
        using var lab = new ProcessLab();
        lab.Do("write 500");
        using var agent = Agent(lab.Proc);
        agent.Tick();
        Writes(agent, agent.HostRow).ShouldBe(0);
        agent.HostRow.StartTime.ShouldBe(agent.Snapshot.Time);
        var before = lab.Io("syscw");
        lab.Do("write 70");
        agent.Tick();
        Writes(agent, agent.HostRow).ShouldBe(lab.Io("syscw") - before);
    }

    [Fact]
    public void A_process_that_could_not_be_placed_at_first_does_not_bring_its_past()
    {
        var proc = Directory.CreateTempSubdirectory("netlens-test-").FullName;
        try
        {
            Directory.CreateDirectory($"{proc}/self");
            File.WriteAllText($"{proc}/self/mountinfo", "");
            File.WriteAllText($"{proc}/loadavg", "0.00 0.00 0.00 1/1 2\n");
            AddProcess(proc, 1, 100);
            AddProcess(proc, 10, 200);
            var net = $"{proc}/10/ns/net";
            var namespaceOf10 = new FileInfo(net).LinkTarget!;
            File.Move($"{proc}/10/ns/{namespaceOf10}", $"{proc}/10/ns/kept");
            SetWrites(proc, 10, 1_000_000);
            using var agent = Agent(proc);
            agent.Tick();
            File.Move($"{proc}/10/ns/kept", $"{proc}/10/ns/{namespaceOf10}");
            agent.Tick();
            SetWrites(proc, 10, 1_000_005);
            AddProcess(proc, 11, 300, namespaceOf10);
            SetWrites(proc, 11, 7);
            agent.Tick();
            var row = agent.Snapshot.Find(Io.Info.Tables[0])!.Rows.ToArray().Single(r => !r.Subject!.IsHost);
            Writes(agent, row).ShouldBe(5 + 7);
        }
        finally
        {
            Directory.Delete(proc, recursive: true);
        }
    }

    private static void AddProcess(string proc, int pid, long start, string? ns = null)
    {
        var folder = Directory.CreateDirectory($"{proc}/{pid}/ns").FullName;
        if (ns is null)
        {
            File.WriteAllText($"{folder}/new", "");
            using (var fd = Collector.Linux.Interop.SafeFd.Open($"{folder}/new"))
                ns = $"net:[{fd.Inode()}]";
            File.Move($"{folder}/new", $"{folder}/{ns}");
        }
        File.CreateSymbolicLink($"{folder}/net", ns);
        File.WriteAllText($"{proc}/{pid}/stat", $"{pid} (x) S {(pid == 1 ? 0 : 1)} 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 {start} 0 0\n");
        File.WriteAllText($"{proc}/{pid}/cgroup", "0::/\n");
        SetWrites(proc, pid, 0);
    }

    private static void SetWrites(string proc, int pid, long calls) => File.WriteAllText($"{proc}/{pid}/io",
        $"rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: {calls}\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n");

    [LabFact]
    public void Threads_are_not_counted_again()
    {
        using var lab = new ProcessLab();
        using var agent = Agent(lab.Proc, "lifetime=true", "include=all");
        lab.Do("idle 8");
        lab.Do("thread 3 200");
        agent.Tick();
        Directory.GetDirectories($"{lab.Proc}/1/task").Length.ShouldBeGreaterThan(8);
        AssertTruth(agent, lab);
    }

    [LabFact]
    public void A_child_that_was_seen_counts_once_when_its_parent_reaps_it()
    {
        using var lab = new ProcessLab();
        using var agent = Agent(lab.Proc, "lifetime=true", "include=all");
        agent.Tick();
        lab.Do("fork");
        lab.Do("write 1000");
        agent.Tick();
        AssertTruth(agent, lab);
        lab.Do("write 30");
        lab.Do("exit");
        agent.Tick();
        AssertTruth(agent, lab);
        agent.Tick();
        AssertTruth(agent, lab);
    }

    [LabFact]
    public void Generations_that_die_together_count_once()
    {
        using var lab = new ProcessLab();
        using var agent = Agent(lab.Proc, "lifetime=true", "include=all");
        agent.Tick();
        lab.Do("fork");
        lab.Do("write 300");
        lab.Do("fork");
        lab.Do("write 200");
        lab.Do("fork");
        lab.Do("write 100");
        agent.Tick();
        AssertTruth(agent, lab);
        lab.Do("exit");
        lab.Do("exit");
        lab.Do("exit");
        agent.Tick();
        lab.Pids.Count().ShouldBe(1);
        AssertTruth(agent, lab);
    }

    [LabFact]
    public void Children_born_and_dead_between_two_looks_count_through_their_parent()
    {
        using var lab = new ProcessLab();
        using var agent = Agent(lab.Proc, "lifetime=true", "include=all");
        agent.Tick();
        var before = Writes(agent, agent.HostRow);
        lab.Do("burst 20 100");
        agent.Tick();
        AssertTruth(agent, lab);
        Writes(agent, agent.HostRow).ShouldBe(before + 20 * 100 + 1);
    }

    [LabFact]
    public void An_orphan_counts_once_when_another_than_its_parent_reaps_it()
    {
        using var lab = new ProcessLab();
        using var agent = Agent(lab.Proc, "lifetime=true", "include=all");
        lab.Do("fork");
        agent.Tick();
        lab.Do("orphan");
        lab.Do("write 400");
        agent.Tick();
        AssertTruth(agent, lab);
        lab.Do("exit");
        agent.Tick();
        // The lab's init is blocked in waitpid and reaps the orphan, maybe a moment after that collection.
        SpinWait.SpinUntil(() => lab.Pids.Count() == 2, TimeSpan.FromSeconds(10)).ShouldBeTrue();
        agent.Tick();
        AssertTruth(agent, lab);
    }

    // With SIGCHLD ignored the kernel drops the child's figures. Those that were seen stay; the rest is the child's
    // reading of "exit".
    [LabFact]
    public void A_child_that_nobody_reaps_leaves_its_share_in_the_total()
    {
        using var lab = new ProcessLab();
        using var agent = Agent(lab.Proc, "lifetime=true", "include=all");
        lab.Do("ignore");
        lab.Do("write 5000");
        agent.Tick();
        lab.Do("fork");
        lab.Do("write 1000");
        agent.Tick();
        AssertTruth(agent, lab);
        var child = lab.Pids.Max();
        var (writes, reads) = (lab.Io(child, "syscw"), lab.Io(child, "syscr"));
        lab.Do("exit");
        lab.Do("write 5000");
        agent.Tick();
        Writes(agent, agent.HostRow).ShouldBe(lab.Io("syscw") + writes);
        agent.Value(agent.HostRow, "netlens.io.calls", "read").ShouldBe(lab.Io("syscr") + reads);
    }

    [LabFact]
    public void A_child_in_another_namespace_is_not_given_to_its_parents_when_it_ends()
    {
        using var lab = new ProcessLab();
        using var agent = Agent(lab.Proc, "lifetime=true");
        agent.Tick();
        lab.Do("fork");
        lab.Do("netns");
        lab.Do("write 600");
        agent.Tick();
        var inode = ProcessLab.NetNamespaceOf($"{lab.Proc}/{lab.Pids.Max()}");
        var row = agent.RowOf(inode).ShouldNotBeNull();
        Writes(agent, row).ShouldBe(lab.Io(lab.Pids.Max(), "syscw"));
        var outside = Writes(agent, agent.HostRow);
        var inside = Writes(agent, row);
        lab.Do("exit");
        agent.Tick();
        agent.RowOf(inode).ShouldBeNull("the namespace ended with its last process");
        Writes(agent, agent.HostRow).ShouldBe(outside + 1, "only the parent's own ok");
        (Writes(agent, agent.HostRow) + inside).ShouldBe(lab.Io("syscw"));
    }

    [LabFact]
    public void Counters_never_fall_and_never_reset()
    {
        using var lab = new ProcessLab();
        using var agent = Agent(lab.Proc);
        var last = -1L;
        for (var i = 0; i < 12; i++)
        {
            lab.Do(i % 3 == 0 ? "fork" : i % 3 == 1 ? "write 250" : "exit");
            agent.Tick();
            var now = Writes(agent, agent.HostRow);
            now.ShouldBeGreaterThanOrEqualTo(last);
            last = now;
        }
        var row = agent.HostRow;
        foreach (var metric in Io.Info.Metrics)
            row.StartTimeOf(metric.Column).ShouldBe(row.StartTime);
    }

    [LabFact]
    public void Bytes_leave_only_when_asked_for()
    {
        using var lab = new ProcessLab();
        using var agent = Agent(lab.Proc);
        agent.Tick();
        agent.HostRow.Table.Metrics.Where(m => m.Named).Select(m => m.Name).Distinct()
            .ShouldBe(["netlens.io.calls"]);
        using var asked = Agent(lab.Proc, "include=all");
        asked.Tick();
        asked.HostRow.Table.Metrics.Where(m => m.Named).Select(m => m.Name).Distinct()
            .ShouldBe(["netlens.io.calls", "netlens.io.storage", "netlens.io.transferred"]);
    }

    [LabFact]
    public void A_steady_collection_allocates_nothing()
    {
        using var lab = new ProcessLab();
        lab.Do("fork");
        lab.Do("netns");
        using var agent = Agent(lab.Proc, "include=all");
        agent.AllocatedInSteadyState().ShouldBe(0);
    }

    // The old names, each letter of them: dashboards were made with these.
    [Fact]
    public void Legacy_names_are_those_of_the_old_exporters()
    {
        Io.Info.Metrics.Select(m => m.KubeSkoop).Where(names => names.Count > 0).Select(names => names[0]).ShouldBe(
        [
            "kubeskoop_io_readsyscall", "kubeskoop_io_writesyscall", "kubeskoop_io_readbytes",
            "kubeskoop_io_writebytes",
        ]);
        Io.Info.Metrics.SelectMany(m => m.Inspector).ShouldBe(
        [
            "inspector_pod_ioioreadsyscall", "inspector_pod_ioiowritesyscall", "inspector_pod_ioioreadbytes",
            "inspector_pod_ioiowritebytes", "inspector_pod_ioiowritebyres",
        ]);
    }

    private static void AssertTruth(ProcessAgent agent, ProcessLab lab)
    {
        var row = agent.HostRow;
        agent.Value(row, "netlens.io.calls", "read").ShouldBe(lab.Io("syscr"));
        agent.Value(row, "netlens.io.calls", "write").ShouldBe(lab.Io("syscw"));
        agent.Value(row, "netlens.io.storage", "read").ShouldBe(lab.Io("read_bytes"));
        agent.Value(row, "netlens.io.storage", "write").ShouldBe(lab.Io("write_bytes"));
        agent.Value(row, "netlens.io.transferred", "read").ShouldBe(lab.Io("rchar"));
        agent.Value(row, "netlens.io.transferred", "write").ShouldBe(lab.Io("wchar"));
    }
}
