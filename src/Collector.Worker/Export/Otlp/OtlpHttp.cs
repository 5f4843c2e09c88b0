using System.Net;
using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Otlp;

/// <summary>Makes HTTP clients for a signal, the same for our exporter and for the SDK's.</summary>
internal static class OtlpHttp
{
    /// <exception cref="InvalidOperationException">A certificate file is no use.</exception>
    public static HttpMessageHandler Handler(OtlpSignalSettings settings) => new AskingHandler(
        settings.Files.Any() ? new RenewingHandler(settings, () => Sockets(settings)) : Sockets(settings));

    /// <summary>What every request has: the operator's headers, and what a proxy wants to know.</summary>
    /// <remarks>
    /// At once, as curl and Go do: the runtime waits to be asked for it, and a proxy that asks need not read what was
    /// posted before it closes. A tunnel is asked for without a body.
    /// </remarks>
    public static void AddHeaders(HttpClient client, OtlpSignalSettings settings)
    {
        foreach (var (name, value) in settings.Headers)
            client.DefaultRequestHeaders.TryAddWithoutValidation(name, value);
        if (settings is { Endpoint.Scheme: "http", Protocol: OtlpProtocol.HttpProtobuf }
            && settings.Proxy is { Address.Scheme: "http" or "https", Authorization: { } proof })
            client.DefaultRequestHeaders.TryAddWithoutValidation("Proxy-Authorization", proof);
    }

    private static SocketsHttpHandler Sockets(OtlpSignalSettings settings)
    {
        var handler = Direct(settings);
        if (settings.Proxy is not { } proxy)
            return handler;
        if (settings.Protocol == OtlpProtocol.Grpc && proxy.Address.Scheme is "http" or "https")
        {
            handler.ConnectCallback = (to, cancel) => ProxyTunnel.ConnectAsync(proxy, to.DnsEndPoint, cancel);
            return handler;
        }
        handler.UseProxy = true;
        handler.Proxy = new WebProxy(proxy.Address) { Credentials = proxy.User };
        return handler;
    }

    private static SocketsHttpHandler Direct(OtlpSignalSettings settings) => new()
    {
        // Ours are found by more rules than the runtime's own: OtlpProxy.
        UseProxy = false,
        // A redirected export would send its headers, which hold secrets, to whoever the answer names.
        AllowAutoRedirect = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        // No traceparent: the requests belong to no trace.
        ActivityHeadersPropagator = null,
        // Follows changes in DNS behind a name; a connection idle longer is likely gone in some middlebox.
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        PooledConnectionIdleTimeout = TimeSpan.FromMinutes(2),
        MaxConnectionsPerServer = 2,
        MaxResponseHeadersLength = 16,
        SslOptions = OtlpTls.Options(settings),
    };
}
