using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Collector.Worker.Watch;

/// <summary>Where an agent is.</summary>
/// <param name="Name">As its lines are marked.</param>
/// <param name="Url">What is asked.</param>
/// <param name="SocketPath">Of the Unix socket that leads there; null: by TCP.</param>
internal sealed record PeerAddress(string Name, Uri Url, string? SocketPath = null)
{
    public const int DefaultPort = 9102;
    public const string Allowed = "HOST, HOST:PORT, [IPV6]:PORT, https://HOST:PORT or unix:/PATH";

    private const string UnixPrefix = "unix:";

    /// <summary>True where nobody between here and there can read along.</summary>
    public bool IsPrivate => SocketPath is not null || Url.Scheme == Uri.UriSchemeHttps || Url.IsLoopback;

    /// <summary>A Unix socket.</summary>
    public static PeerAddress Socket(string path) => new(UnixPrefix + path, new("http://localhost/"), path);

    /// <param name="text">One of <see cref="Allowed"/>.</param>
    /// <param name="port">Where the text names none.</param>
    /// <param name="address">What it means.</param>
    public static bool TryParse(string text, int port, [NotNullWhen(true)] out PeerAddress? address)
    {
        address = null;
        if (text.StartsWith(UnixPrefix, StringComparison.Ordinal))
        {
            address = text.StartsWith(UnixPrefix + "/", StringComparison.Ordinal)
                ? Socket(text[UnixPrefix.Length..])
                : null;
            return address is not null;
        }
        var scheme = text.Split("://") is [var before, _] ? before.ToLowerInvariant() : Uri.UriSchemeHttp;
        var rest = text.Split("://")[^1].TrimEnd('/');
        if (scheme is not ("http" or "https"))
            return false;
        // An IPv6 address without brackets has no port.
        if (IPAddress.TryParse(rest, out var ip) && ip.AddressFamily == AddressFamily.InterNetworkV6
            && !rest.StartsWith('['))
            rest = $"[{rest}]";
        var named = rest.LastIndexOf(':') > rest.LastIndexOf(']');
        var whole = named ? rest : $"{rest}:{port}";
        if (!Uri.TryCreate($"{scheme}://{whole}/", UriKind.Absolute, out var url) || url.Host.Length == 0
            || url.Port == 0 || url.UserInfo.Length > 0 || url.PathAndQuery != "/"
            || rest.Contains('/') || rest.EndsWith(':'))
            return false;
        address = new(scheme == Uri.UriSchemeHttps ? $"https://{whole}" : whole, url);
        return true;
    }
}
