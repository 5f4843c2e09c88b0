using System.Diagnostics;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Subjects;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

public sealed class BioLatencyTests
{
    private const string Duration = "netlens.biolatency.duration";
    private const int Block = 65536;
    private const int Count = 20;

    [RequiresBpfFact("losetup", "dd", "unshare")]
    public void Requests_are_counted_as_the_kernel_counts_them_each_to_its_pod_and_told_with_who_asked()
    {
        using var disk = new LoopDevice(8);
        using var quiet = new LoopDevice(1);
        using var pod = new LabPod("blkio", "io");
        pod.Start("sleep", "1000");
        using var run = new BpfProbeRun("biolatency", null, ("slow", "0ms"), ("burst", "1000"), ("include", "all"));
        var before = disk.Statistics();
        var ours = Read(run, disk.Name);

        pod.Run("dd", "if=/dev/zero", $"of={disk.Device}", $"bs={Block}", $"count={Count}", "oflag=direct");
        Shell.Run("unshare", "-Urn",
            "dd", $"if={disk.Device}", "of=/dev/null", $"bs={Block}", $"count={Count / 2}", "iflag=direct");

        BpfProbeRun.Eventually(() =>
        {
            var (theirs, now) = (disk.Statistics(), Read(run, disk.Name));
            (now.Reads - ours.Reads).ShouldBe(theirs.Reads - before.Reads);
            (now.Writes - ours.Writes).ShouldBe(theirs.Writes - before.Writes);
            (now.Bytes - ours.Bytes).ShouldBe(512
                * (theirs.ReadSectors - before.ReadSectors + theirs.WrittenSectors - before.WrittenSectors));
        });
        var all = Read(run, disk.Name);
        all.WritesOf(pod.Uid).ShouldBe(Count, "dd's are the pod's");
        all.ReadsOf(pod.Uid).ShouldBe(0, "these were the node's");
        all.Kinds.ShouldBe([SubjectKind.Node, SubjectKind.Pod], ignoreOrder: true);
        all.InDevice.ShouldBe(all.Total, "each was issued");
        all.DeviceNanoseconds.ShouldBeInRange(1, all.Nanoseconds);
        run.Collect();
        Read(run, quiet.Name).Total.ShouldBe(0);

        BpfProbeRun.Eventually(() => Told(run, disk.Name, "write").Length.ShouldBe(Count));
        var told = Told(run, disk.Name, "write");
        told.Select(e => e.Number("netlens.block.offset")).Order()
            .ShouldBe(Enumerable.Range(0, Count).Select(i => (long)i * Block));
        told.ShouldAllBe(e => e.Number("netlens.block.size") == Block && e.Number("netlens.block.failed") == 0
            && e.Subject!.IsHost && e.Duration == e.Number("netlens.block.duration"));
        told.ShouldContain(e => e.Process!.Command == "dd");
        told.ShouldAllBe(e => !e.Rootless);
        BpfProbeRun.Eventually(() => Told(run, disk.Name, "read").ShouldContain(e => e.Rootless && !e.Subject!.IsHost));
        run.Failures.ShouldBeEmpty();
        run.Allocated(20).ShouldBe(0);
    }

    /// <summary>A disk whose file is in a frozen file system does not write until that thaws.</summary>
    [RequiresBpfFact("losetup", "dd", "mkfs.ext4", "mount", "fsfreeze")]
    public void A_slow_request_is_told_with_what_it_took_and_fast_ones_are_not()
    {
        using var below = new LoopDevice(16);
        var folder = Directory.CreateTempSubdirectory("netlens-frozen-");
        Shell.Run("mkfs.ext4", "-q", "-O", "^has_journal", below.Device);
        Shell.Run("mount", below.Device, folder.FullName);
        try
        {
            using var disk = new LoopDevice(4, folder.FullName);
            using var run = new BpfProbeRun("biolatency", null, ("slow", "150ms"));
            Write(disk).WaitForExit();

            var took = Stopwatch.StartNew();
            Shell.Run("fsfreeze", "--freeze", folder.FullName);
            Process dd;
            try
            {
                dd = Write(disk);
                BpfProbeRun.Eventually(() => disk.InFlight.ShouldBeGreaterThan(0));
                Thread.Sleep(200);
            }
            finally
            {
                Shell.Run("fsfreeze", "--unfreeze", folder.FullName);
            }
            dd.WaitForExit();
            took.Stop();

            var e = run.Events.Await(e => e.Text("system.device") == disk.Name);
            e.Number("netlens.block.duration").ShouldBeInRange(200_000_000, (long)took.Elapsed.TotalNanoseconds);
            e.Text("netlens.block.operation").ShouldBe("write");
            e.Message.ShouldStartWith($"{disk.Name} took ");
            run.ShouldKeep(e);
            run.Events.All.Count(e => e.Text("system.device") == disk.Name).ShouldBe(1);

            run.Probe.Reconfigure(ProbeSettings.Of(run.Probe.Info, ("slow", "1h"))).ShouldBeTrue();
            var told = run.Events.All.Length;
            Write(disk).WaitForExit();
            run.Collect();
            run.Events.All.Length.ShouldBe(told);
        }
        finally
        {
            Shell.Run("umount", folder.FullName);
            folder.Delete();
        }
    }

    private static Process Write(LoopDevice disk) =>
        Shell.Start("dd", "if=/dev/zero", $"of={disk.Device}", "bs=4096", "count=1", "oflag=direct");

    private static Collector.Core.Events.NetworkEvent[] Told(BpfProbeRun run, string device, string operation) =>
    [
        .. run.Events.All.Where(e =>
            e.Text("system.device") == device && e.Text("netlens.block.operation") == operation),
    ];

    private static Figures Read(BpfProbeRun run, string device)
    {
        var snapshot = run.Collect();
        var figures = new Figures();
        foreach (var table in snapshot.Tables.Where(t => t.Info.Id == "biolatency"))
        {
            for (var r = 0; r < table.Count; r++)
            {
                if (table.Rows[r].Tags[0].Text != device)
                    continue;
                long Sum(string name) => Cells(name)[..^1].Sum();
                long[] Cells(string name)
                {
                    var metric = table.Info.Metrics.Single(m => m.Name == name);
                    return [.. Enumerable.Range(metric.Column, metric.Width).Select(c => table.Column(c)[r])];
                }

                figures.Add(new(table.Rows[r].Subject!, table.Rows[r].Tags[1].Text, Sum(Duration),
                    Cells(Duration)[^1], Sum("netlens.biolatency.device.duration"),
                    Cells("netlens.biolatency.device.time")[0], Cells("netlens.biolatency.size")[0]));
            }
        }
        return figures;
    }

    private sealed record Figure(
        Subject Subject, string Operation, long Total, long Nanoseconds, long InDevice, long DeviceNanoseconds,
        long Bytes);

    /// <summary>The rows of one device.</summary>
    private sealed class Figures : List<Figure>
    {
        public long Reads => this.Where(f => f.Operation == "read").Sum(f => f.Total);

        public long Writes => this.Where(f => f.Operation == "write").Sum(f => f.Total);

        public long Total => this.Sum(f => f.Total);

        public long InDevice => this.Sum(f => f.InDevice);

        public long Nanoseconds => this.Sum(f => f.Nanoseconds);

        public long DeviceNanoseconds => this.Sum(f => f.DeviceNanoseconds);

        public long Bytes => this.Sum(f => f.Bytes);

        public IEnumerable<SubjectKind> Kinds => this.Select(f => f.Subject.Kind).Distinct();

        public long WritesOf(string uid) => Of(uid, "write");

        public long ReadsOf(string uid) => Of(uid, "read");

        private long Of(string uid, string operation) => this
            .Where(f => f.Subject.Names.PodUid == uid && f.Operation == operation).Sum(f => f.Total);
    }
}
