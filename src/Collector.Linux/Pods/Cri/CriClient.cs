using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Google.Protobuf;

namespace Collector.Linux.Pods.Cri;

/// <summary>
/// The Container Runtime Interface over a unix socket: gRPC is HTTP/2 with prior knowledge, five bytes in front of
/// every message, and the status among the trailers. Grpc.Net.Client would take its place (docs/dependencies.md).
/// </summary>
/// <remarks>
/// No keep-alive pings: Go's server ends connections that ping more often than every five minutes. The pool connects
/// again by itself after the runtime was restarted.
/// </remarks>
internal sealed class CriClient : IDisposable
{
    /// <summary>What containerd sends at most: some 40,000 sandboxes.</summary>
    private const int LargestMessage = 16 << 20;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);

    // grpc-status by number (grpc/status.h), for labels.
    private static readonly string[] StatusNames =
    [
        "ok", "cancelled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists",
        "permission_denied", "resource_exhausted", "failed_precondition", "aborted", "out_of_range", "unimplemented",
        "internal", "unavailable", "data_loss", "unauthenticated",
    ];

    private readonly HttpClient _http;
    private readonly string _socket;

    public CriClient(string socket)
    {
        _socket = socket;
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = ConnectAsync,
            UseProxy = false,
            AllowAutoRedirect = false,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            ConnectTimeout = Deadline,
        };
        _http = new HttpClient(handler)
        {
            BaseAddress = new Uri("http://localhost/runtime.v1.RuntimeService/"),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>One question, one answer.</summary>
    /// <exception cref="CriException">No runtime there, it speaks something else, or it refused.</exception>
    public async Task<T> CallAsync<T>(
        string method, IMessage request, MessageParser<T> parser, CancellationToken cancel) where T : IMessage<T>
    {
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limited.CancelAfter(Deadline);
        try
        {
            using var response = await SendAsync(method, request, Deadline, limited.Token).ConfigureAwait(false);
            await using var body = await response.Content.ReadAsStreamAsync(limited.Token).ConfigureAwait(false);
            var message = await ReadMessageAsync(body, limited.Token).ConfigureAwait(false);
            // Trailers are there only once the body was read to its end.
            if (await body.ReadAsync(new byte[1], limited.Token).ConfigureAwait(false) != 0)
                throw Nonsense(method, "it sent more than one message");
            Check(method, response.TrailingHeaders);
            return parser.ParseFrom(message ?? throw Nonsense(method, "it sent no message"));
        }
        catch (Exception e) when (!cancel.IsCancellationRequested && e is not CriException)
        {
            throw Translate(method, e);
        }
    }

    /// <summary>A stream of answers, until the runtime ends it.</summary>
    /// <exception cref="CriException">As for <see cref="CallAsync"/>; also when the stream breaks.</exception>
    public async IAsyncEnumerable<T> StreamAsync<T>(
        string method, IMessage request, MessageParser<T> parser, [EnumeratorCancellation] CancellationToken cancel)
        where T : IMessage<T>
    {
        // Headers come with the first message: no deadline for them.
        using var response = await Guarded(method, SendAsync(method, request, null, cancel), cancel)
            .ConfigureAwait(false);
        await using var body = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        while (await Guarded(method, ReadMessageAsync(body, cancel), cancel).ConfigureAwait(false) is { } message)
            yield return parser.ParseFrom(message);
        Check(method, response.TrailingHeaders);
    }

    private async Task<T> Guarded<T>(string method, Task<T> work, CancellationToken cancel)
    {
        try
        {
            return await work.ConfigureAwait(false);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested && e is not CriException)
        {
            throw Translate(method, e);
        }
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(_socket), cancel).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<HttpResponseMessage> SendAsync(
        string method, IMessage request, TimeSpan? deadline, CancellationToken cancel)
    {
        var size = request.CalculateSize();
        var frame = new byte[5 + size];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), size);
        request.WriteTo(frame.AsSpan(5));
        using var content = new ByteArrayContent(frame);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var message = new HttpRequestMessage(HttpMethod.Post, method)
        {
            Content = content,
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        message.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        if (deadline is { } limit)
        {
            message.Headers.TryAddWithoutValidation(
                "grpc-timeout", ((long)limit.TotalMilliseconds).ToString(CultureInfo.InvariantCulture) + "m");
        }
        var response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancel)
            .ConfigureAwait(false);
        try
        {
            if (response.StatusCode != HttpStatusCode.OK)
                throw Nonsense(method, $"it answered with HTTP status {(int)response.StatusCode}");
            var type = response.Content.Headers.ContentType?.MediaType;
            if (type?.StartsWith("application/grpc", StringComparison.Ordinal) != true)
                throw Nonsense(method, $"it answered with content of type '{type}'");
            // An error before any message comes among the first headers.
            if (response.Headers.Contains("grpc-status"))
                Check(method, response.Headers);
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private void Check(string method, HttpResponseHeaders headers)
    {
        if (!headers.TryGetValues("grpc-status", out var values) || !int.TryParse(values.First(), out var status))
            throw Nonsense(method, "its answer ended without a status");
        if (status == 0)
            return;
        var text = headers.TryGetValues("grpc-message", out var said) ? Uri.UnescapeDataString(said.First()) : "";
        var name = status < StatusNames.Length ? StatusNames[status] : "unknown";
        throw new CriException(name, $"{_socket}: {method}: {name}: {text}") { Status = status };
    }

    private CriException Nonsense(string method, string what) =>
        new("protocol", $"{_socket}: {method}: this is no CRI v1 runtime: {what}");

    /// <summary>The message of a failure names the socket, which the framework's do not.</summary>
    private CriException Translate(string method, Exception e) => e switch
    {
        OperationCanceledException => new CriException(
            "deadline_exceeded", $"{_socket}: {method}: no answer in {Deadline.TotalSeconds:0} s", e),
        HttpRequestException { InnerException: SocketException socket } => new CriException(
            "connect", $"{_socket}: {Reason(socket)}", e),
        _ => new CriException("protocol", $"{_socket}: {method}: {Innermost(e)}", e),
    };

    private static string Reason(SocketException e) => e.SocketErrorCode switch
    {
        SocketError.AddressNotAvailable => "there is no such socket",
        SocketError.ConnectionRefused => "nobody listens there",
        SocketError.AccessDenied => "permission denied (the socket is root's; in a unit: SupplementaryGroups=root)",
        _ => e.Message,
    };

    private static string Innermost(Exception e)
    {
        while (e.InnerException is { } inner)
            e = inner;
        return e.Message;
    }

    private static async Task<byte[]?> ReadMessageAsync(Stream body, CancellationToken cancel)
    {
        var head = new byte[5];
        var got = await body.ReadAtLeastAsync(head, 5, throwOnEndOfStream: false, cancel).ConfigureAwait(false);
        if (got == 0)
            return null;
        if (got < 5)
            throw new IOException("a message was cut off");
        var size = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(1));
        if (head[0] != 0 || size > LargestMessage)
            throw new IOException(head[0] != 0 ? "a compressed message" : $"a message of {size} bytes");
        var message = new byte[size];
        await body.ReadExactlyAsync(message, cancel).ConfigureAwait(false);
        return message;
    }

    public void Dispose() => _http.Dispose();
}
