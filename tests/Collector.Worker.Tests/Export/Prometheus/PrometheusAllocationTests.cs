using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;

namespace Collector.Worker.Tests.Export.Prometheus;

/// <summary>A page costs no allocation per series once rows and plan are known.</summary>
public sealed class PrometheusAllocationTests
{
    private const int Namespaces = 200;
    private const int MetricsPerNamespace = 100;

    [Theory]
    [InlineData(MetricNaming.Otel, PrometheusFormat.Text)]
    [InlineData(MetricNaming.Otel, PrometheusFormat.OpenMetrics)]
    [InlineData(MetricNaming.KubeSkoop, PrometheusFormat.Text)]
    public void A_page_of_20000_series_allocates_next_to_nothing(MetricNaming naming, PrometheusFormat format)
    {
        var snapshot = LargeSnapshot();
        var writer = new PrometheusWriter("node-1");
        using var page = new PooledPage();
        var kind = new PrometheusPageKind(naming, format, Created: true);
        for (var i = 0; i < 3; i++)
            Write();

        var before = GC.GetAllocatedBytesForCurrentThread();
        var result = Write();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        result.ShouldBe(new(Namespaces * MetricsPerNamespace, 0));
        allocated.ShouldBe(0);

        PrometheusPageResult Write()
        {
            page.Clear();
            return writer.Write(snapshot, kind, page);
        }
    }

    private static Snapshot LargeSnapshot()
    {
        var metrics = Enumerable.Range(0, MetricsPerNamespace).Select(i => new Metric
        {
            Name = $"netlens.test.metric{i}",
            Unit = i % 2 == 0 ? Units.Packets : Units.Seconds,
            Kind = i % 3 == 0 ? InstrumentKind.Gauge : InstrumentKind.Counter,
            Scale = i % 2 == 0 ? 1 : 1e-9,
            Description = "X.",
        }.Called(new LegacyName("")
        {
            KubeSkoop = i % 5 == 0 ? [$"kubeskoop_test_metric{i}"] : [],
        })).ToArray();
        var table = new TableInfo("test", RowScope.Namespace, [], metrics);
        var rows = Enumerable.Range(0, Namespaces).Select(i => new Row(table,
            new NetNamespace(4026532000UL + (ulong)i, i, false, 1, new(null, "shop", $"web-{i}", $"uid-{i}")), 1))
                .ToArray();
        return new PrometheusSnapshotFixture().Collect(b =>
        {
            for (var r = 0; r < rows.Length; r++)
            {
                var row = b.Append(rows[r]);
                for (var m = 0; m < metrics.Length; m++)
                    row.Set(metrics[m], ((long)r * 1_000_003) + m);
            }
        });
    }
}
