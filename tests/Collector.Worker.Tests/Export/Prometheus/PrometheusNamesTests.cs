using Collector.Core.Metrics;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;

namespace Collector.Worker.Tests.Export.Prometheus;

public sealed class PrometheusNamesTests
{
    // The first block is what Prometheus itself makes of such OTLP metrics (otlptranslator, with suffixes).
    [Theory]
    [InlineData("system.network.io", "By", InstrumentKind.Counter, "system_network_io_bytes_total", "bytes")]
    [InlineData(
        "system.network.packet.dropped", "{packet}", InstrumentKind.Counter, "system_network_packet_dropped_total", "")]
    [InlineData(
        "system.network.packet.count", "{packet}", InstrumentKind.Counter, "system_network_packet_count_total", "")]
    [InlineData("a.total.b", "1", InstrumentKind.Counter, "a_b_total", "")]
    [InlineData("a.bytes", "By", InstrumentKind.Gauge, "a_bytes", "bytes")]
    [InlineData("a.bytes.total", "By", InstrumentKind.Counter, "a_bytes_total", "bytes")]
    [InlineData("a.bytes.queued", "By", InstrumentKind.Gauge, "a_bytes_queued", "")]
    [InlineData("a.speed", "By/s", InstrumentKind.Gauge, "a_speed_bytes_per_second", "bytes_per_second")]
    [InlineData("a.rate", "{packet}/s", InstrumentKind.Gauge, "a_rate_per_second", "per_second")]
    [InlineData("a.used", "1", InstrumentKind.Gauge, "a_used_ratio", "ratio")]
    [InlineData("a.ratio.used", "1", InstrumentKind.Gauge, "a_used_ratio", "ratio")]
    [InlineData("a.used", "1", InstrumentKind.UpDownCounter, "a_used", "")]
    [InlineData("a.duration", "s", InstrumentKind.Histogram, "a_duration_seconds", "seconds")]
    [InlineData("a..b--c", "{x}", InstrumentKind.Gauge, "a_b_c", "")]
    [InlineData("9.lives", "{life}", InstrumentKind.Gauge, "_9_lives", "")]
    // Here promtool's rules win: a gauge has no ending that belongs to counters and histograms.
    [InlineData("system.network.connection.count", "{connection}", InstrumentKind.UpDownCounter,
        "system_network_connection", "")]
    [InlineData("a.total", "{x}", InstrumentKind.Gauge, "a", "")]
    public void OpenTelemetry_names_are_translated(
        string name, string unit, InstrumentKind kind, string expected, string expectedUnit)
    {
        var metric = new Metric { Name = name, Unit = unit, Kind = kind, Description = "x" };
        PrometheusNames.Of(metric, MetricNaming.Otel)
            .ShouldBe([new PrometheusName(expected, expectedUnit, PrometheusNameOrigin.Otel)]);
    }

    [Fact]
    public void Legacy_names_stay_as_they_are_and_aliases_leave_too()
    {
        var metric = Metric.Counter("netlens.io.x", "By", "x")
            .Called(new LegacyName("") { KubeSkoop = ["kubeskoop_io_x", "kubeskoop_IO_X"] });
        PrometheusNames.Of(metric, MetricNaming.KubeSkoop).Select(n => n.Name)
            .ShouldBe(["kubeskoop_io_x", "kubeskoop_IO_X"]);
        PrometheusNames.Of(metric, MetricNaming.Inspector).Select(n => n.Name).ShouldBe(["netlens_io_x_bytes_total"]);
    }

    [Theory]
    [InlineData("network.interface.name", "network_interface_name")]
    [InlineData("a--b", "a_b")]
    [InlineData("__name__", "_name_")]
    [InlineData("7up", "key_7up")]
    [InlineData("a:b", "a_b")]
    [InlineData("le", "key_le")]
    [InlineData("", "key")]
    public void Label_names_are_sanitized(string key, string expected) => PrometheusNames.Label(key).ShouldBe(expected);

    [Fact]
    public void A_name_with_two_types_is_a_conflict_and_the_first_wins()
    {
        var counter = new Metric { Name = "a.b", Unit = "{x}", Kind = InstrumentKind.Counter, Description = "x" };
        var gauge = new Metric { Name = "a.b", Unit = "{x}", Kind = InstrumentKind.Gauge, Description = "x" };
        var catalogue = new PrometheusCatalogue(
            [new TableInfo("t", RowScope.Node, [], [counter, gauge])], MetricNaming.Otel);
        catalogue.Families.Select(f => f.Name).ShouldBe(["a_b_total"]);
        catalogue.Conflicts.Count.ShouldBe(1);
        catalogue.Conflicts[0].ShouldContain("a_b");
    }
}
