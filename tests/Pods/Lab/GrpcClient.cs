using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Google.Protobuf;

namespace Pods.Tests.Lab;

/// <summary>An answer of the runtime that is not OK.</summary>
[SuppressMessage("Roslynator", "RCS1194", Justification = "It has a status always.")]
internal sealed class GrpcException(int status, string message) : Exception($"grpc-status {status}: {message}")
{
    public const int NotFound = 5;

    public int Status { get; } = status;
}

/// <summary>Unary gRPC over a Unix socket: HTTP/2 by prior knowledge, messages with a prefix of five bytes.</summary>
internal sealed class GrpcClient : IDisposable
{
    private readonly HttpClient _http;

    public GrpcClient(string socket)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, stop) =>
            {
                var unix = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await unix.ConnectAsync(new UnixDomainSocketEndPoint(socket), stop);
                    return new NetworkStream(unix, ownsSocket: true);
                }
                catch
                {
                    unix.Dispose();
                    throw;
                }
            },
        };
        _http = new HttpClient(handler)
        {
            BaseAddress = new Uri("http://localhost/runtime.v1.RuntimeService/"),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = TimeSpan.FromMinutes(2),
        };
    }

    /// <summary>Calls a method of the runtime service and waits for its answer.</summary>
    /// <exception cref="GrpcException">The runtime refused.</exception>
    public TResponse Call<TResponse>(string method, IMessage request)
        where TResponse : IMessage, new() => CallAsync<TResponse>(method, request).GetAwaiter().GetResult();

    private async Task<TResponse> CallAsync<TResponse>(string method, IMessage request)
        where TResponse : IMessage, new()
    {
        using var content = new ByteArrayContent(Frame(request));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var message = new HttpRequestMessage(HttpMethod.Post, method)
        {
            Content = content,
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        message.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        using var response = (await _http.SendAsync(message)).EnsureSuccessStatusCode();
        var body = await response.Content.ReadAsByteArrayAsync();
        // An error without a message has its status among the headers.
        Check(response.Headers.Contains("grpc-status") ? response.Headers : response.TrailingHeaders);
        var answer = new TResponse();
        answer.MergeFrom(body.AsSpan(5, BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(1))));
        return answer;
    }

    /// <summary>A message with its prefix, not compressed.</summary>
    public static byte[] Frame(IMessage message)
    {
        var frame = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        return frame;
    }

    public void Dispose() => _http.Dispose();

    private static void Check(HttpResponseHeaders headers)
    {
        var status = int.Parse(headers.GetValues("grpc-status").First());
        if (status == 0)
            return;
        var text = headers.TryGetValues("grpc-message", out var values) ? values.First() : "";
        throw new GrpcException(status, Uri.UnescapeDataString(text));
    }
}
