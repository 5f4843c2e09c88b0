using OpenTelemetry.Proto.Collector.Metrics.V1;
using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Metrics.V1;

namespace Backends.Tests;

/// <summary>Short ways into decoded requests.</summary>
internal static class Readings
{
    public static IEnumerable<Metric> Metrics(this ExportMetricsServiceRequest request) =>
        request.ResourceMetrics.SelectMany(r => r.ScopeMetrics).SelectMany(s => s.Metrics);

    public static IEnumerable<Metric> Metrics(this IEnumerable<ExportMetricsServiceRequest> requests) =>
        requests.SelectMany(Metrics);

    public static Metric Metric(this IEnumerable<ExportMetricsServiceRequest> requests, string name) =>
        requests.Metrics().Single(m => m.Name == name);

    public static IEnumerable<NumberDataPoint> Numbers(this Metric metric) =>
        metric.Sum?.DataPoints ?? metric.Gauge?.DataPoints ?? Enumerable.Empty<NumberDataPoint>();

    public static string? Text(this IEnumerable<KeyValue> attributes, string key) =>
        attributes.SingleOrDefault(a => a.Key == key)?.Value.StringValue;

    /// <summary>Attributes as one comparable line, in the order of their keys.</summary>
    public static string Line(this IEnumerable<KeyValue> attributes) => string.Join(' ', attributes
        .OrderBy(a => a.Key, StringComparer.Ordinal)
        .Select(a => $"{a.Key}={a.Value}"));
}
