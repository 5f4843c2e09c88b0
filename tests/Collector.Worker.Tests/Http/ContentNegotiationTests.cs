using Collector.Worker.Export.Prometheus;
using Collector.Worker.Http;

namespace Collector.Worker.Tests.Http;

public sealed class ContentNegotiationTests
{
    [Theory]
    [InlineData(null, PrometheusFormat.Text)]
    [InlineData("", PrometheusFormat.Text)]
    [InlineData("*/*", PrometheusFormat.Text)]
    [InlineData("text/plain", PrometheusFormat.Text)]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", PrometheusFormat.Text)]
    [InlineData("application/openmetrics-text", PrometheusFormat.OpenMetrics)]
    [InlineData("application/openmetrics-text; version=1.0.0; charset=utf-8", PrometheusFormat.OpenMetrics)]
    [InlineData("APPLICATION/OpenMetrics-Text;Version=\"1.0.0\"", PrometheusFormat.OpenMetrics)]
    [InlineData("application/openmetrics-text;version=0.0.1", PrometheusFormat.Text)]
    [InlineData("application/openmetrics-text;version=2.0.0,*/*;q=0.1", PrometheusFormat.Text)]
    [InlineData("application/openmetrics-text,text/plain", PrometheusFormat.OpenMetrics)]
    [InlineData("application/openmetrics-text;q=0.4,text/plain", PrometheusFormat.Text)]
    [InlineData("application/openmetrics-text;q=0.4,text/*;q=0.3", PrometheusFormat.OpenMetrics)]
    [InlineData("application/openmetrics-text;q=0,*/*", PrometheusFormat.Text)]
    [InlineData("application/*", PrometheusFormat.Text)]
    [InlineData("image/png", PrometheusFormat.Text)]
    [InlineData("application/openmetrics-text;q=banana,,;;=,\"", PrometheusFormat.Text)]
    [InlineData("q=1;;;;////", PrometheusFormat.Text)]
    // Prometheus 2.42.
    [InlineData("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", PrometheusFormat.OpenMetrics)]
    // Prometheus 3.
    [InlineData("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        + "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
        + "text/plain;version=0.0.4;q=0.2,*/*;q=0.1", PrometheusFormat.OpenMetrics)]
    // Prometheus with scrape_protocols: [PrometheusText0.0.4].
    [InlineData("text/plain;version=0.0.4;q=0.2,*/*;q=0.1", PrometheusFormat.Text)]
    public void The_format_is_what_the_reader_likes_best(string? accept, PrometheusFormat expected) =>
        ContentNegotiation.Format(accept).ShouldBe(expected);

    [Theory]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("gzip", true)]
    [InlineData("GZIP", true)]
    [InlineData("x-gzip", true)]
    [InlineData("deflate, br", false)]
    [InlineData("deflate, gzip;q=0.5", true)]
    [InlineData("gzip;q=0", false)]
    [InlineData("*", true)]
    [InlineData("*;q=0", false)]
    [InlineData("gzip;q=0, *", false)]
    [InlineData("identity", false)]
    [InlineData(";;;,,,gzip;q=x", false)]
    public void Gzip_is_used_where_it_is_accepted(string? acceptEncoding, bool expected) =>
        ContentNegotiation.Gzip(acceptEncoding).ShouldBe(expected);
}
