using System.Text.RegularExpressions;
using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Tests.Support;
using Collector.Worker.Agent;
using Collector.Worker.Commands;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Tests.Conventions;

/// <summary>What holds for every probe and metric, whoever adds it.</summary>
public sealed partial class CatalogueTests
{
    private static readonly string Root = Repository.Root;
    private static IReadOnlyList<ProbeInfo> Probes => NodeFactory.Catalogue;

    private static IEnumerable<Metric> Metrics => Probes.SelectMany(p => p.AllMetrics);

    /// <summary>What users of the older exporters and of 0.1.0 found; new probes need no line here.</summary>
    [Fact]
    public void The_probes_of_the_contract_are_there() => new[]
    {
        "netdev", "softnet", "tcp", "udp", "ip", "icmp", "tcpext", "ipext", "sock", "tcpsummary", "conntrack", "qdisc",
        "ipvs", "slab", "fd", "io", "rdma", "packetloss", "softirq", "virtcmdlatency", "tcpreset", "tcpretrans",
        "tcptwrcv", "pods", "ebpf",
    }.Except(Probes.Select(p => p.Id)).ShouldBeEmpty();

    /// <summary>Lists of probes in texts, between comments that name them: derived, so that no probe is forgotten.</summary>
    [Theory]
    [InlineData("README.md", "probes", false)]
    [InlineData("README.md", "ebpf-probes", true)]
    [InlineData("docs/install.md", "ebpf-probes", true)]
    public void Lists_of_probes_in_Docs_are_those_of_the_registry(string file, string list, bool watches)
    {
        var path = Path.Combine(Root, file);
        var page = File.ReadAllText(path);
        var (begin, end) = ($"<!-- {list} -->", $"<!-- /{list} -->");
        var from = page.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        var to = page.IndexOf(end, StringComparison.Ordinal);
        from.ShouldBeInRange(begin.Length, to, $"{file} has no {begin}");
        // What tells about the agent itself is no probe of the machine to who reads a list.
        var ids = Probes.Where(p => p.Watches == watches && p.Id is not ("pods" or "ebpf")).Select(p => $"`{p.Id}`");
        var expected = page[..from] + string.Join(' ', ids) + page[to..];
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, expected);
        File.ReadAllText(path).ShouldBe(expected, "UPDATE_DOCS=1 ./test Docs rewrites it");
    }

    /// <summary>KubeSkoop's and ACK Net Exporter's: docs/kubeskoop.md says what stands for what.</summary>
    [Fact]
    public void The_listed_types_of_events_are_those_that_leave()
    {
        string[] sent =
        [
            "PacketLoss", "SOFTIRQ_SCHED_SLOW", "SOFTIRQ_SCHED_100MS", "SOFTIRQ_EXCUTE_SLOW", "SOFTIRQ_EXCUTE_100MS",
            "VIRTCMDEXCUTE", "VIRTCMDEXCUTE_100MS", "TCPRESET_NOSOCK", "TCPRESET_PROCESS", "TCPRESET_ACTIVE",
            "TCPRESET_RECEIVE", "TCPRetrans", "BIOLAT_10MS", "TXKERNEL_SLOW", "NETIFTXLAT_QDISC",
            "NETIFTXLAT_XMIT", "RXKERNEL_SLOW", "SOCKETLAT_READSLOW", "SOCKETLAT_SENDSLOW",
        ];
        string[] ofInspector =
        [
            "PACKETLOSS", "NETSOFTIRQ_SCHED_SLOW", "NETSOFTIRQ_SCHED_100MS", "NETSOFTIRQ_EXCUTE_SLOW",
            "NETSOFTIRQ_EXCUTE_100MS", "TCP_SEND_RST", "TCP_SEND_RST_NOSock", "TCP_SEND_RST_ACTIVE",
            "TCP_RCV_RST_SYN", "TCP_RCV_RST_ESTAB", "TCP_RCV_RST_TW",
        ];
        var kinds = Probes.SelectMany(p => p.Events).ToArray();
        kinds.SelectMany(e => e.KubeSkoopTypes()).Distinct().ShouldBe(sent, ignoreOrder: true);
        kinds.SelectMany(e => e.InspectorTypes()).Distinct().ShouldBe(ofInspector, ignoreOrder: true);
        var page = File.ReadAllText(Path.Combine(Root, "docs/kubeskoop.md"));
        foreach (var type in ofInspector)
            page.ShouldContain($"`{type}`");
    }

    [Fact]
    public void Every_name_that_KubeSkoop_and_ACK_Net_Exporter_had_is_there()
    {
        var kubeskoop = Metrics.SelectMany(m => m.KubeSkoop).ToHashSet();
        var inspector = Metrics.SelectMany(m => m.Inspector).ToHashSet();
        var contract = File.ReadLines(Path.Combine(Root, "tests/Collector.Worker.Tests/Conventions/legacy-names.txt"))
            .Where(l => !l.StartsWith('#')).Select(l => l.Split(' ')).ToArray();
        contract.Length.ShouldBe(267);
        contract.Select(c => c[0]).Where(n => n != "-" && !kubeskoop.Contains(n)).ShouldBeEmpty();
        contract.Select(c => c[1]).Where(n => n != "-" && !inspector.Contains(n)).ShouldBeEmpty();
    }

    [Fact]
    public void A_legacy_name_is_given_once()
    {
        Metrics.SelectMany(m => m.KubeSkoop).ShouldBeUnique();
        Metrics.SelectMany(m => m.Inspector).ShouldBeUnique();
    }

    [Fact]
    public void Every_old_name_is_of_a_metric_that_there_is()
    {
        var metrics = Metrics.Select(m => string.Join(' ', m.Tags.Select(t => t.Value.Text).Prepend(m.Name)))
            .ToHashSet();
        LegacyNames.All.Select(n => n.Metric).Where(n => !metrics.Contains(n)).ShouldBeEmpty();
    }

    /// <summary>What the old exporters called a figure is no concern of whoever measures it.</summary>
    [Fact]
    public void Only_the_compatibility_tables_know_the_old_exporters()
    {
        string[] folders = ["src/Collector.Linux", "src/Collector.Worker/Portable", "src/Collector.Core"];
        folders.SelectMany(f =>
                Directory.EnumerateFiles(Path.Combine(Root, f), "*.cs", SearchOption.AllDirectories))
            .Where(f => !f.Contains("/obj/") && !f.Contains("/bin/") && !f.Contains("/Compatibility/"))
            .Where(f => OldExporter().IsMatch(File.ReadAllText(f)))
            .ShouldBeEmpty();
    }

    [Fact]
    public void Names_follow_the_semantic_conventions()
    {
        foreach (var metric in Metrics)
        {
            metric.Name.ShouldMatch("^[a-z][a-z0-9]*([._][a-z0-9]+)*$");
            metric.Name.ShouldNotEndWith("_total");
            (metric.Name.StartsWith("netlens.") || metric.Name.StartsWith("system.network.")).ShouldBeTrue(metric.Name);
            metric.Description.ShouldEndWith(".", customMessage: metric.Name);
            UnitPattern().IsMatch(metric.Unit).ShouldBeTrue($"{metric.Name}: {metric.Unit}");
            metric.Scale.ShouldBeGreaterThan(0);
        }
    }

    [Fact]
    public void A_metric_has_a_name_in_some_naming() =>
        Metrics.Where(m => m.Hidden && m.KubeSkoop.Count == 0 && m.Inspector.Count == 0).ShouldBeEmpty();

    [Fact]
    public void Columns_of_one_name_agree_in_everything_but_their_attributes()
    {
        foreach (var group in Metrics.GroupBy(m => m.Name))
        {
            group.Select(m => (m.Unit, m.Kind, m.Description)).Distinct().Count().ShouldBe(1, group.Key);
            group.Select(m => (m.Table, string.Join(',', m.Tags.Select(t => $"{t.Key}={t.Value}"))))
                .ShouldBeUnique(group.Key);
        }
    }

    [Fact]
    public void One_probe_is_one_file_with_one_name_and_tests_run_it_by_its_id()
    {
        string[] folders =
        [
            Path.Combine(Root, "tests/Collector.Linux.Tests/Probes"), Path.Combine(Root, "tests/Ebpf/Probes"),
            Path.Combine(Root, "tests/Ebpf/Findings"),
        ];
        var tests = string.Concat(
            folders.SelectMany(f => Directory.EnumerateFiles(f, "*.cs")).Select(File.ReadAllText));
        foreach (var probe in Probes)
        {
            FileOf("src/Collector.Linux/Probes", probe.Id + ".cs").ShouldNotBeNull(probe.Id);
            var tested = folders.Any(f => FileOf(f, probe.Id + "Tests.cs") is not null)
                || tests.Contains($"\"{probe.Id}\"");
            tested.ShouldBeTrue($"no test runs {probe.Id}");
        }
    }

    /// <summary>
    /// The label le of the old distributions and that of histogram buckets must not meet in one line.
    /// </summary>
    [Fact]
    public void A_table_whose_rows_have_a_legacy_le_has_no_histogram() =>
        Probes.SelectMany(p => p.AllTables).Where(t => t.RowTags.Any(k => k.LegacyKey == "le"))
            .SelectMany(t => t.Metrics).Where(m => m.Bounds is not null).ShouldBeEmpty();

    [Fact]
    public void Option_defaults_are_valid()
    {
        foreach (var (probe, option) in Probes.SelectMany(p => p.Options.Select(o => (p, o))))
        {
            option.Read(option.Default).ShouldBe(option.DefaultValue, option.Name);
            Collector.Worker.Configuration.ValueType.Of(option).Parse(option.Default, out var problem)
                .ShouldBe(option.DefaultValue, $"{probe.Id}.{option.Name}: {problem}");
            option.Description.ShouldEndWith(".");
        }
    }

    [Fact]
    public void The_metrics_page_in_Docs_is_that_of_the_descriptors()
    {
        var path = Path.Combine(Root, "docs", "metrics.md");
        var expected = MetricDocs.Page(Probes);
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, expected);
        File.ReadAllText(path).ShouldBe(expected, "UPDATE_DOCS=1 ./test Docs rewrites it");
    }

    [Fact]
    public void Kinds_of_events_are_named_after_their_probe_and_leave_the_common_attributes_alone()
    {
        Probes.SelectMany(p => p.Events).Select(e => e.Name).ShouldBeUnique();
        var common = EventAttributes.Common.Select(a => a.Key).ToHashSet();
        foreach (var (probe, kind) in Probes.SelectMany(p => p.Events.Select(e => (p, e))))
        {
            kind.Name.ShouldMatch($"^netlens\\.{probe.Id}(\\.[a-z][a-z0-9_]*)+$");
            kind.Description.ShouldEndWith(".", customMessage: kind.Name);
            kind.Fields.Select(f => f.Key).ShouldBeUnique(kind.Name);
            kind.Fields.Select(f => f.Key).Where(common.Contains).ShouldBeEmpty(kind.Name);
        }
    }

    [Fact]
    public void The_events_page_in_Docs_lists_the_kinds_of_the_descriptors()
    {
        var path = Path.Combine(Root, "docs", "events.md");
        var page = File.ReadAllText(path);
        var begin = page.IndexOf(EventDocs.Begin, StringComparison.Ordinal);
        var end = page.IndexOf(EventDocs.End, StringComparison.Ordinal);
        begin.ShouldBeGreaterThan(0);
        end.ShouldBeGreaterThan(begin);
        var expected = page[..begin] + $"{EventDocs.Begin}\n\n{EventDocs.List(Probes)}\n" + page[end..];
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, expected);
        File.ReadAllText(path).ShouldBe(expected, "UPDATE_DOCS=1 ./test Docs rewrites it");
    }

    private static string? FileOf(string folder, string name) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories)
            .FirstOrDefault(f => Path.GetFileName(f).Equals(name, StringComparison.OrdinalIgnoreCase));

    [GeneratedRegex("kubeskoop|inspector", RegexOptions.IgnoreCase, 1000)]
    private static partial Regex OldExporter();

    [GeneratedRegex(@"^(1|By|s|ms|\{[a-z_]+\})$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex UnitPattern();
}
