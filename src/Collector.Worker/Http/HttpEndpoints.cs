using System.Net.Sockets;
using Collector.Linux.Interop;
using Collector.Worker.Configuration;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Collector.Worker.Http;

/// <summary>The HTTP server: how Kestrel is set up, what is mapped, how it starts.</summary>
public static class HttpEndpoints
{
    private static readonly string[] Methods = ["GET", "HEAD"];

    /// <summary>Sets Kestrel up for small, read-only, unencrypted requests on one address.</summary>
    private static void ConfigureKestrel(
        KestrelServerOptions options, ListenAddress address, ConnectionGuard guard)
    {
        options.AddServerHeader = false;
        var limits = options.Limits;
        limits.MaxRequestBodySize = 0;
        limits.MaxRequestLineSize = 4 * 1024;
        limits.MaxRequestHeadersTotalSize = 8 * 1024;
        limits.MaxRequestHeaderCount = 40;
        // The guard bounds them: the server itself would turn away whoever comes last.
        limits.MaxConcurrentConnections = null;
        limits.MaxConcurrentUpgradedConnections = 0;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        // No usual interval of scrapes, so that a scraper does not ask in the moment in which it is closed.
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(8);
        Listen(options, address, guard);
    }

    /// <summary>The same for a builder: one server, one address, whatever ASPNETCORE_URLS says.</summary>
    public static WebApplicationBuilder ConfigureKestrel(
        this WebApplicationBuilder builder, ListenAddress address, ConnectionGuard guard)
    {
        builder.WebHost.PreferHostingUrls(false);
        builder.WebHost.ConfigureKestrel(options => ConfigureKestrel(options, address, guard));
        builder.Services.RemoveAll<IConnectionListenerFactory>();
        builder.Services.AddSingleton<IConnectionListenerFactory>(services => new PacedTransport(
            ActivatorUtilities.CreateInstance<SocketTransportFactory>(services), guard.Most));
        return builder;
    }

    /// <summary>
    /// Maps /, /metrics, /events, /healthz, /readyz, /status and /config, and guards them against foreign host names
    /// on loopback.
    /// </summary>
    public static WebApplication MapNetlens(this WebApplication app, ListenAddress address, NetlensHttp http)
    {
        http.Connections.OnEvicted = HttpLog.CrowdedOncePerMinute(app.Logger, http.Time);
        app.Use(static next => context => ConnectionGuard.NoteAsync(context, next));
        app.Use(static next => context =>
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            return next(context);
        });
        if (address is { IsLoopback: true, SocketPath: null })
            app.Use(static next => context => HostGuard.InvokeAsync(context, next));
        app.UseRouting();
        var metrics = new MetricsEndpoint(http);
        app.Lifetime.ApplicationStopped.Register(metrics.Dispose);
        var health = new HealthEndpoints(http);
        app.MapMethods("/", Methods, new LandingPage(http).InvokeAsync);
        app.MapMethods("/metrics", Methods, metrics.InvokeAsync);
        app.MapMethods("/events", Methods, new EventsEndpoint(http, app.Lifetime.ApplicationStopping).InvokeAsync);
        app.MapMethods("/healthz", Methods, health.Alive);
        app.MapMethods("/readyz", Methods, health.Ready);
        app.MapMethods("/status", Methods, new JsonPage(http.WriteStatus).InvokeAsync);
        app.MapMethods("/config", Methods, new JsonPage(http.WriteConfiguration).InvokeAsync);
        return app;
    }

    /// <summary>Starts the application and says where it listens.</summary>
    /// <exception cref="HttpListenException">The address cannot be had; the message is one line.</exception>
    public static async Task StartNetlensAsync(
        this WebApplication app, ListenAddress address, CancellationToken cancellation = default)
    {
        RemoveStaleSocket(address);
        try
        {
            await app.StartAsync(cancellation);
        }
        catch (Exception e) when (HttpListenException.ReasonOf(e) is not null)
        {
            throw new HttpListenException($"cannot listen on {address}: {HttpListenException.ReasonOf(e)}", e);
        }
        if (!address.IsLoopback)
            HttpLog.NotLoopback(app.Logger, address.ToString());
        foreach (var url in app.BoundAddresses())
            HttpLog.Listening(app.Logger, url);
    }

    /// <summary>Where the server listens, with the port that port 0 became.</summary>
    public static IReadOnlyCollection<string> BoundAddresses(this WebApplication app) =>
        [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? []];

    private static void Listen(KestrelServerOptions options, ListenAddress address, ConnectionGuard guard)
    {
        void Http1(ListenOptions listen)
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(next => connection => guard.InvokeAsync(connection, next));
        }

        if (address.SocketPath is not null)
            options.ListenUnixSocket(address.SocketPath, Http1);
        else if (address.EndPoint is not null)
            options.Listen(address.EndPoint, Http1);
        else
            options.ListenLocalhost(address.Port, Http1);
    }

    /// <summary>A killed agent leaves its socket file behind. One that nobody answers on is taken away.</summary>
    private static void RemoveStaleSocket(ListenAddress address)
    {
        // A plain file refuses connections too, and stays whatever is in it: it is somebody's.
        if (address.SocketPath is not { } path || !SpecialFile.IsSocket(path))
            return;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused)
        {
            File.Delete(path);
        }
    }
}
