using System.Buffers;
using System.Text.Json;

namespace Collector.Worker.Http;

/// <summary>A small JSON document, made anew for each request.</summary>
/// <param name="write">Writes it.</param>
internal sealed class JsonPage(Action<Utf8JsonWriter> write)
{
    private static readonly JsonWriterOptions Options = new() { Indented = true };

    public async Task InvokeAsync(HttpContext context)
    {
        var body = new ArrayBufferWriter<byte>(4096);
        using (var json = new Utf8JsonWriter(body, Options))
            write(json);
        body.Write("\n"u8);
        var response = context.Response;
        response.ContentType = "application/json";
        response.ContentLength = body.WrittenCount;
        response.Headers.CacheControl = "no-store";
        if (!HttpMethods.IsHead(context.Request.Method))
            await response.Body.WriteAsync(body.WrittenMemory, context.RequestAborted);
    }
}
