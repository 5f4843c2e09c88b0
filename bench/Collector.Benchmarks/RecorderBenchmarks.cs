using BenchmarkDotNet.Attributes;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Recorder;

namespace Collector.Benchmarks;

/// <summary>Recording one collection of 200 namespaces, of which a part of the numbers has changed.</summary>
public class RecorderBenchmarks
{
    private readonly History _history = new(new RecorderOptions { Memory = 4 << 20 });
    private readonly SnapshotLease[] _snapshots = new SnapshotLease[2];
    private int _next;

    /// <summary>One in so many cells differs from the collection before.</summary>
    [Params(1, 10, 50)]
    public int OneIn { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var node = new SyntheticNode(200);
        for (var i = 0; i < 2; i++)
        {
            node.Fill(OneIn);
            _snapshots[i] = node.Store.Acquire();
        }
        // Until segments are used again.
        while (_history.Dropped == 0)
            Record();
        for (var i = 0; i < 2000; i++)
            Record();
        var before = _history.Collections;
        Console.WriteLine($"one in {OneIn}: {_snapshots[0].Snapshot!.Series} series, "
            + $"{_history.Bytes / Math.Max(1, before)} B per collection");
    }

    [Benchmark]
    public long Record()
    {
        var snapshot = _snapshots[_next ^= 1].Snapshot!;
        _history.Record(snapshot);
        return snapshot.Tick;
    }
}
