using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Node;
using Collector.Linux.Sources;
using Collector.Tests.Support;
using Ebpf.Tests.Lab;

namespace Ebpf.Tests.Probes;

/// <summary>The figures about the agent's own programs.</summary>
public sealed class EbpfTests
{
    private readonly SnapshotBuilder _collections = new(new SnapshotStore(), TimeProvider.System);

    [RequiresBpfFact]
    public void Each_loaded_probe_tells_its_memory_its_losses_and_its_programs()
    {
        using var run = new BpfProbeRun("packetloss");
        var figures = new Figures(run.Host);
        figures.Value("netlens.ebpf.memory", "packetloss").ShouldBeGreaterThan(64 * 1024);
        figures.Value("netlens.ebpf.lost", "packetloss", "event_buffer_full").ShouldBe(0);
        figures.Value("netlens.ebpf.lost", "packetloss", "map_full").ShouldBe(0);
        figures.Value("netlens.ebpf.lost", "packetloss", "undecoded").ShouldBe(0);
        // It notes no packets whose place another may take: TransmitTests has one that does.
        figures.Names("netlens.ebpf.lost").Select(row => row.Tags[1].Text)
            .ShouldBe(["event_buffer_full", "map_full", "undecoded", "queue_full"]);
        figures.Names("netlens.ebpf.program.missed").ShouldNotBeEmpty();
        run.Probe.Dispose();
        figures.Names("netlens.ebpf.memory").ShouldBeEmpty();
    }

    [RequiresBpfFact("sysctl")]
    public void With_statistics_switched_on_it_tells_what_a_program_costs()
    {
        using var run = new BpfProbeRun("packetloss");
        var figures = new Figures(run.Host);
        var before = Shell.Run("sysctl", "-n", "kernel.bpf_stats_enabled").Trim();
        Shell.Run("sysctl", "-q", "-w", "kernel.bpf_stats_enabled=1");
        try
        {
            using var ns = new TestNetns();
            ns.Inside(static () => SendToNobody(50));
            var runs = figures.Values("netlens.ebpf.program.runs").Sum();
            runs.ShouldBeGreaterThanOrEqualTo(50);
            figures.Values("netlens.ebpf.program.time").Sum().ShouldBeGreaterThan(runs);
        }
        finally
        {
            Shell.Run("sysctl", "-q", "-w", $"kernel.bpf_stats_enabled={before}");
        }
    }

    /// <summary>Only the window counts, whatever the setting is; bpftool reads the kernel's figures itself.</summary>
    [RequiresBpfFact("bpftool")]
    public void Programs_are_measured_in_a_window_without_the_setting()
    {
        var others = Programs();
        using var run = new BpfProbeRun("packetloss");
        var costs = run.Host.Bpf.Costs;
        var figures = new Figures(run.Host);
        figures.Names("netlens.ebpf.program.cpu.utilization").ShouldBeEmpty();
        costs.TryBegin().ShouldBeTrue(costs.Hindrance);
        using var ns = new TestNetns();
        ns.Inside(static () => SendToNobody(50));
        costs.End(whole: true);

        figures.Values("netlens.ebpf.program.runs").Sum().ShouldBeGreaterThanOrEqualTo(50);
        costs.Of("packetloss").ShouldBeGreaterThan(0);
        figures.Value("netlens.ebpf.cpu.utilization", "packetloss").ShouldBe(costs.Of("packetloss"));
        figures.Values("netlens.ebpf.program.cpu.utilization").Sum().ShouldBe(costs.Of("packetloss"));
        costs.TryBegin().ShouldBeFalse("the next is due in a minute");
        var time = figures.Values("netlens.ebpf.program.time").Sum();
        if (File.ReadAllText("/proc/sys/kernel/bpf_stats_enabled").Trim() == "0")
        {
            ns.Inside(static () => SendToNobody(50));
            figures.Values("netlens.ebpf.program.time").Sum().ShouldBe(time);
            BpftoolTime(Programs().Except(others)).ShouldBe(time);
        }
    }

    // Of this process, whoever has loaded them.
    private static string[] Programs() => [.. Directory.GetFiles("/proc/self/fd")
        .Where(f => new FileInfo(f).LinkTarget == "anon_inode:bpf-prog")
        .Select(f => File.ReadAllLines($"/proc/self/fdinfo/{Path.GetFileName(f)}"))
        .Select(lines => lines.Single(l => l.StartsWith("prog_id:", StringComparison.Ordinal)).Split('\t')[1])
        .Distinct()];

    private static long BpftoolTime(IEnumerable<string> programs) => programs
        .Select(id => JsonDocument.Parse(Shell.Run("bpftool", "-j", "prog", "show", "id", id)).RootElement)
        .Sum(p => p.TryGetProperty("run_time_ns", out var time) ? time.GetInt64() : 0);

    private static void SendToNobody(int count)
    {
        using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        for (var i = 0; i < count; i++)
            sender.SendTo("x"u8, new IPEndPoint(IPAddress.Loopback, 9));
    }

    [RequiresBpfFact]
    public void What_the_passes_load_is_told_and_is_given_back_while_proc_is_wanted()
    {
        using var host = new LinuxHost(new KernelPaths(), LabOptions);
        var figures = new Figures(host);
        var before = InKernel();
        AskAll(host);
        string[] loaded = [.. figures.Names("netlens.ebpf.memory").Select(r => r.Tags[0].Text)];
        loaded.ShouldBe(["namespaces", "sockets", "tasks"], ignoreOrder: true);
        figures.Value("netlens.ebpf.memory", "namespaces").ShouldBeGreaterThan(100 * 1024);
        figures.Value("netlens.ebpf.program.missed", "namespaces", "read_words", "run").ShouldBe(0);
        figures.Value("netlens.ebpf.program.missed", "tasks", "read_tasks", "iter/task").ShouldBe(0);
        var with = InKernel();
        with.ShouldBeGreaterThan(before + 20);

        host.Reconfigure(CollectionSource.Proc);
        InKernel().ShouldBe(before);
        figures.Names("netlens.ebpf.memory").ShouldBeEmpty();
        AskAll(host);
        InKernel().ShouldBe(before);

        host.Reconfigure(CollectionSource.Auto);
        AskAll(host);
        InKernel().ShouldBe(with);
        host.Parts.All.Where(p => p.IsChosen).ShouldAllBe(p => p.FromKernel);
    }

    [RequiresBpfFact]
    public void What_was_refused_is_tried_again_and_what_is_not_wanted_is_not()
    {
        using var host = new LinuxHost(new KernelPaths(), LabOptions);
        AskAll(host);
        var mib = host.Parts.All.Single(p => p.Name == "mib");
        mib.Choose(false, "it was refused");
        AskAll(host);
        mib.Reason.ShouldBe("it was refused");
        for (var i = 0; i < 240; i++)
            host.Refresh(0);
        AskAll(host);
        mib.FromKernel.ShouldBeTrue(mib.Reason);
    }

    private static BpfOptions LabOptions => new()
    {
        BtfFolder = LabMachine.BtfFile is { } file ? Path.GetDirectoryName(file)! : "",
    };

    /// <summary>One collection of each part but connection tracking, which may not be loaded here.</summary>
    private void AskAll(LinuxHost host)
    {
        var builder = _collections;
        builder.Begin();
        host.Refresh(builder.StartTimeOfNew(host.BootTime));
        host.Mib.ReadSockets(host.Namespaces.Host, builder.Tick);
        host.Sockets.PassOf(builder.Tick);
        host.Processes.Refresh(builder);
        builder.Publish();
    }

    /// <summary>Programs, maps and attachments that this process holds.</summary>
    private static int InKernel() => Directory.GetFiles("/proc/self/fd")
        .Select(f => new FileInfo(f).LinkTarget ?? "")
        .Count(l => l.StartsWith("anon_inode:bpf", StringComparison.Ordinal));

    /// <summary>Collects the probe under test next to the one that it tells about.</summary>
    internal sealed class Figures(LinuxHost host)
    {
        private readonly Collector.Linux.Probes.Node.Ebpf _probe = new(host);
        private readonly SnapshotBuilder _builder = new(new SnapshotStore(), TimeProvider.System);

        public long Value(string metric, params TagValue[] tags) => Rows(metric, tags).Single().Value;

        public IEnumerable<long> Values(string metric) => Rows(metric, []).Select(r => r.Value);

        public IEnumerable<Row> Names(string metric) => Rows(metric, []).Select(r => r.Row);

        private List<(Row Row, long Value)> Rows(string metric, TagValue[] tags)
        {
            _builder.Begin();
            _builder.Enter("ebpf");
            _probe.Collect(_builder);
            var snapshot = _builder.Publish();
            var m = Collector.Linux.Probes.Node.Ebpf.Info.Metrics.Single(x => x.Name == metric);
            var rows = new List<(Row, long)>();
            if (snapshot.Find(m.Table) is not { } table)
                return rows;
            for (var r = 0; r < table.Count; r++)
            {
                if (table.Rows[r].Tags.Take(tags.Length).SequenceEqual(tags) && table.Column(m)[r] != Metric.Absent)
                    rows.Add((table.Rows[r], table.Column(m)[r]));
            }
            return rows;
        }
    }
}
