using System.Diagnostics;
using System.Globalization;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Probes;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;
using Collector.Worker.Tests.Support;

namespace Collector.Worker.Tests.Export.Prometheus;

/// <summary>The histograms that eBPF programs keep in slots of powers of two, as classic histograms.</summary>
public sealed class HistogramPageTests
{
    private static readonly Metric Wait = Find("softirq", m => m.Name == "netlens.softirq.wait.duration");
    private static readonly long[] Counts = [.. Enumerable.Range(0, 25).Select(k => k + 1L)];

    [Fact]
    public void Bounds_are_written_in_full_and_exactly()
    {
        var samples = ExpositionReader.Read(PrometheusSnapshotFixture.Page(Collect(), MetricNaming.Otel), false);

        var buckets = samples.Where(s => s.Name == "netlens_softirq_wait_duration_seconds_bucket").ToArray();
        var total = 0L;
        buckets.Select(b => b.Value).ShouldBe(Counts.Select(c => (double)(total += c)));
        // 0.000001024 to 8.589934592, by decimal arithmetic.
        buckets.Select(b => b.Labels["le"]).ShouldBe(
        [
            .. Enumerable.Range(10, 24)
                .Select(k => ((1L << k) / 1_000_000_000m).ToString(CultureInfo.InvariantCulture)),
            "+Inf",
        ]);
        samples.Single(s => s.Name == "netlens_softirq_wait_duration_seconds_count").Value.ShouldBe(325);
        samples.Single(s => s.Name == "netlens_softirq_wait_duration_seconds_sum").Value.ShouldBe(5e-9);
        buckets.ShouldAllBe(b => b.Labels["netlens_softirq_vector"] == "net_rx" && b.Labels["netlens_scope"] == "node");
    }

    [Theory]
    [InlineData(1e-30, "1E-30")]
    [InlineData(1e-9, "0.000000001")]
    [InlineData(0.1, "0.1")]
    [InlineData(1, "1.0")]
    [InlineData(1e16, "10000000000000000.0")]
    [InlineData(5e-324, "5E-324")]
    [InlineData(1e300, "1E+300")]
    [InlineData(double.PositiveInfinity, "+Inf")]
    public void Any_bound_reads_back_as_itself(double bound, string text)
    {
        PrometheusText.Bound(bound).ShouldBe(text);
        if (double.IsFinite(bound))
            double.Parse(text, CultureInfo.InvariantCulture).ShouldBe(bound);
    }

    [ToolFact("promtool")]
    public void Promtool_finds_nothing_wrong()
    {
        var start = new ProcessStartInfo(ToolFactAttribute.Find("promtool")!, ["check", "metrics"])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using var promtool = Process.Start(start)!;
        promtool.StandardInput.Write(PrometheusSnapshotFixture.Page(Collect(), MetricNaming.Otel));
        promtool.StandardInput.Close();
        var said = promtool.StandardError.ReadToEnd() + promtool.StandardOutput.ReadToEnd();
        promtool.WaitForExit();
        said.ShouldBe("");
        promtool.ExitCode.ShouldBe(0);
    }

    /// <summary>
    /// ACK Net Exporter's distributions: a counter per slot, told apart by a label le that is a slot number.
    /// </summary>
    [Theory]
    [InlineData("softirq", "inspector_pod_netsoftirqshed")]
    [InlineData("softirq", "inspector_pod_netsoftirq")]
    [InlineData("virtcmdlatency", "inspector_pod_virtsendcmdlat")]
    [InlineData("virtcmdlatency", "inspector_node_virtsendcmdlat")]
    public void Slots_have_the_label_le_in_inspector_naming_only(string probe, string name)
    {
        var metric = Find(probe, m => m.Inspector.Contains(name));
        var rows = Enumerable.Range(0, 24).Select(le => new Row(metric.Table, null, 1, le)).ToArray();
        var snapshot = new PrometheusSnapshotFixture().Collect(b =>
        {
            for (var le = 0; le < rows.Length; le++)
                b.Append(rows[le]).Set(metric, le * 10);
        });

        var page = PrometheusSnapshotFixture.Page(snapshot, MetricNaming.Inspector);
        page.ShouldContain($"# TYPE {name} counter\n");
        page.ShouldContain($$"""{{name}}{node="node-1",namespace="",pod="",netns="",le="15"} 150{{"\n"}}""");
        var samples = ExpositionReader.Read(page, false).Where(s => s.Name == name).ToArray();
        samples.Select(s => (s.Labels["le"], s.Value)).ShouldBe(
            Enumerable.Range(0, 24).Select(le => (le.ToString(CultureInfo.InvariantCulture), le * 10.0)));
        PrometheusSnapshotFixture.Page(snapshot, MetricNaming.Otel).ShouldBe("");
        PrometheusSnapshotFixture.Page(snapshot, MetricNaming.KubeSkoop).ShouldBe("");
    }

    private static Snapshot Collect()
    {
        var row = new Row(Wait.Table, null, 1, "net_rx");
        return new PrometheusSnapshotFixture().Collect(b => b.Append(row).Set(Wait, Counts, 5));
    }

    private static Metric Find(string probe, Func<Metric, bool> match) =>
        AllProbes.List.Single(p => p.Info.Id == probe).Info.Metrics.First(match);
}
