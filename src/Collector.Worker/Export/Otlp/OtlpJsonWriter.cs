using System.Text.Json;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// A snapshot as OTLP/JSON (opentelemetry-proto, "JSON Protobuf Encoding": 64-bit integers are strings), for
/// <c>netlens once --format otlp-json</c>. Written for reading and piping, not for the push path.
/// </summary>
internal static class OtlpJsonWriter
{
    public static void Write(
        Stream to, Snapshot snapshot, IEnumerable<KeyValuePair<string, string>> resource, string version)
    {
        using var json = new Utf8JsonWriter(to, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteStartArray("resourceMetrics");
        json.WriteStartObject();
        json.WriteStartObject("resource");
        WriteAttributes(json, resource.Select(r => new Tag(r.Key, r.Value)));
        json.WriteEndObject();
        json.WriteStartArray("scopeMetrics");
        json.WriteStartObject();
        json.WriteStartObject("scope");
        json.WriteString("name", "netlens");
        json.WriteString("version", version);
        json.WriteEndObject();
        json.WriteStartArray("metrics");
        var series = SeriesReader.Read(snapshot, MetricNaming.Otel, "")
            .Where(s => !s.Row.Table.SelfTelemetry)
            .GroupBy(s => s.Name);
        foreach (var metric in series)
            WriteMetric(json, [.. metric], snapshot.Time);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteMetric(Utf8JsonWriter json, List<SeriesPoint> series, long time)
    {
        var metric = series[0].Metric;
        json.WriteStartObject();
        json.WriteString("name", metric.Name);
        json.WriteString("description", metric.Description);
        json.WriteString("unit", metric.Unit);
        json.WriteStartObject(metric.Kind switch
        {
            InstrumentKind.Gauge => "gauge",
            InstrumentKind.Histogram => "histogram",
            _ => "sum",
        });
        if (metric.Kind != InstrumentKind.Gauge)
            json.WriteNumber("aggregationTemporality", 2);
        if (metric.Kind is InstrumentKind.Counter or InstrumentKind.UpDownCounter)
            json.WriteBoolean("isMonotonic", metric.Kind == InstrumentKind.Counter);
        json.WriteStartArray("dataPoints");
        foreach (var point in series)
            WritePoint(json, point, time);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WritePoint(Utf8JsonWriter json, SeriesPoint series, long time)
    {
        json.WriteStartObject();
        WriteAttributes(json, series.Attributes);
        if (series.Metric.Kind != InstrumentKind.Gauge)
            json.WriteString("startTimeUnixNano", series.Row.StartTimeOf(series.Metric.Column).ToString());
        json.WriteString("timeUnixNano", time.ToString());
        if (series.Metric.Bounds is { } bounds)
            WriteHistogram(json, series, bounds);
        else if (series.Scale is 1)
            json.WriteString("asInt", series.Raw.ToString());
        else
            json.WriteNumber("asDouble", Metric.Scaled(series.Raw, series.Scale));
        json.WriteEndObject();
    }

    private static void WriteHistogram(Utf8JsonWriter json, SeriesPoint series, IReadOnlyList<double> bounds)
    {
        var buckets = series.Cells[..^1];
        json.WriteString("count", buckets.Sum().ToString());
        json.WriteNumber("sum", Metric.Scaled(series.Cells[^1], series.Scale));
        json.WriteStartArray("bucketCounts");
        foreach (var count in buckets)
            json.WriteStringValue(count.ToString());
        json.WriteEndArray();
        json.WriteStartArray("explicitBounds");
        foreach (var bound in bounds)
            json.WriteNumberValue(bound);
        json.WriteEndArray();
    }

    private static void WriteAttributes(Utf8JsonWriter json, IEnumerable<Tag> attributes)
    {
        json.WriteStartArray("attributes");
        foreach (var attribute in attributes)
        {
            json.WriteStartObject();
            json.WriteString("key", attribute.Key);
            json.WriteStartObject("value");
            if (attribute.Value.IsNumber)
                json.WriteString("intValue", attribute.Value.Text);
            else
                json.WriteString("stringValue", attribute.Value.Text);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
