using BenchmarkDotNet.Attributes;
using Collector.Core.Compatibility;
using Collector.Core.Snapshots;
using Collector.Linux.Probes;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;

namespace Collector.Benchmarks;

/// <summary>Writing 200 namespaces' numbers as a page, before compression.</summary>
public class PrometheusBenchmarks
{
    private Snapshot _snapshot = null!;
    private PrometheusWriter _writer = null!;
    private PrometheusPageKind _kind;

    [ParamsAllValues]
    public MetricNaming Naming { get; set; }

    [ParamsAllValues]
    public PrometheusFormat Format { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var node = new SyntheticNode(200);
        _snapshot = node.Fill();
        _writer = new PrometheusWriter("node-1", AllProbes.List.SelectMany(p => p.Info.AllTables));
        _kind = new PrometheusPageKind(Naming, Format);
        Write();
    }

    [Benchmark]
    public long Write()
    {
        using var page = new PooledPage();
        _writer.Write(_snapshot, _kind, page);
        return page.Length;
    }
}
