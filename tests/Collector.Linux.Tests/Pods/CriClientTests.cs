using System.Globalization;
using Collector.Linux.Pods.Cri;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Collector.Linux.Tests.Pods;

/// <summary>What is said of a server that is no runtime, or a strange one; tests/Pods has real ones.</summary>
public sealed class CriClientTests
{
    private const string NoRuntime = "this is no CRI v1 runtime: it answered with ";

    public static TheoryData<string, string, string> Answers => new()
    {
        { "503", "protocol", NoRuntime + "HTTP status 503" },
        { "404", "protocol", NoRuntime + "HTTP status 404" },
        { "page", "protocol", NoRuntime + "content of type 'text/html'" },
        { "refused", "permission_denied", "permission_denied: not you, ü" },
        { "unheard", "unknown", "unknown: " },
        { "no method", "unimplemented", "unimplemented: unknown service" },
        { "silence", "deadline_exceeded", "no answer in 5 s" },
        { "abort", "protocol", "The HTTP/2 server reset the stream" },
        { "cut", "protocol", "Unexpected end of content" },
        { "too long", "resource_exhausted", "resource_exhausted: Received message exceeds the maximum" },
        { "packed", "unimplemented", "unimplemented: Unsupported grpc-encoding" },
        { "nothing", "internal", "internal: Failed to deserialize response message" },
        { "garbage", "protocol", "While parsing a protocol message" },
        { "two", "protocol", "Unexpected data after finished reading message" },
        { "no status", "cancelled", "cancelled: No grpc-status found on response" },
        { "strange status", "protocol", "Unexpected grpc-status value: nonsense" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task A_failure_names_the_socket_the_call_and_what_was_answered(string kind, string reason, string said)
    {
        var path = Path.Combine(Path.GetTempPath(), $"netlens-{Guid.NewGuid():N}.sock");
        await using var server = await ServeAsync(path, context => AnswerAsync(kind, context));
        using var client = new CriClient(path);
        var failure = await Should.ThrowAsync<CriException>(() => client.CallAsync(
            "Version", static (c, o) => c.VersionAsync(new VersionRequest(), o), CancellationToken.None));
        failure.Reason.ShouldBe(reason);
        failure.Message.ShouldStartWith($"{path}: Version: {said}");
    }

    private static async Task AnswerAsync(string kind, HttpContext context)
    {
        var response = context.Response;
        response.ContentType = kind == "page" ? "text/html" : "application/grpc";
        response.StatusCode = kind is "503" or "404" ? int.Parse(kind, CultureInfo.InvariantCulture) : 200;
        if (kind == "packed")
            response.Headers["grpc-encoding"] = "gzip";
        if (kind == "silence")
            await Task.Delay(TimeSpan.FromSeconds(20), context.RequestAborted);
        if (kind == "abort")
            context.Abort();
        // An error before any message comes among the first headers.
        var (status, said) = kind switch
        {
            "refused" => ("7", "not you, %C3%BC"),
            "no method" => ("12", "unknown service"),
            "unheard" => ("4711", ""),
            _ => ("", ""),
        };
        if (status.Length > 0)
            (response.Headers["grpc-status"], response.Headers["grpc-message"]) = (status, said);
        else if (MessageOf(kind) is { } message)
            await response.Body.WriteAsync(message);
        if (kind is "nothing" or "two" or "garbage" or "packed" or "strange status")
            response.AppendTrailer("grpc-status", kind == "strange status" ? "nonsense" : "0");
    }

    // One byte for packed or not, four for the length.
    private static byte[]? MessageOf(string kind) => kind switch
    {
        "cut" => [0, 0, 0, 0, 9, 1, 2],
        "too long" => [0, 0x7F, 0xFF, 0xFF, 0xFF, 1, 2, 3],
        "packed" => [1, 0, 0, 0, 3, 0xFF, 0xFF, 0xFF],
        "garbage" => [0, 0, 0, 0, 3, 0xFF, 0xFF, 0xFF],
        "two" => new byte[10],
        "no status" or "strange status" => new byte[5],
        _ => null,
    };

    private static async Task<WebApplication> ServeAsync(string socket, RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.ListenUnixSocket(socket, listen => listen.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.Run(answer);
        await app.StartAsync();
        return app;
    }
}
