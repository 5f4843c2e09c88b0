using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace Collector.Worker.Http.Page;

/// <summary>By what a browser knows again what it has (RFC 9110, 8.8.3).</summary>
internal static class EntityTag
{
    /// <summary>That of this content.</summary>
    public static string Of(ReadOnlySpan<byte> content) =>
        $"\"{Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 8))}\"";

    /// <summary>True when whoever asks says that this is what it has.</summary>
    public static bool Has(HttpRequest request, string tag) =>
        EntityTagHeaderValue.TryParseList(request.Headers.IfNoneMatch, out var known)
        && known.Any(k => k.Tag == "*" || k.Tag == tag);
}
