using BenchmarkDotNet.Attributes;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Microsoft.Extensions.Logging.Abstractions;

namespace Collector.Benchmarks;

/// <summary>A whole collection as the agent does it: namespaces, every probe of the default, publishing.</summary>
public class CollectionBenchmarks
{
    private NodeCollector _collector = null!;

    [Params(0, 20, 200)]
    public int Pods { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        RealPods.Have(Pods);
        var options = new AgentOptions();
        _collector = new NodeCollector(
            NodeFactory.Create(options.Paths), options, TimeProvider.System, NullLogger.Instance);
        for (var i = 0; i < 4; i++)
            _collector.CollectOnce();
    }

    [Benchmark]
    public long Collect() => _collector.CollectOnce().Tick;

    [GlobalCleanup]
    public void Cleanup() => _collector.Dispose();
}
