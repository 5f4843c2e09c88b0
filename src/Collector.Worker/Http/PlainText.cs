using System.Text;

namespace Collector.Worker.Http;

/// <summary>Short answers.</summary>
internal static class PlainText
{
    /// <summary>Sends a status with a line of text; to HEAD only its headers.</summary>
    public static async Task WriteAsync(HttpContext context, int status, string text)
    {
        var body = Encoding.UTF8.GetBytes(text);
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = "text/plain; charset=utf-8";
        response.ContentLength = body.Length;
        response.Headers.CacheControl = "no-store";
        if (!HttpMethods.IsHead(context.Request.Method))
            await response.Body.WriteAsync(body, context.RequestAborted);
    }
}
