using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using OpenTelemetry.Proto.Collector.Metrics.V1;
using static Backends.Tests.Samples;

namespace Backends.Tests;

/// <summary>The whole outlet: snapshots published, requests received.</summary>
public sealed class ExporterTests
{
    private readonly Collection _collection = new();
    private readonly Metric _counter = Counter("c");
    private readonly Row _row;
    private readonly OtlpStatistics _statistics = new();

    public ExporterTests() => _row = Row(Table(_counter), Namespace(1), "x");

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task Each_snapshot_arrives_and_is_counted(OtlpProtocol protocol)
    {
        await using var receiver = await Receiver.StartAsync();
        using var exporter = Exporter(ClientTests.To(receiver, protocol) with { Gzip = true });
        await exporter.StartAsync(default);
        for (var value = 1; value <= 3; value++)
        {
            Publish(value);
            (await ValueAsync(receiver)).ShouldBe(value);
        }
        await exporter.StopAsync(default);

        _statistics.PointsExported.ShouldBe(3);
        _statistics.Requests.ShouldBe(3);
        _statistics.SnapshotsExported.ShouldBe(3);
        _statistics.PointsFailed.ShouldBe(0);
        _statistics.LastSuccess.ShouldBeGreaterThan(0);
        _statistics.BytesEncoded.ShouldBeGreaterThan(0);
        _statistics.EncodeNanoseconds.ShouldBeInRange(1, Environment.CpuUsage.TotalTime.Ticks * 100);
    }

    [Fact]
    public async Task Points_that_the_server_dropped_are_told_from_those_it_took()
    {
        var partial = new ExportMetricsServiceResponse { PartialSuccess = new() { RejectedDataPoints = 1 } };
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Body = partial.ToByteArray() });
        using var exporter = Exporter(ClientTests.To(receiver, OtlpProtocol.Grpc));
        await exporter.StartAsync(default);
        Publish(1);
        await receiver.TakeAsync();
        await exporter.StopAsync(default);

        _statistics.PointsExported.ShouldBe(0);
        _statistics.PointsRejected.ShouldBe(1);
        _statistics.PointsFailed.ShouldBe(0);
    }

    [Fact]
    public async Task A_refused_request_is_counted_by_its_reason_and_the_next_one_goes_out()
    {
        var first = true;
        await using var receiver = await Receiver.StartAsync(_ =>
            new Reply { Status = Interlocked.Exchange(ref first, false) ? 400 : 200 });
        using var exporter = Exporter(ClientTests.To(receiver, OtlpProtocol.HttpProtobuf));
        await exporter.StartAsync(default);
        Publish(1);
        await receiver.TakeAsync();
        Publish(2);
        (await ValueAsync(receiver)).ShouldBe(2);
        await exporter.StopAsync(default);

        _statistics.Failures(OtlpFailure.Refused).ShouldBe(1);
        _statistics.PointsFailed.ShouldBe(1);
        _statistics.PointsExported.ShouldBe(1);
        _statistics.Failures(OtlpStatistics.Reasons.ToList().IndexOf("refused")).ShouldBe(1);
    }

    [Fact]
    public async Task A_silent_server_delays_nothing_and_keeps_nothing_and_lets_us_go()
    {
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Silent = true });
        var settings = ClientTests.To(receiver, OtlpProtocol.Grpc) with { Timeout = TimeSpan.FromHours(1) };
        using var exporter = Exporter(settings);
        await exporter.StartAsync(default);
        Publish(1);
        await receiver.TakeAsync();
        var buffers = new HashSet<Snapshot>();
        for (var i = 0; i < 100; i++)
            buffers.Add(Publish(i));
        await exporter.StopAsync(default);

        // One held by the exporter, one current, one filled, and one between them.
        buffers.Count.ShouldBeLessThanOrEqualTo(4);
        receiver.Waiting.ShouldBe(0);
        _statistics.Failures(OtlpFailure.Shutdown).ShouldBeGreaterThan(0);
        _statistics.SnapshotsSkipped.ShouldBe(99);
    }

    [Fact]
    public async Task The_newest_snapshot_leaves_before_the_end()
    {
        var hold = new TaskCompletionSource();
        var calls = 0;
        await using var receiver = await Receiver.StartAsync(_ =>
        {
            if (Interlocked.Increment(ref calls) == 1)
                hold.Task.Wait();
            return new Reply();
        });
        using var exporter = Exporter(ClientTests.To(receiver, OtlpProtocol.HttpProtobuf));
        await exporter.StartAsync(default);
        Publish(1);
        (await ValueAsync(receiver)).ShouldBe(1);
        Publish(2);
        Publish(3);

        var stopping = exporter.StopAsync(default);
        hold.SetResult();
        await stopping;

        (await ValueAsync(receiver)).ShouldBe(3);
        _statistics.PointsExported.ShouldBe(2);
        _statistics.SnapshotsSkipped.ShouldBe(1);
    }

    [Fact]
    public async Task Pushes_keep_their_distance()
    {
        await using var receiver = await Receiver.StartAsync();
        var settings = Settings(ClientTests.To(receiver, OtlpProtocol.HttpProtobuf)) with
        {
            Interval = TimeSpan.FromSeconds(45),
        };
        using var exporter = Exporter(settings);
        await exporter.StartAsync(default);
        // Collections are 15 s apart: the first, fourth and seventh are due.
        for (var value = 1; value <= 7; value++)
        {
            Publish(value);
            if (value % 3 == 1)
                (await ValueAsync(receiver)).ShouldBe(value);
        }
        await exporter.StopAsync(default);

        receiver.Waiting.ShouldBe(0);
        _statistics.SnapshotsSkipped.ShouldBe(0);
    }

    [Theory]
    [InlineData(-40)]
    [InlineData(60)]
    public async Task Pushes_go_on_whatever_the_clock_is_set_to(int seconds)
    {
        await using var receiver = await Receiver.StartAsync();
        using var exporter = Exporter(ClientTests.To(receiver, OtlpProtocol.HttpProtobuf));
        await exporter.StartAsync(default);
        Publish(1);
        (await ValueAsync(receiver)).ShouldBe(1);
        _collection.Clock.Step = TimeSpan.FromSeconds(seconds);
        Publish(2);
        (await ValueAsync(receiver)).ShouldBe(2);
        _collection.Clock.Step = TimeSpan.Zero;
        Publish(3);
        (await ValueAsync(receiver)).ShouldBe(3);
        await exporter.StopAsync(default);

        _statistics.SnapshotsSkipped.ShouldBe(0);
    }

    [Fact]
    public async Task When_the_server_cannot_be_had_the_rest_of_a_snapshot_is_not_tried()
    {
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Silent = true });
        var table = Table(Counter("many"));
        Row[] rows = [.. Enumerable.Range(0, 500).Select(i => Row(table, Namespace((ulong)i + 1), "x"))];
        // The request has to get there in this time, also on a busy machine.
        var timeout = TimeSpan.FromSeconds(3);
        var settings = ClientTests.To(receiver, OtlpProtocol.HttpProtobuf) with { Timeout = timeout };
        using var exporter = Exporter(Settings(settings) with { MaxRequestBytes = 4096 });
        await exporter.StartAsync(default);
        _collection.Collect(s =>
        {
            foreach (var row in rows)
                s.Append(row).Set(table.Metrics[0], 1);
        });
        await receiver.TakeAsync();
        while (_statistics.LastDuration == 0)
            await Task.Delay(20);
        await exporter.StopAsync(default);

        receiver.Waiting.ShouldBe(0);
        _statistics.PointsFailed.ShouldBe(500);
        _statistics.Failures(OtlpFailure.Timeout).ShouldBe(1);
    }

    [Fact]
    public async Task Under_delta_a_server_that_fails_now_and_then_gets_the_whole_in_the_end()
    {
        var calls = 0;
        await using var receiver = await Receiver.StartAsync(_ =>
            new Reply { Status = Interlocked.Increment(ref calls) % 2 == 0 ? 400 : 200 });
        var to = ClientTests.To(receiver, OtlpProtocol.HttpProtobuf);
        using var exporter = Exporter(Settings(to, OtlpTemporality.Delta));
        // The clock of the samples: the counter began after the exporter, so that all of it is sent.
        await exporter.StartAsync(default);
        var young = Row(Table(Counter("young")), Namespace(9, start: Nanoseconds(_collection.Clock.Now) + 1), "x");
        long sum = 0;
        for (var i = 1; i <= 5; i++)
        {
            _collection.Collect(s => s.Append(young).Set(young.Table.Metrics[0], i * 10));
            var value = await ValueAsync(receiver);
            sum += i % 2 == 1 ? value : 0;
        }
        await exporter.StopAsync(default);

        sum.ShouldBe(50);
        _statistics.Failures(OtlpFailure.Refused).ShouldBe(2);
    }

    private Snapshot Publish(long value) => _collection.Collect(s => s.Append(_row).Set(_counter, value));

    private OtlpMetricExporter Exporter(OtlpSignalSettings settings) => Exporter(Settings(settings));

    private OtlpMetricExporter Exporter(OtlpSettings settings) =>
        new(_collection.Store, settings, Resource, Samples.Version, _statistics, new Clock(_collection.Clock),
            NullLogger<OtlpMetricExporter>.Instance,
            new RetryPolicy(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(1)))
        {
            // Long enough for a busy machine, except where the server never answers.
            Flush = TimeSpan.FromSeconds(settings.Metrics.Timeout > TimeSpan.FromMinutes(1) ? 1 : 60),
        };

    private static async Task<long> ValueAsync(Receiver receiver)
    {
        var request = ExportMetricsServiceRequest.Parser.ParseFrom((await receiver.TakeAsync()).Message);
        return request.Metrics().Single().Numbers().Single().AsInt;
    }

    /// <summary>The samples' time of day, with timers that run.</summary>
    private sealed class Clock(StandingClock standing) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => standing.GetUtcNow();
    }
}
