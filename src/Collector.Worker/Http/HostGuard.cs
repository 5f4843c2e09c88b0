using System.Net;

namespace Collector.Worker.Http;

/// <summary>
/// Answers only to this machine's own names while the server is bound to loopback. Otherwise a web page could point its
/// own host name at 127.0.0.1 (DNS rebinding) and read the metrics with the visitor's browser.
/// </summary>
internal static class HostGuard
{
    /// <summary>
    /// True for localhost and loopback addresses, with any port, and for HTTP/1.0 without a Host header.
    /// </summary>
    public static bool IsLocal(HostString host)
    {
        if (!host.HasValue)
            return true;
        var name = host.Host.AsSpan().TrimEnd('.');
        if (name.Equals("localhost", StringComparison.OrdinalIgnoreCase))
            return true;
        return IPAddress.TryParse(name.TrimStart('[').TrimEnd(']'), out var ip) && IPAddress.IsLoopback(ip);
    }

    /// <summary>Middleware: 421 Misdirected Request (RFC 9110, 15.5.20) for any other name, by a port.</summary>
    public static Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (ClientConnection.Of(context)?.IsLocal == true || IsLocal(context.Request.Host))
            return next(context);
        return PlainText.WriteAsync(context, StatusCodes.Status421MisdirectedRequest,
            "this server listens on loopback and answers to localhost, 127.0.0.1 and [::1] only\n");
    }
}
