using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Microsoft.Extensions.Logging.Abstractions;
using static Backends.Tests.Samples;

namespace Backends.Tests;

/// <summary>A snapshot in over OTLP, the same numbers out of a query.</summary>
public sealed class VictoriaMetricsTests
{
    [VictoriaMetricsFact]
    public async Task What_goes_in_over_otlp_comes_out_of_queries()
    {
        await using var backend = await VictoriaMetrics.StartAsync();
        var receive = Counter("netlens.test.io", Units.Bytes, new Tag("network.io.direction", "receive"));
        var sockets = Of(InstrumentKind.UpDownCounter, "netlens.test.sockets", Units.Sockets);
        var latency = Histogram("netlens.test.latency", 0.001, 0.01);
        var table = new TableInfo("t", RowScope.Namespace, [new("network.interface.name")],
            [receive, sockets, latency]);
        // Close to now: a backend refuses what is far in the past or in the future.
        var collection = new Collection(DateTimeOffset.UtcNow - TimeSpan.FromSeconds(16));
        Row[] rows = [.. Enumerable.Range(0, 200).Select(i => Make(table, collection, i))];
        var statistics = new OtlpStatistics();
        var settings = Settings(new OtlpSignalSettings { Endpoint = backend.OtlpMetrics, Gzip = true }) with
        {
            MaxRequestBytes = 32 * 1024,
        };
        using var exporter = new OtlpMetricExporter(
            collection.Store, settings, Resource, Samples.Version, statistics, TimeProvider.System,
            NullLogger<OtlpMetricExporter>.Instance, retry: null);

        collection.Collect(s => Fill(s, rows, receive, sockets, latency));
        await exporter.StartAsync(default);
        while (statistics.LastDuration == 0)
            await Task.Delay(20);
        await exporter.StopAsync(default);

        statistics.PointsExported.ShouldBe(600);
        statistics.Requests.ShouldBeGreaterThan(3);
        await Holds(backend, "netlens_test_io_bytes_total", i => 1_000_000_007L * i);
        await Holds(backend, "netlens_test_sockets", i => i);
        await Holds(backend, "netlens_test_latency_seconds_count", i => i + 3);
        await Holds(backend, "netlens_test_latency_seconds_sum", i => i * 1e-3);
        await Holds(backend, """netlens_test_latency_seconds_bucket{le="0.01"}""", i => i + 1);
    }

    private static Row Make(TableInfo table, Collection collection, int i) => new(
        table, Namespace((ulong)i + 1, new SubjectNames(PodNamespace: "shop", PodName: $"pod-{i}")),
        Nanoseconds(collection.Clock.Now), "eth0");

    private static void Fill(SnapshotBuilder snapshot, Row[] rows, Metric receive, Metric sockets, Metric latency)
    {
        for (var i = 0; i < rows.Length; i++)
        {
            var row = snapshot.Append(rows[i]);
            row.Set(receive, 1_000_000_007L * i);
            row.Set(sockets, i);
            row.Set(latency, [i, 1, 2], i * 1_000_000L);
        }
    }

    private static async Task Holds(VictoriaMetrics backend, string query, Func<int, double> expected)
    {
        var series = await backend.QueryAsync(query);
        series.Count.ShouldBe(200, query);
        foreach (var (labels, value) in series)
        {
            var pod = labels["k8s_pod_name"];
            value.ShouldBe(expected(int.Parse(pod["pod-".Length..])), 1e-9, $"{query} of {pod}");
            labels["service_name"].ShouldBe("netlens");
            labels["host_name"].ShouldBe("node-a");
            labels["network_interface_name"].ShouldBe("eth0");
        }
    }
}
