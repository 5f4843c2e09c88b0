using Collector.Worker.Http.Page;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Collector.Worker.Http;

/// <summary>The HTTP server: how Kestrel is set up, what is mapped, how it starts.</summary>
internal static class HttpEndpoints
{
    private static readonly string[] Methods = ["GET", "HEAD"];

    /// <summary>Sets Kestrel up for small, read-only requests: one server, whatever ASPNETCORE_URLS says.</summary>
    public static WebApplicationBuilder ConfigureKestrel(this WebApplicationBuilder builder, Listeners listeners)
    {
        builder.WebHost.PreferHostingUrls(false);
        builder.WebHost.ConfigureKestrel(options => ConfigureKestrel(options, listeners));
        builder.Services.RemoveAll<IConnectionListenerFactory>();
        builder.Services.AddSingleton(services => new SocketConnectionContextFactory(
            new(), services.GetRequiredService<ILoggerFactory>().CreateLogger<PacedTransport>()));
        builder.Services.AddSingleton<IConnectionListenerFactory>(services => new PacedTransport(
            ActivatorUtilities.CreateInstance<SocketTransportFactory>(services),
            services.GetRequiredService<SocketConnectionContextFactory>(), listeners));
        return builder;
    }

    /// <summary>
    /// Maps /, /page/, /metrics, /events, /record, /status, /findings, /config, /healthz, /readyz and what there is
    /// beside them, guards them against foreign host names on loopback, and all but the health answers and the page
    /// itself against who has no token.
    /// </summary>
    public static WebApplication MapNetlens(this WebApplication app, Listeners listeners, NetlensHttp http)
    {
        http.Connections.OnEvicted = HttpLog.CrowdedOncePerMinute(app.Logger, http.Time);
        app.Use(static next => context => ConnectionGuard.NoteAsync(context, next));
        app.Use(static next => context =>
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            return next(context);
        });
        if (listeners.Address.IsLoopback)
            app.Use(static next => context => HostGuard.InvokeAsync(context, next));
        app.UseBasePath(listeners.Options.BasePath);
        app.UseRouting();
        app.Use(next => context => listeners.Security.AuthorizeAsync(context, next));
        var metrics = new MetricsEndpoint(http);
        app.Lifetime.ApplicationStopped.Register(metrics.Dispose);
        var health = new HealthEndpoints(http);
        app.MapMethods("/", Methods, new LandingPage(http, listeners.Security.Token is not null).InvokeAsync)
            .WithMetadata(ForAnybody.Mark);
        // / is the document.
        foreach (var file in PageFile.All.Where(static f => f != PageFile.Document))
        {
            app.MapMethods("/page/" + file.Name, Methods, new PageFileEndpoint(file).InvokeAsync)
                .WithMetadata(ForAnybody.Mark);
        }
        app.MapMethods("/metrics", Methods, metrics.InvokeAsync);
        app.MapMethods("/events", Methods, new EventsEndpoint(http, app.Lifetime.ApplicationStopping).InvokeAsync);
        app.MapMethods("/record", Methods, new RecordEndpoint(http).InvokeAsync);
        app.MapMethods("/healthz", Methods, health.Alive).WithMetadata(ForAnybody.Mark);
        app.MapMethods("/readyz", Methods, health.Ready).WithMetadata(ForAnybody.Mark);
        app.MapMethods("/status", Methods, new JsonPage(http.WriteStatus).InvokeAsync);
        app.MapMethods("/findings", Methods, new FindingsEndpoint(http).InvokeAsync);
        app.MapMethods("/config", Methods, new JsonPage(http.WriteConfiguration).InvokeAsync);
        http.MapMore(app);
        return app;
    }

    /// <summary>Starts the application and says where it listens.</summary>
    /// <exception cref="HttpListenException">The address cannot be had; the message is one line.</exception>
    public static async Task StartNetlensAsync(
        this WebApplication app, Listeners listeners, CancellationToken cancellation = default)
    {
        var address = listeners.Address;
        try
        {
            await app.StartAsync(cancellation);
        }
        catch (Exception e) when (e is not HttpListenException && HttpListenException.ReasonOf(e) is not null)
        {
            throw new HttpListenException($"cannot listen on {address}: {HttpListenException.ReasonOf(e)}", e);
        }
        if (HttpChecks.Missing(address, listeners.Options) is { } missing)
            HttpLog.NotLoopback(app.Logger, address.ToString(), missing);
        listeners.Security.Look();
        foreach (var url in app.BoundAddresses())
            HttpLog.Listening(app.Logger, url);
    }

    /// <summary>Where the server listens, with the port that port 0 became.</summary>
    public static IReadOnlyCollection<string> BoundAddresses(this WebApplication app) =>
        [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? []];

    private static void ConfigureKestrel(KestrelServerOptions options, Listeners listeners)
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
        listeners.AddTo(options);
    }
}
