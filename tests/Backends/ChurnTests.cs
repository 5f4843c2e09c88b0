using System.Runtime.CompilerServices;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using static Backends.Tests.Samples;

namespace Backends.Tests;

/// <summary>Namespaces that come and go leave nothing behind, neither in memory nor in what is sent.</summary>
public sealed class ChurnTests
{
    private const int PerTick = 50;
    private const int Ticks = 200;

    private readonly Collection _collection = new();
    private readonly Metric _counter = Counter("c");
    private readonly Metric _spread = Histogram("h", 1);
    private readonly TableInfo _table;
    private readonly List<WeakReference> _traces = [];

    public ChurnTests() => _table = Table(_counter, _spread);

    [Theory]
    [InlineData(OtlpTemporality.Cumulative)]
    [InlineData(OtlpTemporality.Delta)]
    public void Ten_thousand_namespaces_leave_no_trace(OtlpTemporality temporality)
    {
        var encoder = Encoder(temporality);
        for (var tick = 0; tick < Ticks; tick++)
            LiveAndDie(encoder, tick);
        // Each buffer of the store is emptied when it is taken again: a few quiet collections later all are.
        for (var i = 0; i < 4; i++)
            encoder.Encode(_collection.Collect(_ => { })).ShouldBeEmpty();

        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();

        _traces.Count.ShouldBe(Ticks * PerTick * (temporality == OtlpTemporality.Delta ? 4 : 3));
        _traces.Count(t => t.IsAlive).ShouldBe(0);
        // What the encoder keeps is as large as its largest request, not as all that ever was.
        encoder.Request.Length.ShouldBeLessThan(1_000);
        GC.KeepAlive(encoder);
        GC.KeepAlive(_collection);
    }

    /// <summary>A collection of namespaces that no other has. Not inlined, so that no local keeps them alive.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void LiveAndDie(SnapshotEncoder encoder, int tick)
    {
        Row[] rows = [.. Enumerable.Range(tick * PerTick, PerTick).Select(Make)];
        var requests = encoder.Encode(_collection.Collect(s =>
        {
            foreach (var row in rows)
            {
                var writer = s.Append(row);
                writer.Set(_counter, 1);
                writer.Set(_spread, [1, 2], 3);
            }
        }));
        requests.Metric("c").Numbers().Select(p => p.Attributes.Text("k8s.pod.name"))
            .ShouldBe(rows.Select(r => r.Subject!.Names.PodName));
        requests.Metric("h").Histogram.DataPoints.Count.ShouldBe(PerTick);
        foreach (var row in rows)
        {
            _traces.Add(new WeakReference(row));
            _traces.Add(new WeakReference(row.Subject));
            foreach (var slot in new[] { RowAttributes.Slot, DeltaCells.Slot })
            {
                if (row.GetCached(slot) is { } cached)
                    _traces.Add(new WeakReference(cached));
            }
        }
    }

    private Row Make(int number) => Row(
        _table, Namespace((ulong)(number % 997), new SubjectNames(PodNamespace: "jobs", PodName: $"job-{number}")),
        "x" + number);
}
