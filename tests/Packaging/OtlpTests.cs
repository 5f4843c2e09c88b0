using System.Collections.Concurrent;
using System.Net;
using Collector.Tests.Support;
using Collector.Worker.Tests.EndToEnd;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Packaging.Tests;

/// <summary>The packaged program pushes over both protocols; what it sends is decoded in tests/Backends.</summary>
public sealed class OtlpTests
{
    [RequiresRootTheory]
    [InlineData("grpc", "application/grpc", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")]
    [InlineData("http/protobuf", "application/x-protobuf", "/v1/metrics")]
    public async Task Metrics_leave_over_either_protocol(string protocol, string type, string path)
    {
        var seen = new ConcurrentQueue<(string Path, string Type, string Body)>();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(o => o.Listen(
            IPAddress.Loopback, 0,
            l => l.Protocols = protocol == "grpc" ? HttpProtocols.Http2 : HttpProtocols.Http1));
        await using var app = builder.Build();
        app.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            seen.Enqueue((
                context.Request.Path, context.Request.ContentType ?? "",
                System.Text.Encoding.Latin1.GetString(body.ToArray())));
            context.Response.ContentType = type;
            if (protocol != "grpc")
                return;
            await context.Response.Body.WriteAsync(new byte[5]);
            context.Response.AppendTrailer("grpc-status", "0");
        });
        await app.StartAsync();
        var server = app.Services.GetRequiredService<IServer>();
        var address = server.Features.Get<IServerAddressesFeature>()!.Addresses.Single();

        using var agent = new AgentProcess(
            "collection: { interval: 1s }", ("OTEL_EXPORTER_OTLP_ENDPOINT", address),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol), ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"));
        agent.WaitForLog("first snapshot");
        Wait.Until(
            () => string.Join('\n', seen.Select(s => s.Path)), _ => seen.Count(s => s.Path == path), n => n >= 2);
        var push = seen.First(s => s.Path == path);
        push.Type.ShouldStartWith(type);
        push.Body.ShouldContain("system.network.io");
        push.Body.ShouldContain("service.name");
        agent.Signal("TERM");
        agent.WaitForExit().ShouldBe(0);
    }
}
