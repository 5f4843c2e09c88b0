using System.Net;
using System.Text;
using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Otlp;

/// <summary>The proxy that an endpoint is reached through.</summary>
/// <param name="Address">Scheme, host and port; never a password.</param>
/// <param name="User">What the URL had before the host.</param>
/// <param name="Variable">Who named it.</param>
public sealed record OtlpProxy(Uri Address, NetworkCredential? User, string Variable)
{
    private static readonly string[] Schemes = ["http", "https", "socks4", "socks4a", "socks5"];

    /// <summary>Value of the header Proxy-Authorization; null where no user was named.</summary>
    internal string? Authorization => User is null
        ? null
        : $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User.UserName}:{User.Password}"))}";

    /// <summary>
    /// The proxy that the variables name for an endpoint, as curl and Go read them; null for none. gRPC, which is
    /// tunnelled also where it is plain text, takes the one for TLS first, as gRPC's own libraries do.
    /// </summary>
    /// <param name="environment">Gives a variable's value, null where it is not set.</param>
    /// <param name="endpoint">Where to.</param>
    /// <param name="grpc">Over gRPC.</param>
    /// <param name="fail">Is told of a value that is no proxy.</param>
    internal static OtlpProxy? Find(
        Func<string, string?> environment, Uri endpoint, bool grpc, Action<string> fail)
    {
        if (endpoint.IsLoopback || ProxyExceptions.Of(environment("no_proxy") ?? environment("NO_PROXY")).Has(endpoint))
            return null;
        foreach (var variable in Variables(endpoint.Scheme == "https", grpc, environment))
        {
            if (environment(variable)?.Trim() is { Length: > 0 } text)
                return Parse(variable, text, fail);
        }
        return null;
    }

    public override string ToString() => $"{Redacted.Url(Address).TrimEnd('/')} ({Variable})";

    private static IEnumerable<string> Variables(bool tls, bool grpc, Func<string, string?> environment)
    {
        if (grpc)
            yield return "grpc_proxy";
        if (tls || grpc)
        {
            yield return "https_proxy";
            yield return "HTTPS_PROXY";
        }
        if (!tls || grpc)
        {
            yield return "http_proxy";
            // A CGI program gets it from any client, as the header "Proxy" (httpoxy).
            if (environment("REQUEST_METHOD") is null)
                yield return "HTTP_PROXY";
        }
        yield return "all_proxy";
        yield return "ALL_PROXY";
    }

    private static OtlpProxy? Parse(string variable, string text, Action<string> fail)
    {
        var named = text.Contains("://", StringComparison.Ordinal) ? text : $"http://{text}";
        // As curl calls the same with names looked up by the proxy, which is what ours always does.
        named = named.Replace("socks5h://", "socks5://", StringComparison.OrdinalIgnoreCase);
        if (!Uri.TryCreate(named, UriKind.Absolute, out var url) || url.Host.Length == 0
            || !Schemes.Contains(url.Scheme))
        {
            fail($"{variable}: not a proxy; allowed: [{string.Join("|", Schemes)}://][USER:PASSWORD@]HOST:PORT");
            return null;
        }
        var port = url.Port > 0 ? url.Port : 1080;
        return new OtlpProxy(new UriBuilder(url.Scheme, url.Host, port).Uri, Credential(url.UserInfo), variable);
    }

    private static NetworkCredential? Credential(string user)
    {
        if (user.Length == 0)
            return null;
        var parts = user.Split(':', 2);
        return new(Uri.UnescapeDataString(parts[0]), parts.Length > 1 ? Uri.UnescapeDataString(parts[1]) : "");
    }
}

/// <summary>
/// NO_PROXY: names with all below them (a dot or "*." in front changes nothing), addresses, networks (10.0.0.0/8), each
/// with a port if only that is meant, and * for everything. Names are not looked up.
/// </summary>
internal sealed class ProxyExceptions(string[] items)
{
    public static ProxyExceptions Of(string? text) => new(
        text?.Split([',', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? []);

    public bool Has(Uri endpoint) => items.Any(i => Is(i, endpoint.DnsSafeHost.TrimEnd('.'), endpoint.Port));

    private static bool Is(string item, string host, int port)
    {
        if (item == "*")
            return true;
        var name = WithoutPort(item, out var only);
        if (only is not null && only != port)
            return false;
        if (!IPAddress.TryParse(host, out var address))
            return IsOrIsBelow(host, name.TrimStart('*').Trim('.'));
        return IPAddress.TryParse(name, out var one) ? Plain(one).Equals(Plain(address))
            : IPNetwork.TryParse(name, out var network) && network.Contains(Plain(address));
    }

    private static bool IsOrIsBelow(string host, string name) =>
        host.EndsWith(name, StringComparison.OrdinalIgnoreCase) && name.Length > 0
            && (host.Length == name.Length || host[host.Length - name.Length - 1] == '.');

    /// <summary>[v6]:port, v6, name:port or name; the brackets go too.</summary>
    private static string WithoutPort(string item, out int? port)
    {
        port = null;
        var colon = item.LastIndexOf(':');
        var hasPort = colon > 0 && (item[colon - 1] == ']' || item.IndexOf(':', StringComparison.Ordinal) == colon);
        if (hasPort && int.TryParse(item.AsSpan(colon + 1), out var number))
            port = number;
        return (port is null ? item : item[..colon]).Trim('[', ']');
    }

    private static IPAddress Plain(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
