using System.Net;
using System.Net.Sockets;
using Collector.Worker.Configuration;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary>Finds the agent that runs on this machine.</summary>
internal static class LocalAgent
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Where it listens: its socket, then its port; null where nobody does.</summary>
    public static PeerAddress? Find(AgentOptions options)
    {
        PeerAddress? closed = null;
        foreach (var peer in Candidates(options))
        {
            var error = Connect(peer);
            if (error is null)
                return peer;
            if (error is SocketError.AccessDenied)
                closed ??= peer;
        }
        return closed;
    }

    /// <summary>Where it might listen, in words.</summary>
    public static string Places(AgentOptions options) => string.Join(" or ", Candidates(options).Select(c => c.Name));

    private static IEnumerable<PeerAddress> Candidates(AgentOptions options)
    {
        if (options.Http.Socket is { Length: > 0 } socket)
            yield return PeerAddress.Socket(socket);
        var listen = ListenAddress.Parse(options.Http.Listen);
        if (listen.SocketPath is { } path)
            yield return PeerAddress.Socket(path);
        else if (PeerAddress.TryParse($"{Scheme(options)}{HostOf(listen)}:{listen.Port}", listen.Port, out var peer))
            yield return peer;
    }

    private static string Scheme(AgentOptions options) => options.Http is { Certificate: not null, Key: not null }
        ? Uri.UriSchemeHttps + Uri.SchemeDelimiter
        : "";

    private static string HostOf(ListenAddress listen) => listen.EndPoint?.Address switch
    {
        null => "localhost",
        var any when any.Equals(IPAddress.Any) => "127.0.0.1",
        var any when any.Equals(IPAddress.IPv6Any) => "[::1]",
        { AddressFamily: AddressFamily.InterNetworkV6 } address => $"[{address}]",
        var address => address.ToString(),
    };

    /// <returns>Why nobody answers; null when somebody does.</returns>
    private static SocketError? Connect(PeerAddress peer)
    {
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            if (peer.SocketPath is { } path)
            {
                using var unix = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                unix.Connect(new UnixDomainSocketEndPoint(path));
                return null;
            }
            using var tcp = new TcpClient();
            tcp.ConnectAsync(peer.Url.IdnHost, peer.Url.Port, limit.Token).AsTask().GetAwaiter().GetResult();
            return null;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
        catch (OperationCanceledException)
        {
            return SocketError.TimedOut;
        }
    }
}
