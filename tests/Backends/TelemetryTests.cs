using System.Diagnostics.Metrics;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Proto.Collector.Logs.V1;
using OpenTelemetry.Proto.Collector.Metrics.V1;
using static Backends.Tests.Samples;

namespace Backends.Tests;

/// <summary>Our logs and self-telemetry through the SDK, with the settings and resource of the rest.</summary>
[Collection("meters of this process")] // the SDK finds them by name, in any case
public sealed class TelemetryTests
{
    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task Logs_and_self_telemetry_arrive_with_our_resource(OtlpProtocol protocol)
    {
        await using var receiver = await Receiver.StartAsync();
        using var host = Build(To(receiver, protocol));
        using var meter = new Meter(TelemetryExtensions.MeterName);
        meter.CreateObservableCounter("netlens.test.self", () => 42L);
        await host.StartAsync();
        Log(host, "Collector.Worker.Test").LogWarning(new EventId(7, "netlens.test"), "probe {Probe} failed", "tcp");
        await host.StopAsync();

        var first = await receiver.TakeAsync();
        var second = await receiver.TakeAsync();
        var (logs, metrics) = IsLogs(first) ? (first, second) : (second, first);
        var request = ExportLogsServiceRequest.Parser.ParseFrom(logs.Message);
        var record = request.ResourceLogs.Single().ScopeLogs.Single().LogRecords.Single();
        record.Body.StringValue.ShouldBe("probe tcp failed");
        record.Attributes.Text("Probe").ShouldBe("tcp");
        Expected(request.ResourceLogs.Single().Resource.Attributes);
        var measured = ExportMetricsServiceRequest.Parser.ParseFrom(metrics.Message);
        measured.Metrics().Single(m => m.Name == "netlens.test.self").Sum.DataPoints.Single().AsInt.ShouldBe(42);
        Expected(measured.ResourceMetrics.Single().Resource.Attributes);
        foreach (var received in new[] { logs, metrics })
        {
            received.Gzipped.ShouldBeTrue();
            received.Headers["x-tenant"].ShouldBe("a,b=c");
        }
    }

    [Fact]
    public async Task What_the_export_itself_logs_does_not_leave()
    {
        await using var receiver = await Receiver.StartAsync();
        using var host = Build(To(receiver, OtlpProtocol.HttpProtobuf));
        await host.StartAsync();
        Log(host, typeof(OtlpMetricExporter).FullName!).LogError("export failed");
        Log(host, "System.Net.Http.HttpClient.x").LogError("sent");
        Log(host, "Collector.Worker.Test").LogInformation("the only one");
        await host.StopAsync();

        // The SDK flushes its metrics at the same time, even where it has none.
        var received = await receiver.TakeAsync();
        if (!IsLogs(received))
            received = await receiver.TakeAsync();
        var request = ExportLogsServiceRequest.Parser.ParseFrom(received.Message);
        request.ResourceLogs.Single().ScopeLogs.SelectMany(s => s.LogRecords).Select(r => r.Body.StringValue)
            .ShouldBe(["the only one"]);
    }

    [Fact]
    public async Task A_silent_server_does_not_keep_the_process()
    {
        await using var receiver = await Receiver.StartAsync(_ => new Reply { Silent = true });
        var settings = To(receiver, OtlpProtocol.Grpc) with { Timeout = TimeSpan.FromHours(1) };
        var host = Build(settings);
        using var meter = new Meter(TelemetryExtensions.MeterName);
        meter.CreateObservableCounter("netlens.test.silent", () => 1L);
        await host.StartAsync();
        Log(host, "Collector.Worker.Test").LogInformation("unheard");

        // Ends, although an answer may take an hour: nothing here waits for longer than the grace.
        await host.StopAsync();
        await Task.Run(host.Dispose);

        receiver.Waiting.ShouldBeGreaterThan(0);
    }

    /// <summary>A reload moves them to another backend and back; totals are told once, to whomever.</summary>
    [Theory]
    [InlineData(OtlpProtocol.Grpc)]
    [InlineData(OtlpProtocol.HttpProtobuf)]
    public async Task Deltas_go_to_one_backend_each(OtlpProtocol protocol)
    {
        await using Receiver first = await Receiver.StartAsync(), second = await Receiver.StartAsync();
        var value = 100L;
        using var meter = new Meter(TelemetryExtensions.MeterName);
        meter.CreateObservableCounter("netlens.test.moved", () => Volatile.Read(ref value));
        var delta = new OtlpSettings
        {
            Metrics = To(first, protocol), Logs = new(), Temporality = OtlpTemporality.Delta,
        };
        using var host = Build(delta);
        await host.StartAsync();
        var telemetry = host.Services.GetRequiredService<SelfTelemetry>();
        Volatile.Write(ref value, 107);
        await telemetry.ReconfigureAsync(delta with { Metrics = To(second, protocol) }, Resource);
        Volatile.Write(ref value, 112);
        await telemetry.ReconfigureAsync(delta, Resource);
        Volatile.Write(ref value, 115);
        await telemetry.ReconfigureAsync(delta with { Metrics = new() }, null);
        // Nobody gets what happens now.
        Volatile.Write(ref value, 1000);
        await telemetry.ReconfigureAsync(delta, Resource);
        Volatile.Write(ref value, 1004);
        await host.StopAsync();

        (await MovedAsync(first)).Where(v => v != 0).ShouldBe([107, 3, 4]);
        (await MovedAsync(second)).Where(v => v != 0).ShouldBe([5]);
    }

    private static async Task<List<long>> MovedAsync(Receiver receiver)
    {
        var values = new List<long>();
        while (receiver.Waiting > 0)
        {
            var request = ExportMetricsServiceRequest.Parser.ParseFrom((await receiver.TakeAsync()).Message);
            values.AddRange(request.Metrics().Where(m => m.Name == "netlens.test.moved")
                .SelectMany(m => m.Sum.DataPoints).Select(p => p.AsInt));
        }
        return values;
    }

    [Fact]
    public void Without_an_endpoint_the_SDK_is_not_even_asked()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.AddNetlensTelemetry(Settings(), Resource);
        using var host = builder.Build();
        host.Services.GetRequiredService<SelfTelemetry>().ShouldNotBeNull();

        Log(host, "any").IsEnabled(LogLevel.Critical).ShouldBeFalse();
        host.Services.GetService<OpenTelemetry.Logs.LoggerProvider>().ShouldBeNull();
    }

    private static OtlpSignalSettings To(Receiver receiver, OtlpProtocol protocol) =>
        ClientTests.To(receiver, protocol) with { Gzip = true, Headers = [new("x-tenant", "a,b=c")] };

    private static IHost Build(OtlpSignalSettings signal) => Build(new OtlpSettings
    {
        Metrics = signal,
        Logs = signal.Protocol == OtlpProtocol.Grpc
            ? signal
            : signal with { Endpoint = new Uri(signal.Endpoint!, "/v1/logs") },
    });

    private static IHost Build(OtlpSettings settings)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Logging.AddFilter("Microsoft", LogLevel.None);
        // Long enough for a busy machine, except where the server never answers.
        var grace = TimeSpan.FromSeconds(settings.Metrics.Timeout > TimeSpan.FromMinutes(1) ? 5 : 60);
        builder.AddNetlensTelemetry(settings, Resource, grace);
        return builder.Build();
    }

    private static ILogger Log(IHost host, string category) =>
        host.Services.GetRequiredService<ILoggerFactory>().CreateLogger(category);

    private static bool IsLogs(Received received) => received.Path.Contains("log", StringComparison.OrdinalIgnoreCase);

    private static void Expected(IEnumerable<OpenTelemetry.Proto.Common.V1.KeyValue> attributes) =>
        attributes.Select(a => (a.Key, a.Value.StringValue)).Order()
            .ShouldBe(Resource.Items.Select(i => (i.Key, i.Value)).Order());
}
