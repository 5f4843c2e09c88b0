using System.Text.Json;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Commands;

/// <summary>What <c>netlens once --format json</c> prints.</summary>
internal static class OnceJson
{
    public static void Print(Snapshot snapshot, MetricNaming naming, string node) => Output.Json(json =>
    {
        json.WriteStartObject();
        json.WriteString("time", DateTimeOffset.UnixEpoch.AddTicks(snapshot.Time / 100));
        json.WriteString("node", node);
        json.WriteStartArray("series");
        foreach (var series in SeriesReader.Read(snapshot, naming, node))
            WriteSeries(json, series);
        json.WriteEndArray();
        json.WriteEndObject();
    });

    private static void WriteSeries(Utf8JsonWriter json, SeriesPoint series)
    {
        json.WriteStartObject();
        json.WriteString("name", series.Name);
        json.WriteString("unit", series.Metric.Unit);
        json.WriteString("kind", series.Metric.Kind switch
        {
            InstrumentKind.Counter => "counter",
            InstrumentKind.UpDownCounter => "updowncounter",
            InstrumentKind.Gauge => "gauge",
            _ => "histogram",
        });
        json.WriteStartObject("attributes");
        foreach (var attribute in series.Attributes)
        {
            if (attribute.Value.IsNumber)
                json.WriteNumber(attribute.Key, attribute.Value.Number);
            else
                json.WriteString(attribute.Key, attribute.Value.Text);
        }
        json.WriteEndObject();
        if (series.Cells.Length == 0)
            WriteNumber(json, series.Value);
        else
            WriteHistogram(json, series);
        json.WriteEndObject();
    }

    private static void WriteNumber(Utf8JsonWriter json, object value)
    {
        if (value is long integer)
            json.WriteNumber("value", integer);
        else
            json.WriteNumber("value", (double)value);
    }

    private static void WriteHistogram(Utf8JsonWriter json, SeriesPoint series)
    {
        json.WriteStartArray("buckets");
        foreach (var count in series.Cells[..^1])
            json.WriteNumberValue(count);
        json.WriteEndArray();
        json.WriteStartArray("bounds");
        foreach (var bound in series.Metric.Bounds!)
            json.WriteNumberValue(bound);
        json.WriteEndArray();
        json.WriteNumber("sum", Metric.Scaled(series.Cells[^1], series.Scale));
    }
}
