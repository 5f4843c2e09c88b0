using Collector.Core.Events;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Events;
using Collector.Worker.Events.Outlets;
using Microsoft.Extensions.Logging.Abstractions;
using OpenTelemetry.Proto.Collector.Logs.V1;
using OpenTelemetry.Proto.Collector.Trace.V1;
using OpenTelemetry.Proto.Trace.V1;
using static Backends.Tests.Samples;

namespace Backends.Tests;

/// <summary>What took time as OTLP spans, decoded with the official messages.</summary>
public sealed class SpanTests
{
    private const long Time = 1_772_625_600_123_456_700;

    private static readonly EventInfo Slow = new()
    {
        Name = "netlens.test.slow",
        Severity = EventSeverity.Warn,
        Description = "It took long.",
        Fields = [new("netlens.test.duration")],
        IsTimed = true,
    };

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task An_occurrence_is_a_trace_of_its_own_with_its_stations_as_children(OtlpProtocol protocol)
    {
        await using var receiver = await Receiver.StartAsync();
        using var outlet = Outlet(receiver, protocol);
        NetworkEvent[] batch = [Event(1), Event(2) with { Severity = EventSeverity.Error, Stations = [] }];

        outlet.Write(batch, CancellationToken.None).ShouldBe(2);

        var received = await receiver.TakeAsync();
        received.Headers["x-tenant"].ShouldBe("a");
        received.Path.ShouldBe(protocol == OtlpProtocol.Grpc
            ? "/opentelemetry.proto.collector.trace.v1.TraceService/Export" : "/v1/traces");
        var resource = ExportTraceServiceRequest.Parser.ParseFrom(received.Message).ResourceSpans.Single();
        resource.Resource.Attributes.Select(a => (a.Key, a.Value.StringValue)).Order()
            .ShouldBe(Resource.Items.Select(i => (i.Key, i.Value)).Order());
        var scope = resource.ScopeSpans.Single();
        (scope.Scope.Name, scope.Scope.Version).ShouldBe(("netlens", Samples.Version));
        scope.Spans.Count.ShouldBe(4);
        scope.Spans.Select(s => s.SpanId).Distinct().Count().ShouldBe(4);
        scope.Spans.Select(s => s.TraceId).Distinct().Count().ShouldBe(2);

        var first = scope.Spans.Single(s => s.ParentSpanId.IsEmpty && s.EndTimeUnixNano == (ulong)Time + 100);
        first.Name.ShouldBe("netlens.test.slow");
        first.Kind.ShouldBe(Span.Types.SpanKind.Internal);
        first.StartTimeUnixNano.ShouldBe((ulong)Time - 12_000_000);
        first.Status?.Code.ShouldBe(Status.Types.StatusCode.Unset);
        first.Attributes.ToDictionary(a => a.Key, a => a.Value.ToString()).ShouldBe(new Dictionary<string, string>
        {
            ["netlens.scope"] = Text("namespace"), ["netlens.netns"] = Text("4026532001"),
            ["k8s.namespace.name"] = Text("shop"), ["k8s.pod.name"] = Text("web-0"),
            ["netlens.test.duration"] = "{ \"intValue\": \"12000100\" }",
            ["netlens.event.severity"] = Text("WARN"), ["netlens.event.message"] = Text("number 1"),
        }, ignoreOrder: true);
        var children = scope.Spans.Where(s => s.ParentSpanId == first.SpanId).OrderBy(s => s.StartTimeUnixNano);
        children.Select(s => (s.Name, s.StartTimeUnixNano, s.EndTimeUnixNano, s.TraceId)).ShouldBe(
        [
            ("wait", (ulong)Time - 12_000_000, (ulong)Time - 2_000_000, first.TraceId),
            ("run", (ulong)Time - 2_000_000, (ulong)Time, first.TraceId),
        ]);

        var failed = scope.Spans.Single(s => s.TraceId != first.TraceId);
        failed.ParentSpanId.ShouldBeEmpty();
        (failed.Status.Code, failed.Status.Message).ShouldBe((Status.Types.StatusCode.Error, "number 2"));
        failed.Attributes.Single(a => a.Key == "netlens.event.severity").Value.StringValue.ShouldBe("ERROR");
    }

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task A_span_its_children_and_the_log_record_have_the_ids_of_the_event(OtlpProtocol protocol)
    {
        await using var receiver = await Receiver.StartAsync();
        using var spans = Outlet(receiver, protocol);
        using var logs = new OtlpEventOutlet(
            ClientTests.To(receiver, OtlpProtocol.Grpc), Resource, Samples.Version, NullLogger.Instance);
        var e = Event(1) with { Trace = new(0x0102030405060708, 0x090a0b0c0d0e0f10, 0x1112131415161718) };

        spans.Write([e, Event(2)], CancellationToken.None).ShouldBe(2);
        var sent = Spans(await receiver.TakeAsync());
        var root = sent.Single(s => s.SpanId.ToByteArray().AsSpan().SequenceEqual(Convert.FromHexString(e.Trace.Value.SpanId)));
        root.ParentSpanId.ShouldBeEmpty();
        Convert.ToHexStringLower(root.TraceId.Span).ShouldBe("0102030405060708090a0b0c0d0e0f10");
        sent.Count(s => s.TraceId == root.TraceId && s.ParentSpanId == root.SpanId).ShouldBe(2);
        sent.Count(s => s.TraceId == root.TraceId).ShouldBe(3);
        // Who gets it twice can tell.
        spans.Write([e], CancellationToken.None).ShouldBe(1);
        Spans(await receiver.TakeAsync()).Select(s => s.SpanId)
            .ShouldBe(sent.Where(s => s.TraceId == root.TraceId).Select(s => s.SpanId), ignoreOrder: true);

        logs.Write([e, Event(2)], CancellationToken.None).ShouldBe(2);
        var records = ExportLogsServiceRequest.Parser.ParseFrom((await receiver.TakeAsync()).Message)
            .ResourceLogs.Single().ScopeLogs.Single().LogRecords;
        (records[0].TraceId, records[0].SpanId).ShouldBe((root.TraceId, root.SpanId));
        records[1].TraceId.ShouldBeEmpty();
        records[1].SpanId.ShouldBeEmpty();
    }

    [Fact]
    public async Task Only_what_took_time_is_offered_and_counted()
    {
        await using var receiver = await Receiver.StartAsync();
        using var hub = new EventHub(
            new EventLimiter(1, TimeSpan.FromMinutes(1), TimeProvider.System),
            [Outlet(receiver, OtlpProtocol.Grpc)], 8, TimeProvider.System, NullLogger.Instance);
        await hub.StartAsync(CancellationToken.None);
        var key = new EventKey(Slow, 1, 0);
        hub.Publish(key, Event(1) with { Start = null, Stations = [] });
        hub.Admit(key, Time).ShouldBeTrue();
        hub.Publish(key, Event(2));
        hub.Admit(key, Time).ShouldBeFalse();
        // A summary is of many happenings.
        await hub.StopAsync(CancellationToken.None);

        Spans(await receiver.TakeAsync()).Count(s => s.ParentSpanId.IsEmpty).ShouldBe(1);
        receiver.Waiting.ShouldBe(0);
        var queue = hub.Outlets.Single();
        (queue.Delivered, queue.Failed, queue.Dropped, queue.Waiting).ShouldBe((1, 0, 0, 0));
        hub.Summaries.ShouldBe(1);
    }

    [Fact]
    public async Task The_largest_batch_of_the_most_stations_is_one_request()
    {
        await using var receiver = await Receiver.StartAsync();
        using var outlet = Outlet(receiver, OtlpProtocol.Grpc);
        var stations = Enumerable.Range(0, NetworkEvent.MostStations)
            .Select(i => new EventStation($"station {i}", Time - 100 - i, Time)).ToArray();
        NetworkEvent[] batch =
            [.. Enumerable.Range(0, OutletQueue.LargestBatch).Select(i => Event(i) with { Stations = stations })];

        outlet.Write(batch, CancellationToken.None).ShouldBe(batch.Length);

        Spans(await receiver.TakeAsync()).Count.ShouldBe(batch.Length * (1 + NetworkEvent.MostStations));
        receiver.Waiting.ShouldBe(0);
    }

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task What_is_refused_is_sent_again_or_in_parts_and_then_given_up(OtlpProtocol protocol)
    {
        var answers = new Queue<int>([503, 200, 503, 503, 413, 200, 200]);
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Status = answers.Dequeue() });
        using var outlet = Outlet(receiver, protocol, TimeSpan.Zero);

        outlet.Write([Event(1)], CancellationToken.None).ShouldBe(1);
        outlet.Write([Event(2)], CancellationToken.None).ShouldBe(0);
        outlet.Write([Event(3), Event(4)], CancellationToken.None).ShouldBe(2);
        answers.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_old_and_a_new_outlet_send_each_their_own()
    {
        await using var receiver = await Receiver.StartAsync();
        using var old = Outlet(receiver, OtlpProtocol.Grpc);
        using var other = Outlet(receiver, OtlpProtocol.Grpc);

        other.Write([Event(1)], CancellationToken.None).ShouldBe(1);
        Spans(await receiver.TakeAsync()).Count.ShouldBe(3);
        old.Write([Event(2)], CancellationToken.None).ShouldBe(1);
        Spans(await receiver.TakeAsync()).Count.ShouldBe(3);
        receiver.Waiting.ShouldBe(0);
    }

    private static string Text(string text) => $"{{ \"stringValue\": \"{text}\" }}";

    private static NetworkEvent Event(int number) => new()
    {
        Info = Slow,
        Time = Time + (100 * number),
        ObservedTime = Time + 5_000_000,
        Start = Time - 12_000_000,
        Stations = [new("wait", Time - 12_000_000, Time - 2_000_000), new("run", Time - 2_000_000, Time)],
        Message = $"number {number}",
        Subject = new NetNamespace(4026532001, 2, false, 0, new("", "shop", "web-0", "")),
        Fields = [12_000_000 + (100 * number)],
    };

    internal static Google.Protobuf.Collections.RepeatedField<Span> Spans(Received received) =>
        ExportTraceServiceRequest.Parser.ParseFrom(received.Message).ResourceSpans.Single().ScopeSpans.Single().Spans;

    private static SpanEventOutlet Outlet(Receiver receiver, OtlpProtocol protocol, params TimeSpan[] retries)
    {
        var settings = ClientTests.To(receiver, protocol) with { Headers = [new("x-tenant", "a")] };
        if (protocol == OtlpProtocol.HttpProtobuf)
            settings = settings with { Endpoint = new Uri(settings.Endpoint!, "/v1/traces") };
        return new(settings, Resource, Samples.Version, NullLogger.Instance, retries);
    }
}
