using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Backends.Tests;

/// <summary>One request as the server got it: body decompressed and, over gRPC, freed of its prefix.</summary>
internal sealed record Received(
    string Path, string Protocol, IReadOnlyDictionary<string, string> Headers, byte[] Message, bool Gzipped);

/// <summary>What the server answers. The default accepts everything.</summary>
internal sealed record Reply
{
    public int Status { get; init; } = 200;

    public string? ContentType { get; init; }

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    public byte[] Body { get; init; } = [];

    public int GrpcStatus { get; init; }

    public string? GrpcMessage { get; init; }

    /// <summary>Value of grpc-status-details-bin.</summary>
    public string? GrpcDetails { get; init; }

    /// <summary>The connection is cut instead.</summary>
    public bool Abort { get; init; }

    /// <summary>No answer for as long as the client waits.</summary>
    public bool Silent { get; init; }
}

/// <summary>
/// An OTLP receiver that shares no code with ours: Kestrel speaks HTTP, and tests decode with the official messages.
/// </summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly Channel<Received> _received = Channel.CreateUnbounded<Received>();
    private readonly WebApplication _app;
    private readonly Func<Received, Reply> _answer;

    private Receiver(WebApplication app, Func<Received, Reply> answer)
    {
        _app = app;
        _answer = answer;
    }

    /// <summary>Base of HTTP/1.1.</summary>
    public Uri Http { get; private set; } = null!;

    /// <summary>Base of HTTP/2: by prior knowledge, or over TLS by ALPN.</summary>
    public Uri Grpc { get; private set; } = null!;

    /// <summary>Requests that arrived and were not taken yet.</summary>
    public int Waiting => _received.Reader.Count;

    public static async Task<Receiver> StartAsync(
        Func<Received, Reply>? answer = null, X509Certificate2? certificate = null, bool asksForCertificate = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.Zero);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, o => Configure(o, HttpProtocols.Http1));
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, o => Configure(o, HttpProtocols.Http2));
        });
        void Configure(ListenOptions listen, HttpProtocols protocols)
        {
            listen.Protocols = protocols;
            if (certificate is null)
                return;
            listen.UseHttps(certificate, https =>
            {
                https.AllowAnyClientCertificate();
                https.ClientCertificateMode = asksForCertificate
                    ? ClientCertificateMode.RequireCertificate
                    : ClientCertificateMode.NoCertificate;
            });
        }
        var app = builder.Build();
        var receiver = new Receiver(app, answer ?? (_ => new Reply()));
        app.Run(receiver.ServeAsync);
        await app.StartAsync();
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        receiver.Http = new Uri(addresses.First());
        receiver.Grpc = new Uri(addresses.Last());
        return receiver;
    }

    /// <summary>The next request, in the order of arrival.</summary>
    public async Task<Received> TakeAsync() =>
        await _received.Reader.ReadAsync(new CancellationTokenSource(TimeSpan.FromMinutes(1)).Token);

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task ServeAsync(HttpContext context)
    {
        var received = await ReadAsync(context.Request);
        _received.Writer.TryWrite(received);
        var reply = _answer(received);
        if (reply.Silent)
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (reply.Abort || reply.Silent)
            context.Abort();
        else if (IsGrpc(context.Request))
            await AnswerGrpcAsync(context.Response, reply);
        else
            await AnswerHttpAsync(context.Response, reply);
    }

    private static bool IsGrpc(HttpRequest request) => request.ContentType == "application/grpc";

    private static async Task<Received> ReadAsync(HttpRequest request)
    {
        var body = new MemoryStream();
        await request.Body.CopyToAsync(body);
        var bytes = body.ToArray();
        var gzipped = request.Headers.ContentEncoding == "gzip";
        if (IsGrpc(request))
        {
            gzipped = bytes[0] == 1;
            BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(1)).ShouldBe(bytes.Length - 5);
            if (gzipped)
                request.Headers["grpc-encoding"].ToString().ShouldBe("gzip");
            bytes = bytes[5..];
        }
        if (gzipped)
        {
            var plain = new MemoryStream();
            using (var gzip = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress))
                await gzip.CopyToAsync(plain);
            bytes = plain.ToArray();
        }
        var headers = request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase);
        return new Received(request.Path, request.Protocol, headers, bytes, gzipped);
    }

    private static async Task AnswerHttpAsync(HttpResponse response, Reply reply)
    {
        response.StatusCode = reply.Status;
        response.ContentType = reply.ContentType ?? "application/x-protobuf";
        foreach (var (name, value) in reply.Headers)
            response.Headers[name] = value;
        await response.Body.WriteAsync(reply.Body);
    }

    private static async Task AnswerGrpcAsync(HttpResponse response, Reply reply)
    {
        response.StatusCode = reply.Status;
        response.ContentType = reply.ContentType ?? "application/grpc";
        if (reply.Status != 200 || reply.ContentType is not null)
            return;
        if (reply.GrpcStatus == 0)
        {
            var prefix = new byte[5];
            BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), reply.Body.Length);
            await response.Body.WriteAsync(prefix);
            await response.Body.WriteAsync(reply.Body);
            response.AppendTrailer("grpc-status", "0");
            return;
        }
        response.AppendTrailer("grpc-status", reply.GrpcStatus.ToString());
        if (reply.GrpcMessage is not null)
            response.AppendTrailer("grpc-message", Uri.EscapeDataString(reply.GrpcMessage));
        if (reply.GrpcDetails is not null)
            response.AppendTrailer("grpc-status-details-bin", reply.GrpcDetails);
    }
}
