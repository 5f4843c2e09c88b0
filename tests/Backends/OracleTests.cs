using System.Diagnostics.Metrics;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Proto.Collector.Metrics.V1;
using static Backends.Tests.Samples;
using Metric = Collector.Core.Metrics.Metric;

namespace Backends.Tests;

/// <summary>
/// The OpenTelemetry SDK as the oracle: the same numbers through its instruments and exporter, and through a snapshot
/// and our encoder, must decode to equal messages.
/// </summary>
public sealed class OracleTests
{
    private static readonly double[] Bounds = [0.001, 0.01, 0.1];
    private static readonly double[] Durations = [0.0005, 0.001, 0.005, 0.05, 3, 0.25];
    private static readonly (string Device, long Count)[] Devices = [("eth0", 17), ("lo", 0), ("veth-ü", long.MaxValue)];

    private static readonly KeyValuePair<string, object?> NodeScope = new("netlens.scope", "node");

    [Theory]
    [InlineData(OtlpTemporality.Cumulative)]
    [InlineData(OtlpTemporality.Delta)]
    [InlineData(OtlpTemporality.LowMemory)]
    public async Task Both_ways_decode_to_equal_messages(OtlpTemporality temporality)
    {
        await using var receiver = await Receiver.StartAsync();
        var theirs = await OfSdk(receiver, temporality);
        theirs.Metrics().Count().ShouldBe(5);
        var ours = theirs.Clone();
        ours.ResourceMetrics.Clear();
        // The SDK stamps each metric when it comes to it, a snapshot has one time: one snapshot per metric, then.
        foreach (var metric in theirs.Metrics())
        {
            var (start, time) = Times(metric);
            var one = OfSnapshot(start, time, temporality, metric.Name);
            if (ours.ResourceMetrics.Count == 0)
                ours = one;
            else
                ours.ResourceMetrics[0].ScopeMetrics[0].Metrics.Add(one.Metrics());
        }

        Normalise(ours).ToString().ShouldBe(Normalise(theirs).ToString());
    }

    private static (long Start, long Time) Times(OpenTelemetry.Proto.Metrics.V1.Metric metric)
    {
        if (metric.Histogram?.DataPoints[0] is { } spread)
            return ((long)spread.StartTimeUnixNano, (long)spread.TimeUnixNano);
        var point = metric.Numbers().First();
        return ((long)point.StartTimeUnixNano, (long)point.TimeUnixNano);
    }

    private static async Task<ExportMetricsServiceRequest> OfSdk(Receiver receiver, OtlpTemporality temporality)
    {
        using var meter = new Meter("netlens", Samples.Version);
        using var provider = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(Resource.ToResourceBuilder())
            .AddMeter(meter.Name)
            .AddView("test.histogram", new ExplicitBucketHistogramConfiguration { Boundaries = Bounds, RecordMinMax = false })
            .AddOtlpExporter((exporter, reader) =>
            {
                exporter.Protocol = OtlpExportProtocol.HttpProtobuf;
                exporter.Endpoint = new Uri(receiver.Http, "/v1/metrics");
                reader.TemporalityPreference = Enum.Parse<MetricReaderTemporalityPreference>(temporality.ToString());
            })
            .Build();
        meter.CreateObservableCounter("test.counter", () => Observed(), "{packet}", "What test.counter is.");
        meter.CreateObservableUpDownCounter("test.updown", () => Observed(), "1", "What test.updown is.");
        meter.CreateObservableGauge("test.gauge", () => Observed(), "1", "What test.gauge is.");
        meter.CreateObservableGauge("test.seconds", () => new Measurement<double>(0.25, NodeScope), "s", "What test.seconds is.");
        var histogram = meter.CreateHistogram<double>("test.histogram", "s", "What test.histogram is.");
        foreach (var duration in Durations)
            histogram.Record(duration, NodeScope);
        provider.ForceFlush().ShouldBeTrue();
        return ExportMetricsServiceRequest.Parser.ParseFrom((await receiver.TakeAsync()).Message);
    }

    private static IEnumerable<Measurement<long>> Observed() => Devices.Select(d => new Measurement<long>(
        d.Count, NodeScope, new("device", d.Device), new("port", 443L), new("fixed", "yes")));

    private static ExportMetricsServiceRequest OfSnapshot(
        long start, long time, OtlpTemporality temporality, string name)
    {
        var kind = name switch
        {
            "test.counter" => InstrumentKind.Counter,
            "test.updown" => InstrumentKind.UpDownCounter,
            _ => InstrumentKind.Gauge,
        };
        var unit = name == "test.counter" ? Units.Packets : Units.One;
        var number = Of(kind, name, unit, new Tag("fixed", "yes"));
        var devices = new TableInfo("d", RowScope.Node, [new("device"), new("port")], [number]);
        var seconds = new Metric
        {
            Name = name, Unit = Units.Seconds, Kind = kind, Description = $"What {name} is.", Scale = 0.001,
        };
        var ofSeconds = new TableInfo("s", RowScope.Node, [], [seconds]);
        var histogram = Histogram(name, Bounds);
        var ofHistogram = new TableInfo("h", RowScope.Node, [], [histogram]);
        var collection = new Collection(DateTimeOffset.UnixEpoch.AddTicks(time / 100) - TimeSpan.FromSeconds(15));
        var snapshot = collection.Collect(s =>
        {
            if (name == "test.seconds")
                s.Append(new Row(ofSeconds, null, start)).Set(seconds, 250);
            else if (name == "test.histogram")
                // Upper bounds are inclusive: 0.001 is in the first bucket.
                s.Append(new Row(ofHistogram, null, start)).Set(histogram, [2, 1, 1, 2], 3_306_500_000);
            else
                foreach (var (device, count) in Devices)
                    s.Append(new Row(devices, null, start, device, 443)).Set(number, count);
        });
        return Encoder(temporality).Encode(snapshot).ShouldHaveSingleItem();
    }

    /// <summary>Takes away what the specification leaves open: orders, the schema, and a gauge's start.</summary>
    private static ExportMetricsServiceRequest Normalise(ExportMetricsServiceRequest request)
    {
        var resource = request.ResourceMetrics.ShouldHaveSingleItem();
        var scope = resource.ScopeMetrics.ShouldHaveSingleItem();
        resource.SchemaUrl = scope.SchemaUrl = "";
        Sort(resource.Resource.Attributes, a => a.Key);
        Sort(scope.Metrics, m => m.Name);
        foreach (var metric in scope.Metrics)
        {
            foreach (var point in metric.Numbers())
            {
                Sort(point.Attributes, a => a.Key);
                if (metric.Gauge is not null)
                    point.StartTimeUnixNano = 0;
            }
            if (metric.Sum is not null)
                Sort(metric.Sum.DataPoints, p => p.Attributes.Line());
            if (metric.Gauge is not null)
                Sort(metric.Gauge.DataPoints, p => p.Attributes.Line());
        }
        return request;
    }

    private static void Sort<T>(Google.Protobuf.Collections.RepeatedField<T> field, Func<T, string> by)
    {
        T[] sorted = [.. field.OrderBy(by, StringComparer.Ordinal)];
        field.Clear();
        field.AddRange(sorted);
    }
}
