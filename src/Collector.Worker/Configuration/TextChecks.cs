using System.Text;
using Collector.Linux.Pods;
using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration;

/// <summary>What is wrong with a text, as the rest of a sentence; "" when nothing is.</summary>
internal static class TextChecks
{
    private const int LongestBasePath = 128;

    /// <summary>First parts of what the HTTP server answers.</summary>
    private static readonly HashSet<string> OwnPaths = new(StringComparer.OrdinalIgnoreCase)
    {
        "api", "config", "events", "findings", "healthz", "metrics", "page", "readyz", "record", "status",
    };

    public static string Printable(string text) => text.EnumerateRunes().Any(r => Rune.IsControl(r) || IsReplacement(r))
        ? $"'{YamlText.Shown(text)}' holds control characters"
        : "";

    /// <summary>A host name's length is the bound (RFC 1035, 2.3.4); Kubernetes node names keep it too.</summary>
    public static string Word(string text) =>
        text.Length == 0 ? "is empty text"
        : text.Length > 253 ? "is longer than 253 characters"
        : text.Any(char.IsWhiteSpace) ? $"'{YamlText.Shown(text)}' holds spaces"
        : Printable(text);

    public static string AbsolutePath(string text) =>
        text.Length == 0 ? "is empty text"
        : text[0] != '/' && !Path.IsPathFullyQualified(text) ? $"'{YamlText.Shown(text)}' is not an absolute path"
        : Printable(text);

    public static string JsonTarget(string text) => text.Length == 0 || text == EventOptions.StandardOutput
        ? ""
        : AbsolutePath(text) is { Length: > 0 } problem
            ? problem + Suggestion.For(text, [EventOptions.StandardOutput])
            : "";

    /// <summary>A unix socket's path has at most 107 bytes (unix(7)).</summary>
    public static string Endpoint(string text)
    {
        const string Scheme = "unix://";
        if (text.Length == 0 || text == PodOptions.None)
            return "";
        var path = text.StartsWith(Scheme, StringComparison.Ordinal) ? text[Scheme.Length..] : text;
        return AbsolutePath(path) is { Length: > 0 } problem
            ? problem + Suggestion.For(text, [PodOptions.None])
            : Encoding.UTF8.GetByteCount(path) > 107 ? "is longer than the 107 bytes of a socket's path" : "";
    }

    /// <summary>Likewise of what we bind.</summary>
    public static string SocketPath(string text) =>
        text.Length == 0 ? ""
        : AbsolutePath(text) is { Length: > 0 } problem ? problem
        : text.EndsWith('/') ? $"'{YamlText.Shown(text)}' is a folder"
        : Encoding.UTF8.GetByteCount(text) > 107 ? "is longer than the 107 bytes of a socket's path"
        : "";

    /// <summary>What begins with the name of a path of our own would hide that one, without it.</summary>
    public static string BasePath(string text)
    {
        var parts = text.Trim('/').Split('/');
        return text.Length == 0 ? ""
            : text.Length > LongestBasePath ? $"is longer than {LongestBasePath} characters"
            : text[0] != '/' ? $"'{YamlText.Shown(text)}' does not begin with /"
            : text.Any(c => !char.IsAsciiLetterOrDigit(c) && !"-._~/".Contains(c))
                ? $"'{YamlText.Shown(text)}' holds characters other than letters, digits and -._~/"
            : text.Contains("//", StringComparison.Ordinal) ? $"'{text}' holds //"
            : parts.Any(static p => p is "." or "..") ? $"'{text}' has a part that is . or .."
            : OwnPaths.Contains(parts[0]) ? $"'{text}' begins with a path of the agent's own"
            : "";
    }

    /// <summary>
    /// What a header can carry (RFC 6750, 2.1, and some). The value itself is a secret and is not shown.
    /// </summary>
    public static string Token(string text) =>
        text.Length == 0 ? "is empty text"
        : text.Length > 1024 ? "is longer than 1024 characters"
        : text.Any(c => c is <= ' ' or > '~') ? "its value holds characters other than visible ASCII"
        : "";

    /// <summary>[prefix/]name (apimachinery, validation of qualified names).</summary>
    public static string LabelKey(string text)
    {
        var name = text[(text.LastIndexOf('/') + 1)..];
        var valid = name.Length is > 0 and <= 63 && text.Length <= 253 + 1 + 63 && text.Count(c => c == '/') <= 1
            && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/');
        return valid ? "" : $"'{YamlText.Shown(text)}' is not the key of a label";
    }

    public static string Listen(string text) =>
        ListenAddress.TryParse(text, out _, out var problem) ? "" : $"'{YamlText.Shown(text)}' {problem}";

    public static string LocalListen(string text) =>
        text.Length == 0 ? ""
        : Listen(text) is { Length: > 0 } problem ? problem
        : ListenAddress.Parse(text).IsLoopback ? ""
        : $"'{YamlText.Shown(text)}' can be reached from other machines, without encryption or authentication";

    /// <summary>A field name is a token (RFC 9110, 5.6.2); gRPC metadata has no more than that.</summary>
    public static string HeaderName(string text) =>
        text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c))
            ? ""
            : $"'{YamlText.Shown(Redacted.HeaderName(text))}' is not a header name";

    /// <summary>
    /// Visible ASCII and inner spaces (RFC 9110, 5.5). The value itself is a secret and is not shown.
    /// </summary>
    public static string HeaderValue(string text) =>
        text.Any(c => c is < ' ' or > '~') ? "its value holds characters other than visible ASCII"
        : text.Trim() != text ? "its value begins or ends with a space"
        : "";

    /// <summary>NAME=VALUE, the name as Loki has it; what begins with two underscores is Loki's own.</summary>
    public static string LabelPair(string text)
    {
        var name = text.Split('=')[0];
        var valid = text.Contains('=', StringComparison.Ordinal) && name.Length > 0 && !char.IsAsciiDigit(name[0])
            && !name.StartsWith("__", StringComparison.Ordinal)
            && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');
        return valid ? Printable(text) : $"'{YamlText.Shown(text)}' is not NAME=VALUE with the name of a label";
    }

    public static string AttributeName(string text) =>
        text.Length == 0 ? "an attribute has an empty name" : Printable(text);

    // A lone surrogate, which no UTF-8 output can carry, is enumerated as the replacement character.
    private static bool IsReplacement(Rune rune) => rune == Rune.ReplacementChar;
}
