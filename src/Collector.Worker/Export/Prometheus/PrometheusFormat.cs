using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Prometheus;

/// <summary>The formats that /metrics speaks.</summary>
public enum PrometheusFormat
{
    /// <summary>Prometheus text exposition format 0.0.4.</summary>
    Text,

    /// <summary>OpenMetrics 1.0.0.</summary>
    OpenMetrics,
}

/// <summary>What a page looks like.</summary>
/// <param name="Naming">Names and labels.</param>
/// <param name="Format">Format that the reader asked for.</param>
/// <param name="Created">True adds <c>_created</c> samples to an OpenMetrics page.</param>
public readonly record struct PrometheusPageKind(MetricNaming Naming, PrometheusFormat Format, bool Created = false)
{
    public const string TextType = "text/plain; version=0.0.4; charset=utf-8";
    public const string OpenMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// <summary>
    /// The kind that can be written: OpenMetrics makes every counter end in <c>_total</c>, which would change the
    /// legacy names, so those always leave in the text format.
    /// </summary>
    public PrometheusPageKind Writable() => Naming is MetricNaming.Otel && Format is PrometheusFormat.OpenMetrics
        ? this
        : this with { Format = PrometheusFormat.Text, Created = false };

    /// <summary>Value of the Content-Type header.</summary>
    public string ContentType => Format is PrometheusFormat.OpenMetrics ? OpenMetricsType : TextType;
}
