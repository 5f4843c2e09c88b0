using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Collector.Worker.Http;

/// <summary>The HTTP server cannot listen where it should. The message is one line for the operator.</summary>
public sealed class HttpListenException : Exception
{
    public HttpListenException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>The line for a failed bind; null when the exception is about something else.</summary>
    internal static HttpListenException? From(Exception exception, ListenAddress address)
    {
        for (var e = exception; e is not null; e = e.InnerException)
        {
            if (e is AddressInUseException)
                return new($"cannot listen on {address}: already in use by another process", exception);
            if (e is SocketException socket)
                return new($"cannot listen on {address}: {ReasonOf(socket)}", exception);
        }
        return exception is IOException ? new($"cannot listen on {address}: {exception.Message}", exception) : null;
    }

    private static string ReasonOf(SocketException exception) => exception.SocketErrorCode switch
    {
        SocketError.AddressAlreadyInUse => "already in use by another process",
        SocketError.AccessDenied => "permission denied (ports below 1024 need CAP_NET_BIND_SERVICE)",
        SocketError.AddressNotAvailable => "this machine has no such address",
        SocketError.AddressFamilyNotSupported => "this machine has no such address family",
        _ => exception.Message,
    };
}
