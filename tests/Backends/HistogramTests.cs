using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Probes;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Microsoft.Extensions.Logging.Abstractions;
using OpenTelemetry.Proto.Metrics.V1;
using static Backends.Tests.Samples;
using Metric = Collector.Core.Metrics.Metric;

namespace Backends.Tests;

/// <summary>
/// The histograms that eBPF programs keep in slots of powers of two, end to end: a known distribution arrives as it is.
/// </summary>
public sealed class HistogramTests
{
    private const long OneHour = 3_600_000_000_000;

    /// <summary>Declared by the probe; the numbers here are a test's.</summary>
    private static readonly Metric Wait = AllProbes.List.Single(p => p.Info.Id == "softirq").Info.Metrics
        .First(m => m.Name == "netlens.softirq.wait.duration");

    /// <summary>Every bucket has a count of its own, up to one that a double cannot hold.</summary>
    private static readonly long[] Counts =
        [.. Enumerable.Range(0, 25).Select(k => k == 24 ? (1L << 53) + 1 : 7L + (k * k * 1_000_003L))];

    private const long SumOfNanoseconds = 1_234_567_890_123_457;

    [Fact]
    public void Otlp_carries_exact_bounds_counts_sum_and_start()
    {
        var started = Nanoseconds(StandingClock.Noon) - OneHour;
        var row = new Row(Wait.Table, null, started, "net_rx");
        var collection = new Collection();

        var requests = Encoder().Encode(collection.Collect(s => s.Append(row).Set(Wait, Counts, SumOfNanoseconds)));

        var metric = requests.Metric("netlens.softirq.wait.duration");
        metric.Unit.ShouldBe("s");
        metric.Histogram.AggregationTemporality.ShouldBe(AggregationTemporality.Cumulative);
        var point = metric.Histogram.DataPoints.ShouldHaveSingleItem();
        point.ExplicitBounds.ShouldBe(Bounds());
        point.BucketCounts.Select(c => (long)c).ShouldBe(Counts);
        ((long)point.Count).ShouldBe(Counts.Sum());
        // 1e-9 is no exact double: at most its rounding may be between them.
        point.Sum.ShouldBe(SumOfNanoseconds / 1e9, 1e-15 * SumOfNanoseconds / 1e9);
        ((long)point.StartTimeUnixNano).ShouldBe(started);
        ((long)point.TimeUnixNano).ShouldBe(Nanoseconds(collection.Clock.Now));
        point.Attributes.Line().ShouldBe("""netlens.scope="node" netlens.softirq.vector="net_rx" """.Trim());
    }

    [VictoriaMetricsFact]
    public async Task A_backend_that_got_it_over_otlp_has_the_same_buckets()
    {
        await using var backend = await VictoriaMetrics.StartAsync();
        var collection = new Collection(DateTimeOffset.UtcNow - TimeSpan.FromSeconds(16));
        var row = new Row(Wait.Table, null, Nanoseconds(collection.Clock.Now), "net_rx");
        // Within what a backend's doubles hold.
        long[] counts = [.. Counts[..^1], 11];
        var statistics = new OtlpStatistics();
        using var exporter = new OtlpMetricExporter(
            collection.Store, Settings(new OtlpSignalSettings { Endpoint = backend.OtlpMetrics }), Resource,
            Samples.Version, statistics, TimeProvider.System, NullLogger<OtlpMetricExporter>.Instance, retry: null);
        collection.Collect(s => s.Append(row).Set(Wait, counts, SumOfNanoseconds));
        await exporter.StartAsync(default);
        while (statistics.LastDuration == 0)
            await Task.Delay(20);
        await exporter.StopAsync(default);

        var buckets = await backend.QueryAsync("netlens_softirq_wait_duration_seconds_bucket");
        var cumulative = 0L;
        var expected = Bounds().Append(double.PositiveInfinity).Zip(counts)
            .Select(b => (b.First, (double)(cumulative += b.Second)));
        buckets.Select(b => (Number(b.Labels["le"]), b.Value)).OrderBy(b => b.Item1).ShouldBe(expected);
        (await backend.QueryAsync("netlens_softirq_wait_duration_seconds_count")).Single().Value
            .ShouldBe(counts.Sum());
        (await backend.QueryAsync("netlens_softirq_wait_duration_seconds_sum")).Single().Value
            .ShouldBe(SumOfNanoseconds / 1e9, 1e-6);
    }

    private static double Number(string le) => le == "+Inf"
        ? double.PositiveInfinity
        : double.Parse(le, System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>2^10 to 2^33 ns in seconds, by decimal arithmetic.</summary>
    private static IEnumerable<double> Bounds() =>
        Enumerable.Range(10, 24).Select(k => (double)((1L << k) / 1_000_000_000m));
}
