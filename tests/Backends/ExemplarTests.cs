using System.Net;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using OpenTelemetry.Proto.Collector.Metrics.V1;
using OpenTelemetry.Proto.Metrics.V1;
using static Backends.Tests.Samples;
using Exemplar = OpenTelemetry.Proto.Metrics.V1.Exemplar;
using Metric = Collector.Core.Metrics.Metric;

namespace Backends.Tests;

/// <summary>Slow occurrences as exemplars of OTLP's histograms, decoded with the official messages.</summary>
public sealed class ExemplarTests
{
    private static readonly EventInfo Slow = new()
    {
        Name = "netlens.test.slow", Severity = EventSeverity.Warn, Description = "Slow.", IsTimed = true,
        Fields = [new("netlens.test.duration")],
    };

    private readonly Collection _collection = new();
    private readonly Metric _duration = Histogram("d", 0.001, 1);
    private readonly Row _row;
    private long _count;

    public ExemplarTests() => _row = Row(
        new("t", RowScope.Namespace, [], [_duration]), Namespace(7, new(null, "shop", "web-0", "uid-1")));

    [Theory]
    [InlineData(OtlpTemporality.Cumulative)]
    [InlineData(OtlpTemporality.Delta)]
    public void Each_leaves_once_with_what_its_point_does_not_say(OtlpTemporality temporality)
    {
        var encoder = Encoder(temporality);
        Exemplars(encoder.Encode(Collect())).ShouldBeEmpty();
        var e = Event(250_000_000);
        _collection.Store.Exemplars.Offer(e);

        var sent = Exemplars(encoder.Encode(Collect())).ShouldHaveSingleItem();
        sent.TimeUnixNano.ShouldBe((ulong)e.Time);
        sent.AsDouble.ShouldBe(0.25);
        Convert.ToHexStringLower(sent.TraceId.Span).ShouldBe(e.Trace!.Value.TraceId);
        Convert.ToHexStringLower(sent.SpanId.Span).ShouldBe(e.Trace!.Value.SpanId);
        sent.FilteredAttributes.Select(a => (a.Key, a.Value.StringValue + a.Value.IntValue)).ShouldBe(
        [
            ("network.transport", "tcp0"), ("network.type", "ipv40"), ("source.address", "10.0.0.10"),
            ("source.port", "4711"), ("destination.address", "10.0.0.20"), ("destination.port", "80"),
            ("process.pid", "17"), ("thread.id", "18"), ("thread.name", "nginx0"),
            ("netlens.test.duration", "250000000"),
        ]);

        Exemplars(encoder.Encode(Collect())).ShouldBeEmpty();
        _collection.Store.Exemplars.Offer(Event(2_000_000_000) with { Trace = null });
        var other = Exemplars(encoder.Encode(Collect())).ShouldHaveSingleItem();
        other.AsDouble.ShouldBe(2);
        other.TraceId.ShouldBeEmpty();
        other.SpanId.ShouldBeEmpty();
    }

    [Fact]
    public void What_was_not_accepted_leaves_again()
    {
        var encoder = Encoder();
        _collection.Store.Exemplars.Offer(Event(250_000_000));
        Exemplars(encoder.Encode(Collect(), accept: false)).Count.ShouldBe(1);
        Exemplars(encoder.Encode(Collect())).Count.ShouldBe(1);
        Exemplars(encoder.Encode(Collect())).ShouldBeEmpty();
        // Another exporter has its own.
        Exemplars(Encoder().Encode(Collect())).Count.ShouldBe(1);
    }

    [Fact]
    public void A_request_that_is_halved_loses_none()
    {
        var encoder = Encoder(maxBytes: 64 * 1024);
        var rows = Enumerable.Range(0, 100).Select(i => Row(_row.Table, Namespace(100 + (ulong)i))).ToArray();
        _collection.Store.Exemplars.Offer(Event(250_000_000));
        var snapshot = _collection.Collect(b =>
        {
            foreach (var row in (Row[])[.. rows, _row])
                b.Append(row).Set(_duration, [1, 1, 1], 5);
        });
        encoder.Begin(snapshot);
        encoder.TryNext().ShouldBeTrue();
        encoder.Halve().ShouldBeTrue();
        List<ExportMetricsServiceRequest> requests = [];
        while (encoder.TryNext())
        {
            requests.Add(ExportMetricsServiceRequest.Parser.ParseFrom(encoder.Request.Span));
            encoder.Accept();
        }
        encoder.End();
        requests.Count.ShouldBeGreaterThan(1);
        Exemplars(requests).Count.ShouldBe(1);
        Exemplars(encoder.Encode(Collect())).ShouldBeEmpty();
    }

    [Fact]
    public void Collections_with_old_ones_are_encoded_without_an_allocation()
    {
        var encoder = Encoder();
        _collection.Store.Exemplars.Offer(Event(250_000_000));
        for (var i = 0; i < 5; i++)
            Run();
        var allocated = 0L;
        for (var i = 0; i < 10; i++)
            allocated += Run();
        allocated.ShouldBe(0);

        long Run()
        {
            var snapshot = Collect();
            var before = GC.GetAllocatedBytesForCurrentThread();
            encoder.Begin(snapshot);
            while (encoder.TryNext())
                encoder.Accept();
            encoder.End();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    private static List<Exemplar> Exemplars(IEnumerable<ExportMetricsServiceRequest> requests) =>
        [.. requests.SelectMany(r => r.ResourceMetrics).SelectMany(r => r.ScopeMetrics).SelectMany(s => s.Metrics)
            .SelectMany(m => m.Histogram.DataPoints).SelectMany(p => p.Exemplars)];

    private Snapshot Collect() => _collection.Collect(b => b.Append(_row).Set(_duration, [++_count, _count, _count], 5));

    // Between the last collection and the next.
    private NetworkEvent Event(long nanoseconds)
    {
        var time = Nanoseconds(_collection.Clock.Now) + 1_000_000_000;
        return new()
        {
            Info = Slow, Time = time, Start = time - nanoseconds, ObservedTime = time, Message = "",
            Subject = _row.Subject, Measured = new(_duration), Trace = new(1, 2, (ulong)nanoseconds),
            Tuple = new("tcp", IPAddress.Parse("10.0.0.1"), 4711, IPAddress.Parse("10.0.0.2"), 80),
            Process = new(17, 18, "nginx"), Fields = [nanoseconds],
        };
    }
}
