using System.Text.Json;
using Collector.Core.Metrics;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Tests.Probes;

/// <summary>
/// Trees recorded on running kernels (Fixtures/record.sh), against what nstat and ipvsadm said on those machines at the
/// same moment.
/// </summary>
public sealed class RecordedKernelTests
{
    [Theory]
    [InlineData("5.10")]
    [InlineData("6.1")]
    [InlineData("6.12")]
    [InlineData("7.2")]
    public void Every_counter_equals_what_nstat_said_on_that_kernel(string kernel)
    {
        var nstat = Nstat(kernel);
        var compared = new HashSet<string>();
        foreach (var id in new[] { "tcp", "tcpext", "udp", "ip", "ipext", "icmp" })
        {
            using var run = new FileProbeRun(id, FileProbeRun.Fixture(kernel), ("include", "all"));
            run.Collect().Failures.ShouldBeEmpty();
            var table = run.Snapshot.Find(((MibProbe)run.Probe).Plan.Table)!;
            foreach (var ((section, counter), column) in ((MibProbe)run.Probe).Plan.Columns)
            {
                var value = table.Column(column)[0];
                if (value == Metric.Absent || !nstat.TryGetValue(section + counter, out var expected))
                    continue;
                value.ShouldBe(expected, $"{section} {counter}");
                compared.Add(section + counter);
            }
        }
        // Nothing that nstat knows is left out, but for ICMP by type, which has a table of its own.
        nstat.Keys.Where(k => !k.Contains("Type", StringComparison.Ordinal)).Except(compared).ShouldBeEmpty();
        nstat["TcpInSegs"].ShouldBeGreaterThan(0);
        nstat["UdpNoPorts"].ShouldBe(1);
    }

    [Theory]
    [InlineData("5.10")]
    [InlineData("6.1")]
    [InlineData("6.12")]
    [InlineData("7.2")]
    public void W_M4_Ipvs_figures_are_those_of_ipvsadm(string kernel)
    {
        // "TCP  localhost:7100   1   1   1   60   40": Conns, InPkts, OutPkts, InBytes, OutBytes.
        var service = File.ReadLines(Path.Combine(FileProbeRun.Fixtures, kernel, "ipvsadm.txt"))
            .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Single(l => l[0] == "TCP");
        using var run = new FileProbeRun("ipvs", FileProbeRun.Fixture(kernel));
        run.Collect();
        string[] names = ["connections", "incomingpackets", "outgoingpackets", "incomingbytes", "outgoingbytes"];
        for (var i = 0; i < names.Length; i++)
            run.Legacy("kubeskoop_ipvs_" + names[i]).ShouldBe(double.Parse(service[2 + i]), names[i]);
        run.Legacy("kubeskoop_ipvs_incomingpackets").ShouldNotBe(run.Legacy("kubeskoop_ipvs_incomingbytes"));
    }

    private static Dictionary<string, long> Nstat(string kernel)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(FileProbeRun.Fixtures, kernel, "nstat.json")));
        return json.RootElement.GetProperty("kernel").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt64());
    }
}
