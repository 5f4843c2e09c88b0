using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Collector.Worker.Http;

/// <summary>The HTTP server cannot listen where it should. The message is one line for the operator.</summary>
public sealed class HttpListenException : Exception
{
    public HttpListenException()
    {
    }

    public HttpListenException(string message)
        : base(message)
    {
    }

    public HttpListenException(string message, Exception inner)
        : base(message, inner)
    {
    }

    /// <summary>Why a bind failed; null when the exception is about something else.</summary>
    internal static string? ReasonOf(Exception exception)
    {
        for (var e = exception; e is not null; e = e.InnerException)
        {
            if (e is AddressInUseException)
                return "already in use by another process";
            if (e is SocketException socket)
                return ReasonOf(socket);
        }
        return exception is IOException ? exception.Message : null;
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
