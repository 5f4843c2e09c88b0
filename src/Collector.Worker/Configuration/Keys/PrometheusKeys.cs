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
    ];
}
