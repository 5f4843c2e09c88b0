using System.Net;
using System.Net.Sockets;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Node;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>The figures about the agent's own programs.</summary>
public sealed class EbpfTests
{
    [RequiresBpfFact]
    public void Each_loaded_probe_tells_its_memory_its_losses_and_its_programs()
    {
        using var run = new BpfProbeRun("packetloss");
        var figures = new Figures(run.Host);
        figures.Value("netlens.ebpf.memory", "packetloss").ShouldBeGreaterThan(64 * 1024);
        figures.Value("netlens.ebpf.lost", "packetloss", "event_buffer_full").ShouldBe(0);
        figures.Value("netlens.ebpf.lost", "packetloss", "map_full").ShouldBe(0);
        figures.Value("netlens.ebpf.lost", "packetloss", "undecoded").ShouldBe(0);
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
            ns.Inside(static () =>
            {
                using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                for (var i = 0; i < 50; i++)
                    sender.SendTo("x"u8, new IPEndPoint(IPAddress.Loopback, 9));
            });
            var runs = figures.Values("netlens.ebpf.program.runs").Sum();
            runs.ShouldBeGreaterThanOrEqualTo(50);
            figures.Values("netlens.ebpf.program.time").Sum().ShouldBeGreaterThan(runs);
        }
        finally
        {
            Shell.Run("sysctl", "-q", "-w", $"kernel.bpf_stats_enabled={before}");
        }
    }

    /// <summary>Collects the probe under test next to the one that it tells about.</summary>
    private sealed class Figures(LinuxHost host)
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
