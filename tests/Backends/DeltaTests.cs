using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using static Backends.Tests.Samples;

namespace Backends.Tests;

/// <summary>Delta temporality: the sum of all that was accepted is what was counted.</summary>
public sealed class DeltaTests
{
    private readonly Collection _collection = new();
    private readonly Metric _counter = Counter("c");
    private readonly Metric _spread = Histogram("h", 1, 2);
    private readonly Row _row;

    public DeltaTests() => _row = Row(Table(_counter, _spread), Namespace(1), "x");

    [Fact]
    public void Each_point_is_what_came_since_the_last_accepted_one()
    {
        var encoder = Encoder(OtlpTemporality.Delta);
        var start = (ulong)_row.StartTime;
        var seen = new List<long>();
        long[] totals = [5, 5, 9, 20];
        foreach (var total in totals)
        {
            var point = encoder.Encode(Collect(total)).Metric("c").Numbers().Single();
            point.StartTimeUnixNano.ShouldBe(start);
            start = point.TimeUnixNano;
            seen.Add(point.AsInt);
        }
        seen.ShouldBe([5, 0, 4, 11]);
    }

    [Fact]
    public void A_failed_request_is_made_up_for_by_the_next()
    {
        var encoder = Encoder(OtlpTemporality.Delta);
        encoder.Encode(Collect(5));
        var accepted = _collection.Clock.Now;
        encoder.Encode(Collect(8), accept: false);

        var point = encoder.Encode(Collect(12)).Metric("c").Numbers().Single();

        point.AsInt.ShouldBe(7);
        ((long)point.StartTimeUnixNano).ShouldBe(Nanoseconds(accepted));
    }

    [Fact]
    public void Only_the_points_of_the_accepted_request_move_on()
    {
        Metric[] metrics = [.. Enumerable.Range(0, 3).Select(i => Counter($"m{i}"))];
        var table = Table(metrics);
        Row[] rows = [.. Enumerable.Range(0, 50).Select(i => Row(table, Namespace(1), $"row-{i}"))];
        var encoder = Encoder(OtlpTemporality.Delta, maxBytes: 4096);
        var sums = new Dictionary<string, long>();
        for (var tick = 1; tick <= 7; tick++)
        {
            var requests = 0;
            encoder.Begin(_collection.Collect(s => Fill(s, rows, metrics, tick * 100)));
            while (encoder.TryNext())
            {
                // Every third request is lost, but none of the last collection.
                if (requests++ % 3 == tick % 3 && tick < 7)
                    continue;
                Add(sums, OpenTelemetry.Proto.Collector.Metrics.V1.ExportMetricsServiceRequest.Parser
                    .ParseFrom(encoder.Request.Span));
                encoder.Accept();
            }
            encoder.End();
            requests.ShouldBeGreaterThan(3);
        }
        sums.Count.ShouldBe(150);
        sums.Values.ShouldAllBe(v => v == 700);
    }

    [Fact]
    public void A_counter_that_began_anew_gives_all_it_counted_since()
    {
        var encoder = Encoder(OtlpTemporality.Delta);
        encoder.Encode(Collect(50));
        var turn = _collection.Clock.Now;

        var point = encoder.Encode(Collect(3)).Metric("c").Numbers().Single();

        point.AsInt.ShouldBe(3);
        ((long)point.StartTimeUnixNano).ShouldBe(Nanoseconds(turn));
    }

    [Fact]
    public void What_was_counted_before_the_agent_started_is_not_sent_again()
    {
        var encoder = Encoder(OtlpTemporality.Delta, since: _row.StartTime + 1);
        encoder.Encode(Collect(1_000_000)).ShouldBeEmpty();
        var first = _collection.Clock.Now;

        var requests = encoder.Encode(Collect(1_000_007));

        var point = requests.Metric("c").Numbers().Single();
        point.AsInt.ShouldBe(7);
        ((long)point.StartTimeUnixNano).ShouldBe(Nanoseconds(first));
        requests.Metric("h").Histogram.DataPoints.Single().Count.ShouldBe(7UL * 3);
    }

    [Fact]
    public void Histograms_are_taken_bucket_by_bucket_and_begin_anew_as_a_whole()
    {
        var encoder = Encoder(OtlpTemporality.LowMemory);
        encoder.Encode(Collect(10));
        var next = encoder.Encode(Collect(12)).Metric("h").Histogram.DataPoints.Single();
        next.BucketCounts.ShouldBe([2UL, 2UL, 2UL]);
        next.Count.ShouldBe(6UL);
        next.Sum.ShouldBe(2e-9);

        var anew = encoder.Encode(_collection.Collect(s => s.Append(_row).Set(_spread, [13, 1, 13], 14)));

        anew.Metric("h").Histogram.DataPoints.Single().BucketCounts.ShouldBe([13UL, 1UL, 13UL]);
    }

    private Snapshot Collect(long total) => _collection.Collect(s =>
    {
        var row = s.Append(_row);
        row.Set(_counter, total);
        row.Set(_spread, [total, total, total], total);
    });

    private static void Fill(SnapshotBuilder snapshot, Row[] rows, Metric[] metrics, long value)
    {
        foreach (var row in rows)
        {
            var writer = snapshot.Append(row);
            foreach (var metric in metrics)
                writer.Set(metric, value);
        }
    }

    private static void Add(
        Dictionary<string, long> sums, OpenTelemetry.Proto.Collector.Metrics.V1.ExportMetricsServiceRequest request)
    {
        foreach (var metric in request.Metrics())
        {
            foreach (var point in metric.Numbers())
            {
                var key = metric.Name + point.Attributes.Line();
                sums[key] = sums.GetValueOrDefault(key) + point.AsInt;
            }
        }
    }
}
