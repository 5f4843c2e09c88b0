using System.Net.Sockets;
using Collector.Worker.Configuration;
using Collector.Worker.Http;
using Collector.Worker.Recorder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Collector.Worker.Inspector;

/// <summary>The port of the inspector's stream, where the configuration names one.</summary>
/// <param name="listen">Its address; "" for none.</param>
/// <param name="ring">Where events are.</param>
/// <param name="node">What the node is called, asked for each client.</param>
/// <param name="log">Says where it listens.</param>
internal sealed class InspectorServer(string listen, EventRing ring, Func<string> node, ILogger<InspectorServer> log)
    : IHostedService, IAsyncDisposable
{
    /// <summary>Requests are a few names.</summary>
    private const int LargestRequest = 4 * 1024;

    private const int MostConnections = 64;

    private string _listen = "";
    private WebApplication? _app;

    /// <summary>Time in which a client must take something, if there is anything to take.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Where it listens, with the port that port 0 became.</summary>
    public string? Address => _app?.BoundAddresses().FirstOrDefault();

    /// <exception cref="HttpListenException">The address cannot be had; the message is one line.</exception>
    public Task StartAsync(CancellationToken cancellationToken) => ReconfigureAsync(listen);

    /// <summary>Listens there instead of where it did; streams of before end.</summary>
    /// <param name="wanted">The address; "" for none.</param>
    /// <exception cref="HttpListenException">The address cannot be had: it goes on where it was.</exception>
    public async Task ReconfigureAsync(string wanted)
    {
        if (wanted == _listen)
            return;
        if (wanted.Length > 0 && _listen.Length > 0 && IsSamePlace(wanted, _listen))
        {
            var before = _listen;
            await ChangeToAsync(null, "");
            await ChangeBackOnFaultAsync(wanted, before);
            return;
        }
        await ChangeToAsync(wanted.Length == 0 ? null : await ListenAsync(wanted), wanted);
    }

    // The port itself may be the same: localhost and 127.0.0.1.
    private static bool IsSamePlace(string a, string b)
    {
        var (one, other) = (ListenAddress.Parse(a), ListenAddress.Parse(b));
        return one.SocketPath is null
            ? other.SocketPath is null && one.Port != 0 && one.Port == other.Port
            : one.SocketPath == other.SocketPath;
    }

    private async Task ChangeBackOnFaultAsync(string wanted, string before)
    {
        try
        {
            await ChangeToAsync(await ListenAsync(wanted), wanted);
        }
        catch (HttpListenException)
        {
            await ChangeToAsync(await ListenAsync(before), before);
            throw;
        }
    }

    private async Task ChangeToAsync(WebApplication? next, string listen)
    {
        var old = _app;
        (_app, _listen) = (next, listen);
        if (old is null)
            return;
        await old.StopAsync();
        await old.DisposeAsync();
    }

    public Task StopAsync(CancellationToken cancellationToken) =>
        _app?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public ValueTask DisposeAsync() => _app?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task<WebApplication> ListenAsync(string wanted)
    {
        var app = Build(ListenAddress.Parse(wanted));
        try
        {
            await app.StartAsync();
        }
        catch (Exception e) when (HttpListenException.ReasonOf(e) is { } reason)
        {
            await app.DisposeAsync();
            throw new HttpListenException($"cannot listen on {wanted} (events.inspector): {reason}", e);
        }
        foreach (var url in app.BoundAddresses())
            HttpLog.Listening(log, $"{url} for clients of the inspector");
        return app;
    }

    // No log: what clients do wrong they are told.
    private WebApplication Build(ListenAddress address)
    {
        var builder = BareServer.NewBuilder();
        builder.WebHost.ConfigureKestrel(options => Configure(options, address));
        // A killed agent leaves its socket behind.
        builder.Services.Configure<SocketTransportOptions>(o => o.CreateBoundListenSocket = static endPoint =>
            endPoint is UnixDomainSocketEndPoint unix
                ? LocalSocket.Open(unix.ToString())
                : SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint));
        builder.Services.AddGrpc(options => options.MaxReceiveMessageSize = LargestRequest);
        builder.Services.AddSingleton(services => new InspectorService(
            ring, node, Patience, services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping));
        var app = builder.Build();
        app.MapGrpcService<InspectorService>();
        return app;
    }

    private static void Configure(KestrelServerOptions options, ListenAddress address)
    {
        options.AddServerHeader = false;
        options.Limits.MaxRequestBodySize = LargestRequest;
        options.Limits.MaxConcurrentConnections = MostConnections;
        options.Limits.MaxRequestHeadersTotalSize = 8 * 1024;
        options.Limits.Http2.MaxStreamsPerConnection = 8;
        options.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
        options.Listen(address, static listen => listen.Protocols = HttpProtocols.Http2);
    }
}
