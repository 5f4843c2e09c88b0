using BenchmarkDotNet.Attributes;
using Collector.Core.Snapshots;

namespace Collector.Benchmarks;

/// <summary>What handing over 200 namespaces' numbers costs besides reading them.</summary>
public class SnapshotBenchmarks
{
    private SyntheticNode _node = null!;

    [GlobalSetup]
    public void Setup()
    {
        _node = new SyntheticNode(200);
        for (var i = 0; i < 4; i++)
            _node.Fill();
    }

    [Benchmark]
    public long FillAndPublish() => _node.Fill().Tick;

    [Benchmark]
    public long Lease()
    {
        using var lease = _node.Store.Acquire();
        return lease.Snapshot!.Tick;
    }
}
