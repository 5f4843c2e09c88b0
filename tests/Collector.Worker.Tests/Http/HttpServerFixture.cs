using System.Net.Sockets;
using System.Text;
using Collector.Core.Events;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;
using Collector.Worker.Http;
using Collector.Worker.Tests.Export.Prometheus;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Collector.Worker.Tests.Http;

/// <summary>The real server on a free port.</summary>
internal sealed class HttpServerFixture : IAsyncDisposable
{
    private readonly WebApplication _app;

    private readonly Listeners _listeners;

    private HttpServerFixture(
        WebApplication app, Listeners listeners, PrometheusSnapshotFixture node, NetlensHttp http)
    {
        _app = app;
        _listeners = listeners;
        Node = node;
        Http = http;
        var bound = app.BoundAddresses().Single();
        Address = new Uri(bound.StartsWith("http://unix:", StringComparison.Ordinal) ? "http://localhost" : bound);
        Client = new HttpClient { BaseAddress = Address };
    }

    public PrometheusSnapshotFixture Node { get; }

    public NetlensHttp Http { get; }

    public Uri Address { get; }

    public HttpClient Client { get; }

    public static async Task<HttpServerFixture> StartAsync(
        string listen = "127.0.0.1:0", MetricNaming naming = MetricNaming.Otel, int maxScrapes = 8,
        int maxConnections = 256, TimeSpan? writeTimeout = null, string? fault = null, Func<bool>? alive = null,
        int recent = 0, EventInfo[]? kinds = null, TimeSpan? streamPatience = null, TimeSpan? streamSilence = null,
        HttpOptions? guards = null, TimeSpan? interval = null, Action<WebApplication>? also = null,
        Func<Func<NetlensHttp>, Action<WebApplication>>? more = null)
    {
        var node = new PrometheusSnapshotFixture();
        var options = new AgentOptions
        {
            Http = (guards ?? new()) with { Listen = listen, Socket = "" },
            Prometheus = new() { Naming = naming },
            Collection = new() { Interval = interval ?? TimeSpan.FromSeconds(15) },
        };
        NetlensHttp http = null!;
        http = new NetlensHttp
        {
            MapMore = more?.Invoke(() => http) ?? (static _ => { }),
            Store = node.Store,
            Writer = new PrometheusWriter(PrometheusSnapshotFixture.Node),
            Options = () => options,
            Version = "1.2.3<&>",
            Fault = () => fault,
            Time = node.Time,
            Connections = new(maxConnections, maxScrapes),
            Alive = alive ?? (() => true),
            WriteTimeout = writeTimeout ?? TimeSpan.FromSeconds(30),
            EventKinds = kinds ?? [],
            StreamPatience = streamPatience ?? TimeSpan.FromSeconds(10),
            StreamSilence = streamSilence ?? TimeSpan.FromSeconds(15),
        };
        if (recent > 0)
            http.Ring.Open(recent);
        var listeners = new Listeners(options.Http, http, NullLogger.Instance);
        var builder = BareServer.NewBuilder();
        builder.ConfigureKestrel(listeners);
        builder.Services.AddRoutingCore();
        var app = builder.Build();
        app.MapNetlens(listeners, http);
        also?.Invoke(app);
        await app.StartNetlensAsync(listeners);
        return new(app, listeners, node, http);
    }

    /// <summary>Sends bytes as they are and reads until the server closes.</summary>
    public async Task<string> RawAsync(string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(Address.Host, Address.Port);
        var stream = client.GetStream();
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request));
            return await new StreamReader(stream, Encoding.Latin1).ReadToEndAsync();
        }
        catch (IOException)
        {
            // The server may close before it has read everything: then nothing is left to read.
            return "";
        }
    }

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
        _listeners.Dispose();
    }
}
