using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace Collector.Worker.Http;

/// <summary>Where the HTTP server listens: an address and port, localhost (both families), or a Unix socket.</summary>
public sealed record ListenAddress
{
    private const string Example = "use host:port, for example 127.0.0.1:9102, [::1]:9102, localhost:9102 or "
        + "0.0.0.0:9102 for every interface, or unix:/path";

    private const string UnixPrefix = "unix:";

    /// <summary>sun_path of struct sockaddr_un has 108 bytes, the last for the terminator (include/uapi/linux/un.h).</summary>
    private const int MaxSocketPath = 107;

    private ListenAddress(IPEndPoint? endPoint, int port, string? socketPath)
    {
        EndPoint = endPoint;
        Port = port;
        SocketPath = socketPath;
    }

    /// <summary>The address; null for localhost and for a Unix socket.</summary>
    public IPEndPoint? EndPoint { get; }

    /// <summary>TCP port, 0 for any free one.</summary>
    public int Port { get; }

    /// <summary>Path of a Unix socket, else null.</summary>
    public string? SocketPath { get; }

    /// <summary>True when only this machine can connect.</summary>
    public bool IsLoopback => EndPoint is null || IPAddress.IsLoopback(EndPoint.Address);

    /// <exception cref="FormatException">The text is no address; the message says what is allowed.</exception>
    public static ListenAddress Parse(string text) =>
        TryParse(text, out var address, out var error) ? address : throw new FormatException(error);

    /// <summary>Reads an address as the configuration has it.</summary>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out ListenAddress? address, [NotNullWhen(false)] out string? error)
    {
        text = text.Trim();
        (address, error) = text.StartsWith(UnixPrefix, StringComparison.Ordinal)
            ? ParseSocket(text)
            : ParseTcp(text);
        return address is not null;
    }

    public override string ToString() =>
        SocketPath is not null ? UnixPrefix + SocketPath : EndPoint?.ToString() ?? $"localhost:{Port}";

    private static (ListenAddress? Address, string? Error) ParseSocket(string text)
    {
        var path = text[UnixPrefix.Length..];
        if (!path.StartsWith('/') || path.EndsWith('/') || path.Contains('\0', StringComparison.Ordinal))
            return Fail(text, "a socket needs an absolute path, unix:/path");
        return System.Text.Encoding.UTF8.GetByteCount(path) > MaxSocketPath
            ? Fail(text, $"the path of a socket has at most {MaxSocketPath} bytes")
            : (new(null, 0, path), null);
    }

    private static (ListenAddress? Address, string? Error) ParseTcp(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon < 0)
            return Fail(text, "the port is missing; " + Example);
        var host = text[..colon];
        if (!ushort.TryParse(text[(colon + 1)..], System.Globalization.NumberStyles.None, null, out var port))
            return Fail(text, "the port must be a number from 0 to 65535; " + Example);
        if (host.Length == 0)
            return Fail(text, "the host is missing; " + Example);
        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
            return port == 0 ? Fail(text, "localhost needs a fixed port") : (new(null, port, null), null);
        var bracketed = host.StartsWith('[') && host.EndsWith(']');
        if (!bracketed && host.Contains(':', StringComparison.Ordinal))
            return Fail(text, "write an IPv6 address in brackets; " + Example);
        // IPAddress also reads "127.1" and "2130706433"; only what it would print itself is meant.
        return IPAddress.TryParse(bracketed ? host[1..^1] : host, out var ip)
            && (bracketed || (ip.ToString() == host && host.Contains('.', StringComparison.Ordinal)))
                ? (new(new IPEndPoint(ip, port), port, null), null)
                : Fail(text, "the host must be an IP address or localhost; " + Example);
    }

    private static (ListenAddress? Address, string? Error) Fail(string text, string reason) =>
        (null, $"'{text}' is not an address to listen on: {reason}");
}
