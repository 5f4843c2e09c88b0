using BenchmarkDotNet.Attributes;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

namespace Collector.Benchmarks;

/// <summary>Encoding 200 namespaces' numbers as OTLP requests, which then would be compressed and sent.</summary>
public class OtlpBenchmarks
{
    private SyntheticNode _node = null!;
    private SnapshotEncoder _encoder = null!;
    private Snapshot _snapshot = null!;

    [Params(OtlpTemporality.Cumulative, OtlpTemporality.Delta)]
    public OtlpTemporality Temporality { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _node = new SyntheticNode(200);
        var settings = OtlpSettings.Resolve(new OtlpOptions(), static _ => null, []);
        var resource = ResourceAttributes.Build(
            settings, new ResourceOptions(), HostFacts.Read(), "0", static _ => null);
        _encoder = new SnapshotEncoder(resource, "0", Temporality, since: 0);
        for (var i = 0; i < 4; i++)
        {
            _snapshot = _node.Fill();
            Encode();
        }
    }

    [Benchmark]
    public long Encode()
    {
        var bytes = 0L;
        _encoder.Begin(_snapshot);
        while (_encoder.TryNext())
            bytes += _encoder.Request.Length;
        _encoder.End();
        return bytes;
    }
}
