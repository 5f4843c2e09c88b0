using System.Net.Sockets;
using Collector.Worker.Configuration;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Collector.Worker.Http;

/// <summary>The HTTP server: how Kestrel is set up, what is mapped, how it starts.</summary>
public static class HttpEndpoints
{
    private static readonly string[] Methods = ["GET", "HEAD"];

    /// <summary>Sets Kestrel up for small, read-only, unencrypted requests on one address.</summary>
    public static void ConfigureKestrel(KestrelServerOptions options, ListenAddress address)
    {
        options.AddServerHeader = false;
        var limits = options.Limits;
        limits.MaxRequestBodySize = 0;
        limits.MaxRequestLineSize = 4 * 1024;
        limits.MaxRequestHeadersTotalSize = 8 * 1024;
        limits.MaxRequestHeaderCount = 40;
        limits.MaxConcurrentConnections = 64;
        limits.MaxConcurrentUpgradedConnections = 0;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        // Longer than the usual scrape intervals: a scraper keeps its connection.
        limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
        Listen(options, address);
    }

    /// <summary>The same for a builder: one server, one address, whatever ASPNETCORE_URLS says.</summary>
    public static WebApplicationBuilder ConfigureKestrel(this WebApplicationBuilder builder, ListenAddress address)
    {
        builder.WebHost.PreferHostingUrls(false);
        builder.WebHost.ConfigureKestrel(options => ConfigureKestrel(options, address));
        return builder;
    }

    /// <summary>
    /// Maps /, /metrics, /healthz and /readyz, and guards them against foreign host names on loopback.
    /// </summary>
    public static WebApplication MapNetlens(this WebApplication app, ListenAddress address, NetlensHttp http)
    {
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
        app.MapMethods("/healthz", Methods, HealthEndpoints.Alive);
        app.MapMethods("/readyz", Methods, health.Ready);
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

    private static void Listen(KestrelServerOptions options, ListenAddress address)
    {
        static void Http1(ListenOptions listen) => listen.Protocols = HttpProtocols.Http1;
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
        if (address.SocketPath is not { } path || !File.Exists(path))
            return;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused)
        {
            // A plain file refuses too. A socket has no length; what has content is somebody's, and stays.
            if (new FileInfo(path).Length == 0)
                File.Delete(path);
        }
    }
}
