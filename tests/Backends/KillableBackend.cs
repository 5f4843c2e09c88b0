using System.Globalization;
using System.IO.Compression;
using System.Net;
using Loki.Push;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Proto.Collector.Logs.V1;

namespace Backends.Tests;

/// <summary>
/// A backend for events over OTLP and Loki's push API that writes the number of each to a file before it answers.
/// </summary>
internal static class KillableBackend
{
    public static async Task<int> RunAsync(int port, string file)
    {
        using var numbers = new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, port));
        await using var app = builder.Build();
        app.Run(context => TakeAsync(context, numbers));
        await app.StartAsync();
        Console.WriteLine("listening");
        await Console.In.ReadToEndAsync();
        return 0;
    }

    private static async Task TakeAsync(HttpContext context, FileStream numbers)
    {
        var body = new MemoryStream();
        var gzip = context.Request.Headers.ContentEncoding == "gzip";
        await (gzip ? new GZipStream(context.Request.Body, CompressionMode.Decompress) : context.Request.Body)
            .CopyToAsync(body);
        var loki = context.Request.Path == "/loki/api/v1/push";
        var messages = loki
            ? PushRequest.Parser.ParseFrom(SnappyBlock.Decode(body.ToArray())).Streams
                .SelectMany(s => s.Entries.Select(e => e.Line))
            : ExportLogsServiceRequest.Parser.ParseFrom(body.ToArray()).ResourceLogs
                .SelectMany(r => r.ScopeLogs).SelectMany(s => s.LogRecords).Select(r => r.Body.StringValue);
        var text = string.Concat(messages.Select(m => m.Split(' ')[1] + "\n"));
        lock (numbers)
        {
            numbers.Write(System.Text.Encoding.ASCII.GetBytes(text));
            numbers.Flush();
        }
        context.Response.StatusCode = loki ? StatusCodes.Status204NoContent : StatusCodes.Status200OK;
    }
}
