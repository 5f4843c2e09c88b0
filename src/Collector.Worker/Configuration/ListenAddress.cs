using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Collector.Worker.Configuration;

/// <summary>Where the HTTP server listens: an address and port, localhost (both families), or a Unix socket.</summary>
public sealed record ListenAddress
{
    private const string UnixPrefix = "unix:";

    /// <summary>
    /// sun_path of struct sockaddr_un has 108 bytes, the last for the terminator (include/uapi/linux/un.h).
    /// </summary>
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

    /// <summary>How an address with an interface was written: the number that it became says nothing.</summary>
    private string? Zone { get; init; }

    /// <summary>True when only this machine can connect.</summary>
    public bool IsLoopback => EndPoint is null || IPAddress.IsLoopback(EndPoint.Address);

    /// <summary>True when what connects is on this machine: loopback, or a Unix socket.</summary>
    public bool IsLocal => SocketPath is not null || IsLoopback;

    /// <exception cref="FormatException">The text is no address; the message says what is allowed.</exception>
    public static ListenAddress Parse(string text) =>
        TryParse(text, out var address, out var problem) ? address : throw new FormatException($"'{text}' {problem}");

    /// <summary>Reads an address as the configuration has it; the problem is the rest of a sentence.</summary>
    public static bool TryParse(
        string text, [NotNullWhen(true)] out ListenAddress? address, [NotNullWhen(false)] out string? problem)
    {
        (address, problem) = text.StartsWith(UnixPrefix, StringComparison.Ordinal)
            ? ParseSocket(text)
            : ParseTcp(text);
        return address is not null;
    }

    public override string ToString() =>
        SocketPath is not null ? UnixPrefix + SocketPath : Zone ?? EndPoint?.ToString() ?? $"localhost:{Port}";

    private static (ListenAddress? Address, string? Problem) ParseSocket(string text)
    {
        var path = text[UnixPrefix.Length..];
        if (!path.StartsWith('/') || path.EndsWith('/') || path.Contains('\0', StringComparison.Ordinal))
            return Fail("has no absolute path after unix:");
        return System.Text.Encoding.UTF8.GetByteCount(path) > MaxSocketPath
            ? Fail($"has a path of more than {MaxSocketPath} bytes")
            : (new(null, 0, path), null);
    }

    private static (ListenAddress? Address, string? Problem) ParseTcp(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || text.EndsWith(']'))
            return Fail("is neither host:port nor unix:/path");
        var host = text[..colon];
        if (!ushort.TryParse(text.AsSpan(colon + 1), System.Globalization.NumberStyles.None, null, out var port))
            return Fail("has no port from 0 to 65535");
        if (host == "localhost")
            return port == 0 ? Fail("has no fixed port, which localhost needs") : (new(null, port, null), null);
        var bracketed = host.StartsWith('[') && host.EndsWith(']');
        // IPAddress also reads "127.1" and "2130706433"; only what it would print itself is meant.
        if (IPAddress.TryParse(bracketed ? host[1..^1] : host, out var ip)
            && (bracketed
                ? ip.AddressFamily == AddressFamily.InterNetworkV6
                : ip.ToString() == host && host.Contains('.')))
            return Zoned(host, ip, port);
        return Fail("does not begin with an IPv4 address, an IPv6 address in brackets, or localhost");
    }

    // An address of a link means nothing without its interface, and reading one that is not there loses it silently.
    private static (ListenAddress? Address, string? Problem) Zoned(string host, IPAddress ip, int port)
    {
        if (ip is { IsIPv6LinkLocal: true, ScopeId: 0 })
        {
            return Fail(host.Split('%') is [_, var name]
                ? $"names the interface {name.TrimEnd(']')}, which this machine has not"
                : "needs its interface, as in [fe80::1%eth0]:9102");
        }
        var zone = host.Contains('%') ? $"{host}:{port}" : null;
        return (new(new IPEndPoint(ip, port), port, null) { Zone = zone }, null);
    }

    private static (ListenAddress? Address, string? Problem) Fail(string problem) => (null, problem);
}
