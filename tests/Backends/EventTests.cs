using System.Net;
using Collector.Core.Events;
using Collector.Core.Subjects;
using Collector.Worker.Configuration;
using Collector.Worker.Events;
using Collector.Worker.Events.Outlets;
using Google.Protobuf.Collections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OpenTelemetry.Proto.Collector.Logs.V1;
using OpenTelemetry.Proto.Common.V1;
using OpenTelemetry.Proto.Logs.V1;
using static Backends.Tests.Samples;

namespace Backends.Tests;

/// <summary>Events as OTLP log records, decoded with the official messages.</summary>
public sealed class EventTests
{
    private const long Time = 1_772_625_600_123_456_700;

    private static readonly EventInfo Reset = new()
    {
        Name = "netlens.test.reset",
        Severity = EventSeverity.Warn,
        Description = "A connection was reset.",
        Fields = [new("netlens.test.state"), new("netlens.test.errno"), new("netlens.test.unknown")],
    };

    private static readonly NetNamespace Pod = new(
        4026532001, 2, false, 0, new("blue", "shop", "web-0", ""));

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task Every_part_of_an_event_arrives_in_its_place(OtlpProtocol protocol)
    {
        await using var receiver = await Receiver.StartAsync();
        using var outlet = Outlet(receiver, protocol);

        outlet.Write([Full()], CancellationToken.None).ShouldBe(1);

        var received = await receiver.TakeAsync();
        received.Headers["x-tenant"].ShouldBe("a");
        var request = ExportLogsServiceRequest.Parser.ParseFrom(received.Message);
        var scope = request.ResourceLogs.Single().ScopeLogs.Single();
        scope.Scope.Name.ShouldBe("netlens");
        scope.Scope.Version.ShouldBe(Samples.Version);
        request.ResourceLogs.Single().Resource.Attributes.Select(a => (a.Key, a.Value.StringValue)).Order()
            .ShouldBe(Resource.Items.Select(i => (i.Key, i.Value)).Order());
        var record = scope.LogRecords.Single();
        record.EventName.ShouldBe("netlens.test.reset");
        record.Body.StringValue.ShouldBe("reset {by} peer");
        record.TimeUnixNano.ShouldBe((ulong)Time);
        record.ObservedTimeUnixNano.ShouldBe((ulong)Time + 5_000_000);
        record.SeverityNumber.ShouldBe(SeverityNumber.Warn);
        record.SeverityText.ShouldBe("Warning");
        record.TraceId.ShouldBeEmpty();
        record.Attributes.Select(Shown).ShouldBe(
        [
            "netlens.scope: namespace", "netlens.netns: 4026532001", "netlens.netns.name: blue",
            "k8s.namespace.name: shop", "k8s.pod.name: web-0",
            "network.transport: tcp", "network.type: ipv4", "source.address: 192.0.2.1", "source.port: int 40000",
            "destination.address: 198.51.100.2", "destination.port: int 443",
            "process.pid: int 17", "thread.id: int 18", "thread.name: nginx",
            "netlens.test.state: established", "netlens.test.errno: int -104",
            "code.stacktrace: tcp_reset+0x10\ntcp_rcv_established+0x2a",
            "netlens.event.held_back: int 7", "netlens.event.summary: bool True",
        ]);
    }

    [Theory]
    [InlineData(EventSeverity.Info, SeverityNumber.Info)]
    [InlineData(EventSeverity.Warn, SeverityNumber.Warn)]
    [InlineData(EventSeverity.Error, SeverityNumber.Error)]
    public async Task Severity_is_that_of_the_event(EventSeverity severity, SeverityNumber expected)
    {
        await using var receiver = await Receiver.StartAsync();
        using var outlet = Outlet(receiver, OtlpProtocol.HttpProtobuf);
        var info = new EventInfo { Name = "netlens.test.x", Severity = severity, Description = "X." };

        outlet.Write([Plain(1) with { Info = info }, Plain(2) with { Severity = severity }], CancellationToken.None)
            .ShouldBe(2);

        var records = Records(await receiver.TakeAsync());
        records.Select(r => r.SeverityNumber).ShouldBe([expected, expected]);
        var record = records[0];
        record.Attributes.Select(Shown).ShouldBe(["netlens.scope: node"]);
    }

    [Fact]
    public async Task A_batch_is_one_request_in_order()
    {
        await using var receiver = await Receiver.StartAsync();
        using var outlet = Outlet(receiver, OtlpProtocol.Grpc);
        var batch = Enumerable.Range(0, OutletQueue.LargestBatch).Select(Plain).ToArray();

        for (var round = 0; round < 3; round++)
        {
            outlet.Write(batch, CancellationToken.None).ShouldBe(batch.Length);
            Records(await receiver.TakeAsync()).Select(r => r.Body.StringValue)
                .ShouldBe(batch.Select(e => e.Message));
        }
        receiver.Waiting.ShouldBe(0);
    }

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task A_batch_that_is_refused_is_sent_again_and_then_given_up(OtlpProtocol protocol)
    {
        var refusals = 1;
        await using var receiver = await Receiver.StartAsync(_ => Interlocked.Decrement(ref refusals) >= 0
            ? new Reply { Status = 503 }
            : new Reply());
        using var outlet = Outlet(receiver, protocol, TimeSpan.Zero, TimeSpan.Zero);

        outlet.Write([Plain(1), Plain(2)], CancellationToken.None).ShouldBe(2);
        Records(await receiver.TakeAsync()).Count.ShouldBe(2);
        Records(await receiver.TakeAsync()).Count.ShouldBe(2);

        Interlocked.Exchange(ref refusals, 3);
        outlet.Write([Plain(3)], CancellationToken.None).ShouldBe(0);
        Interlocked.CompareExchange(ref refusals, 0, 0).ShouldBe(0);

        outlet.Write([Plain(4)], CancellationToken.None).ShouldBe(1);
    }

    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task What_is_refused_for_its_size_is_sent_in_parts_and_nothing_is_lost(OtlpProtocol protocol)
    {
        var taken = 0;
        await using var receiver = await Receiver.StartAsync(request =>
        {
            var count = Records(request).Count;
            Interlocked.Add(ref taken, count <= 20 ? count : 0);
            return new Reply { Status = count <= 20 ? 200 : 413 };
        });
        var log = new Lines();
        using var outlet = new OtlpEventOutlet(
            ClientTests.To(receiver, protocol), Resource, Samples.Version, log, []);
        NetworkEvent[] batch = [.. Enumerable.Range(0, 100).Select(Plain)];

        outlet.Write(batch, CancellationToken.None).ShouldBe(100);
        var requests = receiver.Waiting;
        outlet.Write(batch, CancellationToken.None).ShouldBe(100);

        taken.ShouldBe(200);
        // 100, 50 and 25 were refused once; 12 at a time from then on.
        (receiver.Waiting - requests).ShouldBe(9);
        log.Text.ShouldHaveSingleItem().ShouldContain("refuses requests of 100 events");
    }

    /// <summary>It closes before it has read them: its answer is lost but to who asks before it sends.</summary>
    [Fact]
    public async Task Also_by_a_server_whose_refusal_a_reset_destroys()
    {
        await using var receiver = await Receiver.StartAsync();
        using var server = new HastyServer(receiver, 200_000);
        var to = ClientTests.To(receiver, OtlpProtocol.HttpProtobuf) with
        {
            Endpoint = new Uri(server.Address, "/v1/logs"),
            Gzip = false,
        };
        using var outlet = new OtlpEventOutlet(
            to, Resource, Samples.Version, new Lines(), [TimeSpan.FromMilliseconds(1)]);
        NetworkEvent[] batch =
            [.. Enumerable.Range(0, 100).Select(n => Plain(n) with { Message = $"{n} {new string('m', 50_000)}" })];

        outlet.Write(batch, CancellationToken.None).ShouldBe(100);

        server.Answers.Take(2).ShouldBe(["413", "413?"]);
        var taken = new List<string>();
        while (receiver.Waiting > 0)
            taken.AddRange(Records(await receiver.TakeAsync()).Select(r => r.Body.StringValue));
        taken.ShouldBe(batch.Select(e => e.Message));
    }

    [Theory]
    [InlineData(OtlpProtocol.Grpc, 0)]
    [InlineData(OtlpProtocol.HttpProtobuf, 0)]
    [InlineData(OtlpProtocol.HttpProtobuf, 50)]
    [InlineData(OtlpProtocol.HttpProtobuf, 99)]
    public async Task Of_a_batch_with_one_event_that_is_too_large_only_that_is_lost(OtlpProtocol protocol, int place)
    {
        var taken = new List<string>();
        await using var receiver = await Receiver.StartAsync(request =>
        {
            if (request.Message.Length > 100_000)
                return new Reply { Status = 413 };
            lock (taken)
                taken.AddRange(Records(request).Select(r => r.Body.StringValue));
            return new Reply();
        });
        var log = new Lines();
        using var outlet = new OtlpEventOutlet(
            ClientTests.To(receiver, protocol), Resource, Samples.Version, log, []);
        NetworkEvent[] batch = [.. Enumerable.Range(0, 100).Select(Plain)];
        batch[place] = batch[place] with { Message = new string('m', 120_000) };

        outlet.Write(batch, CancellationToken.None).ShouldBe(99);
        taken.ShouldBe(batch.Select(e => e.Message).Where(m => m.Length < 1000));
        log.Text.ShouldHaveSingleItem().ShouldContain("an event is too large by itself");
        receiver.Waiting.ShouldBeLessThan(20);

        // The others are sent together as before.
        var requests = receiver.Waiting;
        outlet.Write([.. Enumerable.Range(0, 100).Select(Plain)], CancellationToken.None).ShouldBe(100);
        (receiver.Waiting - requests).ShouldBe(1);
    }

    [Fact]
    public async Task A_server_that_finds_every_event_too_large_is_not_asked_about_each()
    {
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Status = 413 });
        using var outlet = new OtlpEventOutlet(
            ClientTests.To(receiver, OtlpProtocol.HttpProtobuf), Resource, Samples.Version, new Lines(), []);

        outlet.Write([.. Enumerable.Range(0, 500).Select(Plain)], CancellationToken.None).ShouldBe(0);

        receiver.Waiting.ShouldBeLessThan(30);
    }

    [Fact]
    public async Task A_refusal_for_size_says_nothing_of_a_server_that_goes_away_afterwards()
    {
        var requests = 0;
        var taken = 0;
        await using var receiver = await Receiver.StartAsync(request =>
        {
            var count = Records(request).Count;
            // Too large; then the server restarts; then it takes what it gets.
            var reply = Interlocked.Increment(ref requests) switch
            {
                1 => new Reply { Status = 413 },
                2 or 3 => new Reply { Abort = true },
                _ => new Reply(),
            };
            Interlocked.Add(ref taken, reply is { Status: 200, Abort: false } ? count : 0);
            return reply;
        });
        using var outlet = new OtlpEventOutlet(
            ClientTests.To(receiver, OtlpProtocol.HttpProtobuf), Resource, Samples.Version, new Lines(),
            [TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(10)]);

        outlet.Write([.. Enumerable.Range(0, 8).Select(Plain)], CancellationToken.None).ShouldBe(8);

        taken.ShouldBe(8);
    }

    [Fact]
    public async Task Failure_is_told_once_and_recovery_too()
    {
        var fails = true;
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Abort = Volatile.Read(ref fails) });
        var log = new Lines();
        using var outlet = new OtlpEventOutlet(
            ClientTests.To(receiver, OtlpProtocol.Grpc), Resource, Samples.Version, log, []);

        for (var i = 0; i < 3; i++)
            outlet.Write([Plain(i)], CancellationToken.None).ShouldBe(0);
        Volatile.Write(ref fails, false);
        for (var i = 0; i < 3; i++)
            outlet.Write([Plain(i)], CancellationToken.None).ShouldBe(1);

        log.Text.Count.ShouldBe(2);
        log.Text[0].ShouldContain("cannot be sent over OTLP");
        log.Text[1].ShouldContain("sent over OTLP again");
    }

    [Fact]
    public async Task A_backend_that_goes_down_is_counted_and_told_once()
    {
        var receiver = await Receiver.StartAsync();
        var log = new Lines();
        using var outlet = new OtlpEventOutlet(
            ClientTests.To(receiver, OtlpProtocol.Grpc), Resource, Samples.Version, log, []);
        outlet.Write([Plain(1)], CancellationToken.None).ShouldBe(1);
        await receiver.DisposeAsync();

        outlet.Write([Plain(2)], CancellationToken.None).ShouldBe(0);
        outlet.Write([Plain(3)], CancellationToken.None).ShouldBe(0);

        log.Text.ShouldHaveSingleItem().ShouldContain("cannot be sent over OTLP");
    }

    [Fact]
    public async Task A_silent_backend_holds_up_neither_the_publisher_nor_the_end()
    {
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Silent = true });
        var settings = ClientTests.To(receiver, OtlpProtocol.Grpc) with { Timeout = TimeSpan.FromHours(1) };
        var limiter = new EventLimiter(1000, TimeSpan.FromSeconds(10), TimeProvider.System);
        var outlet = new OtlpEventOutlet(settings, Resource, Samples.Version, NullLogger.Instance);
        using var hub = new EventHub(
            limiter, [outlet], 8, TimeProvider.System, NullLogger.Instance, TimeSpan.FromMilliseconds(100));
        await hub.StartAsync(CancellationToken.None);
        var key = new EventKey(Reset, 0, 0);
        hub.Publish(key, Plain(0));
        await receiver.TakeAsync(); // Its thread now waits for the answer.

        for (var i = 1; i <= 100; i++)
            hub.Publish(key, Plain(i));
        await hub.StopAsync(CancellationToken.None);

        var queue = hub.Outlets.Single();
        queue.Delivered.ShouldBe(0);
        queue.Dropped.ShouldBe(92);
        hub.Dispose();
        (queue.Failed + queue.Waiting).ShouldBe(9);
    }

    private static NetworkEvent Full() => new()
    {
        Info = Reset,
        Time = Time,
        ObservedTime = Time + 5_000_000,
        Message = "reset {by} peer",
        Subject = Pod,
        Process = new(17, 18, "nginx"),
        Tuple = new("tcp", IPAddress.Parse("::ffff:192.0.2.1"), 40000, IPAddress.Parse("198.51.100.2"), 443),
        Fields = ["established", -104, null],
        Stack = ["tcp_reset+0x10", "tcp_rcv_established+0x2a"],
        HeldBack = 7,
        IsSummary = true,
    };

    private static NetworkEvent Plain(int number) => new()
    {
        Info = Reset,
        Time = Time + number,
        ObservedTime = Time,
        Message = $"number {number}",
    };

    private static OtlpEventOutlet Outlet(Receiver receiver, OtlpProtocol protocol, params TimeSpan[] retries)
    {
        var settings = ClientTests.To(receiver, protocol) with { Headers = [new("x-tenant", "a")] };
        if (protocol == OtlpProtocol.HttpProtobuf)
            settings = settings with { Endpoint = new Uri(settings.Endpoint!, "/v1/logs") };
        return new(settings, Resource, Samples.Version, NullLogger.Instance, retries);
    }

    private static RepeatedField<LogRecord> Records(Received received) =>
        ExportLogsServiceRequest.Parser.ParseFrom(received.Message).ResourceLogs.Single().ScopeLogs.Single().LogRecords;

    private static string Shown(KeyValue pair) => pair.Value.ValueCase switch
    {
        AnyValue.ValueOneofCase.StringValue => $"{pair.Key}: {pair.Value.StringValue}",
        AnyValue.ValueOneofCase.IntValue => $"{pair.Key}: int {pair.Value.IntValue}",
        AnyValue.ValueOneofCase.BoolValue => $"{pair.Key}: bool {pair.Value.BoolValue}",
        _ => $"{pair.Key}: {pair.Value}",
    };

    private sealed class Lines : ILogger
    {
        public List<string> Text { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) => Text.Add(formatter(state, exception));
    }
}
