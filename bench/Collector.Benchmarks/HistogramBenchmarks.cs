using BenchmarkDotNet.Attributes;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Probes;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Export.Prometheus;

namespace Collector.Benchmarks;

/// <summary>
/// Exporting the softirq histograms of ten vectors on 64 CPUs after few and after very many events: the kernel counts in
/// the slots that leave, so that it must be the same work.
/// </summary>
public class HistogramBenchmarks
{
    private const int Cpus = 64;
    private SnapshotEncoder _encoder = null!;
    private PrometheusWriter _writer = null!;
    private Snapshot _snapshot = null!;

    /// <summary>Events in every bucket.</summary>
    [Params(10L, 1_000_000_000_000L)]
    public long Events { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var table = AllProbes.List.Single(p => p.Info.Id == "softirq").Info.Tables.Single(t => t.Id == "softirq.cpu");
        var builder = new SnapshotBuilder(new SnapshotStore(), TimeProvider.System);
        builder.Begin();
        for (var series = 0; series < 10 * Cpus; series++)
        {
            var row = builder.Append(new Row(table, null, 1, $"vector{series / Cpus}", series % Cpus));
            for (var column = 0; column < table.Width; column++)
                row.Set(column, Events);
        }
        _snapshot = builder.Publish();
        var settings = OtlpSettings.Resolve(new OtlpOptions(), static _ => null, []);
        var resource = ResourceAttributes.Build(
            settings, new ResourceOptions(), HostFacts.Read(), "0", static _ => null);
        _encoder = new SnapshotEncoder(resource, "0", OtlpTemporality.Cumulative, since: 0);
        _writer = new PrometheusWriter("node-1", table);
        Otlp();
        Prometheus();
    }

    [Benchmark]
    public long Otlp()
    {
        var bytes = 0L;
        _encoder.Begin(_snapshot);
        while (_encoder.TryNext())
            bytes += _encoder.Request.Length;
        _encoder.End();
        return bytes;
    }

    [Benchmark]
    public long Prometheus()
    {
        using var page = new PooledPage();
        _writer.Write(_snapshot, new PrometheusPageKind(MetricNaming.Otel, PrometheusFormat.Text), page);
        return page.Length;
    }
}
