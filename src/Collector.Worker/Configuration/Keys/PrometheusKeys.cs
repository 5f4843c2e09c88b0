using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>prometheus</c>.</summary>
internal static class PrometheusKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new ValueKey("prometheus.naming", Choice(
                ("otel", MetricNaming.Otel),
                ("kubeskoop", MetricNaming.KubeSkoop),
                ("inspector", MetricNaming.Inspector)),
            "Names and labels of /metrics unless the request asks with ?naming=.",
            o => o.Prometheus.Naming,
            (o, v) => o with { Prometheus = o.Prometheus with { Naming = (MetricNaming)v! } })
        {
            Variable = "NETLENS_PROMETHEUS_NAMING",
        },
        new ValueKey("prometheus.scrapeInterval", Duration(TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
            "The longest time between two scrapes of one reader: so long the counters of what ended stay on the page.",
            o => o.Prometheus.ScrapeInterval,
            (o, v) => o with { Prometheus = o.Prometheus with { ScrapeInterval = (TimeSpan)v! } })
        {
            Variable = "NETLENS_PROMETHEUS_SCRAPEINTERVAL",
        },
    ];
}
