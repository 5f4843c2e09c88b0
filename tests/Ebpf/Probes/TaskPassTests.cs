using Collector.Core.Snapshots;
using Collector.Linux;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Processes;
using Collector.Linux.Sources;
using Collector.Tests.Support;
using Ebpf.Tests.Bpf;

namespace Ebpf.Tests.Probes;

/// <summary>What the kernel tells of all processes against the files of each.</summary>
public sealed class TaskPassTests
{
    [RequiresBpfFact]
    public void Every_process_has_the_figures_of_its_files()
    {
        using var host = new LinuxHost(new KernelPaths());
        var builder = new SnapshotBuilder(new SnapshotStore(), TimeProvider.System);
        // No redirection in the loop: dash makes it in the shell itself, and keeps what was there as 10 and 11.
        using var busy = Shell.Start("sh", "-c",
            "ulimit -S -n 77; exec 5</dev/null 6</dev/null; echo; "
            + "while :; do dd if=/dev/zero of=/dev/null bs=100000 count=1 status=none; done");
        try
        {
            // Both descriptors are there, and what they were made of is closed.
            busy.StandardOutput.ReadLine().ShouldNotBeNull();
            var told = 0;
            for (var i = 0; i < 10; i++)
                told += Compare(host, builder, busy.Id) ? 1 : 0;
            // While it reaps a child it is left to its files.
            told.ShouldBeGreaterThan(0);
        }
        finally
        {
            busy.Kill(entireProcessTree: true);
            busy.WaitForExit();
        }
        var part = host.Parts.All.Single(p => p.Name == "processes");
        part.FromKernel.ShouldBeTrue(part.Reason);
        part.Fallbacks.ShouldBe(0);
    }

    [RequiresBpfFact("unshare")]
    public void It_tells_of_namespaces_so_that_no_other_process_is_looked_at_for_one()
    {
        using var late = Shell.Start("sh", "-c", "read x; exec unshare -n sleep 100");
        try
        {
            using var run = new BpfProbeRun("fd");
            var link = $"/proc/{late.Id}/ns/net";
            var old = NsLink.Inode(link);
            BpfProbeRun.Eventually(() =>
            {
                var before = run.Host.Namespaces.ProcessesExamined;
                for (var i = 0; i < 4; i++)
                    run.Collect();
                // Of each of four collections: what began meanwhile, and a witness per namespace without mount.
                (run.Host.Namespaces.ProcessesExamined - before).ShouldBeLessThan(run.Host.Processes.Live.Count);
            });
            late.StandardInput.WriteLine();
            BpfProbeRun.Eventually(() => NsLink.Inode(link).ShouldNotBe(old));
            run.Collect();
            run.Collect();
            run.Host.Namespaces.Find(NsLink.Inode(link)).ShouldNotBeNull();
            run.PartOf("processes").FromKernel.ShouldBeTrue(run.PartOf("processes").Reason);
        }
        finally
        {
            late.Kill();
            late.WaitForExit();
        }
    }

    [RequiresBpfFact]
    public void With_the_source_proc_nothing_is_told()
    {
        using var host = new LinuxHost(new KernelPaths(), source: CollectionSource.Proc);
        var builder = new SnapshotBuilder(new SnapshotStore(), TimeProvider.System);
        builder.Begin();
        host.Refresh(builder.StartTimeOfNew(host.BootTime));
        host.Processes.Refresh(builder);
        host.Processes.Live.ShouldNotContain(p => host.Processes.IsTold(p, TaskFigures.Files));
        host.Parts.All.Single(p => p.Name == "processes").Reason.ShouldBe("collection.source is proc");
    }

    // Every figure lies between those of two looks at the files; only our own child is sure not to open one meanwhile.
    private static bool Compare(LinuxHost host, SnapshotBuilder builder, int child)
    {
        builder.Begin();
        host.Refresh(builder.StartTimeOfNew(host.BootTime));
        var before = Directory.GetDirectories("/proc").Select(Path.GetFileName)
            .Where(n => int.TryParse(n, out _)).ToDictionary(n => int.Parse(n!), n => ReadFiles(int.Parse(n!)));
        host.Processes.Refresh(builder);
        var told = host.Processes.Live
            .Where(p => host.Processes.IsTold(p, TaskFigures.Files | TaskFigures.Io)).ToList();
        told.ShouldContain(p => p.Pid == Environment.ProcessId);
        foreach (var process in told)
        {
            if (before.GetValueOrDefault(process.Pid) is not { } first || ReadFiles(process.Pid) is not { } then)
                continue;
            var now = process.Told.Io;
            now.Covers(first.Io).ShouldBeTrue($"{process.Pid}");
            then.Io.Covers(now).ShouldBeTrue($"{process.Pid}");
            if (process.Pid != child)
                continue;
            process.Told.Open.ShouldBe((uint)first.Open);
            process.Told.FileLimit.ShouldBe(77UL);
        }
        builder.Publish();
        return told.Exists(p => p.Pid == child);
    }

    private static Files? ReadFiles(int pid)
    {
        try
        {
            if (!IoCounters.TryParse(File.ReadAllBytes($"/proc/{pid}/io"), out var io))
                return null;
            return new Files(Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length, io);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private sealed record Files(int Open, IoCounters Io);
}
