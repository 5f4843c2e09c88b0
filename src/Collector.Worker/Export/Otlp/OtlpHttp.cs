using System.Net;

namespace Collector.Worker.Export.Otlp;

/// <summary>Makes HTTP clients for a signal, the same for our exporter and for the SDK's.</summary>
internal static class OtlpHttp
{
    /// <exception cref="InvalidOperationException">A certificate file is no use.</exception>
    public static SocketsHttpHandler Handler(OtlpSignalSettings settings) => new()
    {
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
