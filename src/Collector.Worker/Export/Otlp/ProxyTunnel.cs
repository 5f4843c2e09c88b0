using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Collector.Worker.Export.Otlp;

/// <summary>
/// A connection through an HTTP proxy by CONNECT. The runtime tunnels TLS only: what is plain text it sends to a proxy
/// as HTTP/1.1, which gRPC is not.
/// </summary>
internal static class ProxyTunnel
{
    private const int LongestAnswer = 16 * 1024;

    /// <exception cref="HttpRequestException">The proxy cannot be had, or refuses.</exception>
    public static async ValueTask<Stream> ConnectAsync(OtlpProxy proxy, DnsEndPoint target, CancellationToken cancel)
    {
        var stream = await OpenAsync(proxy.Address, cancel).ConfigureAwait(false);
        try
        {
            await stream.WriteAsync(Request(proxy, target), cancel).ConfigureAwait(false);
            var status = await StatusAsync(stream, cancel).ConfigureAwait(false);
            return status.Split(' ') is [_, ['2', _, _], ..]
                ? stream
                : throw new HttpRequestException($"the proxy answers CONNECT with '{OtlpResponse.Printable(status)}'");
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task<Stream> OpenAsync(Uri proxy, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            await socket.ConnectAsync(proxy.DnsSafeHost, proxy.Port, cancel).ConfigureAwait(false);
            stream = new NetworkStream(socket, ownsSocket: true);
            if (proxy.Scheme != "https")
                return stream;
            var tls = new SslStream(stream);
            stream = tls;
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions { TargetHost = proxy.DnsSafeHost }, cancel).ConfigureAwait(false);
            return tls;
        }
        catch
        {
            stream?.Dispose();
            socket.Dispose();
            throw;
        }
    }

    private static byte[] Request(OtlpProxy proxy, DnsEndPoint target)
    {
        var host = target.Host.Contains(':') ? $"[{target.Host}]" : target.Host;
        var to = string.Create(CultureInfo.InvariantCulture, $"{host}:{target.Port}");
        var request = new StringBuilder($"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
        if (proxy.Authorization is { } proof)
            request.Append("Proxy-Authorization: ").Append(proof).Append("\r\n");
        return Encoding.ASCII.GetBytes(request.Append("\r\n").ToString());
    }

    /// <summary>The first line of the answer, the whole of which is read and not a byte of what follows.</summary>
    private static async Task<string> StatusAsync(Stream stream, CancellationToken cancel)
    {
        var answer = new byte[LongestAnswer];
        for (var length = 0; length < answer.Length; length++)
        {
            if (await stream.ReadAsync(answer.AsMemory(length, 1), cancel).ConfigureAwait(false) == 0)
                throw new HttpRequestException("the proxy closes the connection");
            if (answer.AsSpan(0, length + 1).EndsWith("\r\n\r\n"u8))
                return Encoding.ASCII.GetString(answer.AsSpan(0, answer.AsSpan().IndexOf("\r\n"u8)));
        }
        throw new HttpRequestException("the proxy's answer is not HTTP");
    }
}
