using Collector.Worker.Http.Page;

namespace Collector.Worker.Http;

/// <summary>/page/NAME: a file of the page of a node. Another content has another name, so it is kept.</summary>
internal sealed class PageFileEndpoint(PageFile file)
{
    /// <summary>Answers with it; to who has it already, with no more than that.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        var compressed = ContentNegotiation.Gzip(request.Headers.AcceptEncoding);
        var tag = compressed ? $"\"{file.Name}-gz\"" : $"\"{file.Name}\"";
        response.Headers.CacheControl = "public, max-age=31536000, immutable";
        response.Headers.Vary = "Accept-Encoding";
        if (EntityTag.Suffices(context, tag))
            return;
        response.ContentType = file.ContentType;
        await using var body = compressed ? file.OpenCompressed() : file.Open();
        if (compressed)
        {
            response.Headers.ContentEncoding = "gzip";
            response.ContentLength = body.Length;
        }
        if (!HttpMethods.IsHead(request.Method))
            await body.CopyToAsync(response.Body, context.RequestAborted);
    }
}
