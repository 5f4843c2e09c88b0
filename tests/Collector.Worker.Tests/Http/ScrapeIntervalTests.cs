using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;
using Collector.Worker.Http;
using Collector.Worker.Tests.Export.Prometheus;

namespace Collector.Worker.Tests.Http;

/// <summary>How long what ended stays on the page.</summary>
public sealed class ScrapeIntervalTests
{
    [Fact]
    public void It_is_a_minute_or_as_configured_at_the_moment_and_nothing_where_nobody_can_scrape()
    {
        var options = new AgentOptions();
        var store = new SnapshotStore();
        var http = new NetlensHttp
        {
            Store = store,
            Writer = new PrometheusWriter(PrometheusSnapshotFixture.Node),
            Options = () => options,
            Version = "",
            Connections = new(8, 8),
        };
        store.LongestPause.ShouldBe(TimeSpan.Zero);
        store.AddReader(http.LongestPause);
        store.LongestPause.ShouldBe(TimeSpan.FromMinutes(1));
        options = options with { Prometheus = new() { ScrapeInterval = TimeSpan.FromSeconds(5) } };
        store.LongestPause.ShouldBe(TimeSpan.FromSeconds(5));
        store.AddReader(static () => TimeSpan.FromSeconds(3));
        store.LongestPause.ShouldBe(TimeSpan.FromSeconds(5));
        options = options with { Http = options.Http with { Enabled = false } };
        store.LongestPause.ShouldBe(TimeSpan.FromSeconds(3));
    }
}
