using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Collector.Worker.Http;

/// <summary>TLS on a listener, with whatever certificate its files have at the moment.</summary>
internal static class TlsListener
{
    /// <summary>Whoever connects and does not shake hands holds a connection for as long.</summary>
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(5);

    public static void UseTls(this ListenOptions listen, ServerCertificate certificate, HttpStatistics statistics)
    {
        listen.Use(next => async connection =>
        {
            await next(connection);
            if (!connection.Items.ContainsKey(typeof(TlsListener)))
                statistics.CountFailedHandshake();
        });
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            HandshakeTimeout = HandshakeTimeout,
            OnConnection = _ => new(certificate.Current()),
        });
        listen.Use(next => connection =>
        {
            connection.Items[typeof(TlsListener)] = true;
            return next(connection);
        });
    }
}
