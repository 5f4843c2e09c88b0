using BenchmarkDotNet.Attributes;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Recorder;
using Collector.Worker.View;

namespace Collector.Benchmarks;

/// <summary>
/// What a page of a node with many namespaces costs: each overview once per collection, however many look; a subject
/// and what changed when somebody asks for it.
/// </summary>
public class ViewBenchmarks
{
    /// <summary>One in so many cells differs from the collection before.</summary>
    private const int OneIn = 10;

    private const int Collections = 120;

    private readonly History _history = new(new RecorderOptions { Memory = 64 << 20, Span = TimeSpan.FromDays(1) });

    [Params(50, 500)]
    public int Namespaces { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var node = new SyntheticNode(Namespaces);
        for (var i = 0; i < Collections; i++)
            _history.Record(node.Fill(OneIn));
        Console.WriteLine($"{Namespaces} namespaces: {Overview()} B");
    }

    [Benchmark]
    public int Overview() => Read(static v => ViewJson.Bytes(v.Overview()).Length);

    [Benchmark]
    public int Subject() => Read(static v => ViewJson.Bytes(v.Subject("n4026532001")!).Length);

    [Benchmark]
    public int Changes() => Read(static v => ViewJson.Bytes(v.Compare()!).Length);

    private int Read(Func<NodeView, int> read)
    {
        using var recording = _history.Read()!;
        // Collections follow each other at once here: the window is some of them, as of a minute.
        var length = TimeSpan.FromTicks((recording.Newest.Moment - recording.Times[^30].Moment) / 100);
        return read(NodeView.Of(new ViewSource
        {
            Recording = recording, Facts = new(), Catalogue = NodeFactory.Catalogue,
        }, length)!);
    }
}
