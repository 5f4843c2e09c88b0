using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace Collector.Worker.Http.Page;

/// <summary>By what a browser knows again what it has (RFC 9110, 8.8.3).</summary>
internal static class EntityTag
{
    /// <summary>That of this content.</summary>
    public static string Of(ReadOnlySpan<byte> content) =>
        $"\"{Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 8))}\"";

    /// <summary>Tells it; true when whoever asks says that this is what it has, which is all of the answer.</summary>
    public static bool Suffices(HttpContext context, string tag)
    {
        context.Response.Headers.ETag = tag;
        if (!EntityTagHeaderValue.TryParseList(context.Request.Headers.IfNoneMatch, out var known)
            || !known.Any(k => k.Tag == "*" || k.Tag == tag))
        {
            return false;
        }
        context.Response.StatusCode = StatusCodes.Status304NotModified;
        return true;
    }
}
