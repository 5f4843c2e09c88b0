using System.Buffers;

namespace Collector.Worker.Configuration;

/// <summary>
/// What may be shown of a URL or a header: host and port, and of a path the words that any backend has. User names,
/// queries and all else may be secrets; backends take tokens in each of these places. Queries are left out whole.
/// </summary>
internal static class Redacted
{
    public const string Mark = "***";

    private static readonly string[] PlainSegments =
    [
        "", "/", "api", "v1", "v1development", "otlp", "opentelemetry", "metrics", "logs", "traces", "write", "push",
        "loki",
    ];

    private static readonly SearchValues<char> EndsOfName = SearchValues.Create(":=,;");

    public static string Url(Uri url)
    {
        if (!url.IsAbsoluteUri)
            return Mark;
        var user = url.UserInfo.Length > 0 ? $"{Mark}@" : "";
        return $"{url.Scheme}://{user}{url.Authority}{Path(url.AbsolutePath)}";
    }

    /// <summary>The same for what was meant as a URL and need not be one.</summary>
    public static string Url(string text)
    {
        if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Host.Length > 0)
            return Url(url);
        var scheme = text.IndexOf("://", StringComparison.Ordinal);
        var rest = scheme < 0 ? text : text[(scheme + 3)..];
        // Not taken apart by the rules of a URL, which it breaks: a password may hold what ends a host elsewhere.
        var at = rest.LastIndexOf('@');
        var host = rest[(at + 1)..];
        var end = host.AsSpan().IndexOfAny("/?#\\");
        return (scheme < 0 ? "" : text[..(scheme + 3)]) + (at < 0 ? "" : $"{Mark}@")
            + (end < 0 ? host : host[..end] + $"/{Mark}");
    }

    public static bool Hides(Uri url) => Url(url).Contains(Mark, StringComparison.Ordinal);

    /// <summary>What was meant as a header's name: it may be a whole header, value and all.</summary>
    public static string HeaderName(string text)
    {
        var end = text.AsSpan().IndexOfAny(EndsOfName);
        return end < 0 ? text : text[..end] + Mark;
    }

    private static string Path(string path) => path == "/" ? "/" : string.Join(
        '/', path.Split('/').Select(s => PlainSegments.Contains(s, StringComparer.OrdinalIgnoreCase) ? s : Mark));
}
