using Collector.Linux.Probes;

namespace Collector.Linux.Tests.Probes;

/// <summary>The whole output of every text-file probe on the tree of every kernel.</summary>
/// <remarks>
/// NETLENS_UPDATE_EXPECTED=(Fixtures folder of the sources) rewrites the files. What they say was compared with the
/// trees by another program when they were made; see Fixtures/README.md.
/// </remarks>
public sealed class FixtureTests
{
    private static readonly string[] Kernels = ["4.19", "5.4", "5.10", "5.15", "6.1", "6.12", "6.18", "7.2"];

    private static readonly (string Probe, (string, string)[] Options)[] Probes =
    [
        ("tcp", [("include", "all")]), ("tcpext", [("include", "all")]), ("udp", [("include", "all")]),
        ("ip", [("include", "all")]), ("ipext", [("include", "all")]), ("icmp", [("include", "all")]),
        ("sock", []), ("softnet", [("perCpu", "true")]), ("ipvs", []), ("slab", []), ("rdma", [("include", "all")]),
        ("neighbour", [("include", "all")]), ("xfrm", [("include", "all")]),
    ];

    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (var kernel in Kernels)
        {
            foreach (var (probe, _) in Probes)
            {
                if (Exists(kernel, probe))
                    data.Add(kernel, probe);
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_whole_output_is_as_expected(string kernel, string probe)
    {
        using var run = new FileProbeRun(
            probe, FileProbeRun.Fixture(kernel), Probes.Single(p => p.Probe == probe).Options);
        run.Collect().Failures.ShouldBeEmpty();
        var expected = Path.Combine(FileProbeRun.Fixtures, kernel, "expected", probe + ".txt");
        if (Environment.GetEnvironmentVariable("NETLENS_UPDATE_EXPECTED") is { Length: > 0 } sources)
        {
            expected = Path.Combine(sources, kernel, "expected", probe + ".txt");
            Directory.CreateDirectory(Path.GetDirectoryName(expected)!);
            File.WriteAllText(expected, run.Text());
        }
        run.Text().ShouldBe(File.ReadAllText(expected));
        // The same again from layouts that are known by now.
        run.Collect().Text().ShouldBe(File.ReadAllText(expected));
    }

    [Theory]
    [InlineData("4.19")]
    [InlineData("5.4")]
    [InlineData("5.15")]
    [InlineData("6.18")]
    public void Default_exports_no_optional_counter_and_nothing_that_is_not_in_the_catalogue(string kernel)
    {
        foreach (var id in new[] { "tcp", "tcpext", "udp", "ip", "ipext", "icmp" })
        {
            using var run = new FileProbeRun(id, FileProbeRun.Fixture(kernel));
            run.Collect();
            run.Series().ShouldAllBe(s => run.Probe.Info.Tables.Contains(s.Row.Table));
            run.Series().ShouldContain(s => s.Metric.Named);
            // What does not leave under its own name is there for its old one.
            run.Series().Where(s => !s.Metric.Named).Count(s => s.Metric.KubeSkoop.Count == 0).ShouldBe(0);
        }
    }

    [Theory]
    [InlineData("4.19")]
    [InlineData("6.18")]
    public void W_M16_a_counter_that_this_kernel_does_not_print_is_absent_not_zero(string kernel)
    {
        using var udp = new FileProbeRun("udp", FileProbeRun.Fixture(kernel));
        udp.Collect().Value("netlens.udp.mem_errors", "network.type=ipv4").ShouldBe(kernel == "4.19" ? null : 0);
        using var tcpExt = new FileProbeRun("tcpext", FileProbeRun.Fixture(kernel), ("include", "all"));
        tcpExt.Collect().Value("netlens.tcpext.timeout_rehash").ShouldBe(kernel == "4.19" ? null : 0);
    }

    [Fact]
    public void Names_with_all_counters_are_series_of_their_own_and_metrics_of_one_name_agree()
    {
        foreach (var (id, options) in Probes)
        {
            var kernel = id is "ipvs" or "rdma" ? "5.15" : "6.18";
            using var run = new FileProbeRun(id, FileProbeRun.Fixture(kernel), options);
            run.Collect();
            var metrics = run.Snapshot.Tables.SelectMany(t => t.Info.Metrics).Where(m => m.Name.Length > 0).ToList();
            metrics.ShouldAllBe(m => m.Name.StartsWith($"netlens.{id}.", StringComparison.Ordinal));
            metrics.ShouldAllBe(
                m => m.Name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '.' || c == '_'));
            metrics.ShouldAllBe(m => !m.Name.EndsWith("_total", StringComparison.Ordinal));
            foreach (var same in metrics.GroupBy(m => m.Name))
            {
                same.Select(m => (m.Unit, m.Kind, m.Description, m.Scale)).Distinct().Count().ShouldBe(1, same.Key);
                same.Select(m => string.Join(',', m.Tags)).Distinct().Count().ShouldBe(same.Count(), same.Key);
            }
        }
    }

    private static bool Exists(string kernel, string probe) => probe switch
    {
        "ipvs" => File.Exists(Path.Combine(FileProbeRun.Fixtures, kernel, "proc/net/ip_vs_stats")),
        "slab" => File.Exists(Path.Combine(FileProbeRun.Fixtures, kernel, "proc/slabinfo")),
        "xfrm" => File.Exists(Path.Combine(FileProbeRun.Fixtures, kernel, "proc/net/xfrm_stat")),
        "neighbour" => File.Exists(Path.Combine(FileProbeRun.Fixtures, kernel, "proc/net/stat/arp_cache")),
        "rdma" => Directory.Exists(Path.Combine(FileProbeRun.Fixtures, kernel, "sys/class/infiniband")),
        _ => true,
    };
}
