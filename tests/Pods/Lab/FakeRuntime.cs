using System.Collections.Concurrent;
using System.Globalization;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pods.Tests.Cri;

namespace Pods.Tests.Lab;

/// <summary>A sandbox that a <see cref="FakeRuntime"/> pretends to have.</summary>
internal sealed record FakeSandbox
{
    public required string Id { get; init; }

    public PodSandboxMetadata? Metadata { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    public string Ip { get; init; } = "";

    /// <summary>The verbose text of its status; null for none.</summary>
    public string? Info { get; init; }

    /// <summary>A sandbox as containerd tells it.</summary>
    public static FakeSandbox Of(string ns, string name, string netns, int pid, string? id = null) => new()
    {
        Id = id ?? Guid.NewGuid().ToString("N") + Guid.NewGuid().ToString("N"),
        Metadata = new PodSandboxMetadata { Name = name, Namespace = ns, Uid = Guid.NewGuid().ToString() },
        Ip = "10.231.0.9",
        Info = $$"""
            {
              "pid": {{pid}}, "processStatus": "running", "netNamespaceClosed": false,
              "runtimeSpec": {
                "linux": { "namespaces": [{ "type": "pid" }, { "type": "network", "path": "{{netns}}" }] }
              }
            }
            """,
    };
}

/// <summary>
/// A runtime that says what a test wants, over a Unix socket: Kestrel speaks HTTP/2, and the answers are real messages
/// unless a test changes their bytes.
/// </summary>
internal sealed class FakeRuntime : IAsyncDisposable
{
    /// <summary>Text to put where bytes shall stand that are no UTF-8; of the same length as those.</summary>
    public const string NotText = "##not-text##";

    private const int Unimplemented = 12;
    private const int NotFound = 5;
    private readonly WebApplication _app;
    private readonly long _born = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1_000_000;
    private volatile IReadOnlyList<FakeSandbox> _sandboxes = [];

    private FakeRuntime(WebApplication app) => _app = app;

    public IReadOnlyList<FakeSandbox> Sandboxes
    {
        get => _sandboxes;
        set => _sandboxes = value;
    }

    /// <summary>Calls by method.</summary>
    public ConcurrentDictionary<string, int> Calls { get; } = new();

    /// <summary>Answers instead where it gives true.</summary>
    public Func<string, HttpContext, Task<bool>> Instead { get; set; } = static (_, _) => Task.FromResult(false);

    public int CallsOf(string method) => Calls.GetValueOrDefault(method);

    public static async Task<FakeRuntime> StartAsync(string socket, HttpProtocols protocols = HttpProtocols.Http2)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.Zero);
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.ListenUnixSocket(socket, listen => listen.Protocols = protocols));
        var app = builder.Build();
        var runtime = new FakeRuntime(app);
        app.Run(runtime.ServeAsync);
        await app.StartAsync();
        return runtime;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    /// <summary>A message on its way out, with bytes that are no text put in.</summary>
    public static async Task WriteAsync(HttpResponse response, IMessage message)
    {
        response.ContentType = "application/grpc";
        var frame = GrpcClient.Frame(message);
        var text = System.Text.Encoding.ASCII.GetBytes(NotText);
        for (var at = frame.AsSpan().IndexOf(text); at >= 0; at = frame.AsSpan().IndexOf(text))
            frame.AsSpan(at, text.Length).Fill(0xFF);
        await response.Body.WriteAsync(frame);
        await response.Body.FlushAsync();
    }

    private async Task ServeAsync(HttpContext context)
    {
        var method = context.Request.Path.Value!.Split('/')[^1];
        Calls.AddOrUpdate(method, 1, static (_, count) => count + 1);
        if (await Instead(method, context))
            return;
        var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        if (Answer(method, body.ToArray().AsSpan(5), out var status) is { } message)
            await WriteAsync(context.Response, message);
        else
            context.Response.ContentType = "application/grpc";
        context.Response.AppendTrailer("grpc-status", status.ToString(CultureInfo.InvariantCulture));
    }

    private IMessage? Answer(string method, ReadOnlySpan<byte> request, out int status)
    {
        status = 0;
        switch (method)
        {
            case "Version":
                return new VersionResponse
                {
                    Version = "0.1.0", RuntimeName = "fake", RuntimeVersion = "1.0", RuntimeApiVersion = "v1",
                };
            case "Status":
                return new StatusResponse
                {
                    Status = new RuntimeStatus
                    {
                        Conditions = { new RuntimeCondition { Type = "RuntimeReady", Status = true } },
                    },
                };
            case "ListPodSandbox":
                return new ListPodSandboxResponse { Items = { Sandboxes.Select(List) } };
            case "ListContainers":
                return new ListContainersResponse();
            case "PodSandboxStatus":
                var id = PodSandboxStatusRequest.Parser.ParseFrom(request).PodSandboxId;
                if (Sandboxes.FirstOrDefault(s => s.Id == id) is { } sandbox)
                    return StatusOf(sandbox);
                status = NotFound;
                return null;
            default:
                status = Unimplemented;
                return null;
        }
    }

    private PodSandbox List(FakeSandbox sandbox) => new()
    {
        Id = sandbox.Id, Metadata = sandbox.Metadata, CreatedAt = _born,
        Labels = { sandbox.Labels.ToDictionary() },
    };

    private PodSandboxStatusResponse StatusOf(FakeSandbox sandbox)
    {
        var answer = new PodSandboxStatusResponse
        {
            Status = new PodSandboxStatus
            {
                Id = sandbox.Id, Metadata = sandbox.Metadata, CreatedAt = _born,
                Network = new PodSandboxNetworkStatus { Ip = sandbox.Ip },
                Linux = new LinuxPodSandboxStatus
                {
                    Namespaces = new Namespace { Options = new NamespaceOption { Network = NamespaceMode.Pod } },
                },
                Labels = { sandbox.Labels.ToDictionary() },
            },
        };
        if (sandbox.Info is { } info)
            answer.Info["info"] = info;
        return answer;
    }
}
