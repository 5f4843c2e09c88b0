using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Otlp;

/// <summary>How a request is put on the wire and its answer judged: HTTP/protobuf or gRPC.</summary>
internal abstract class OtlpTransport
{
    public abstract HttpRequestMessage Request(ReadOnlyMemory<byte> body, bool gzipped, TimeSpan timeout);

    public abstract Task<OtlpResult> JudgeAsync(HttpResponseMessage response, CancellationToken cancel);

    protected static string Named(HttpResponseMessage response) => response.Headers.Location is { } elsewhere
        ? $"HTTP {(int)response.StatusCode} to {Redacted.Url(elsewhere)}, which is not followed: make that the endpoint"
        : $"HTTP {(int)response.StatusCode}";

    /// <summary>Refused for good, unless smaller requests are taken.</summary>
    protected static OtlpResult Refused(HttpResponseMessage response, string detail, string message) =>
        new(OtlpFailure.Refused, detail)
        {
            TooLarge = response.StatusCode == HttpStatusCode.RequestEntityTooLarge
                || (response.StatusCode == HttpStatusCode.BadRequest && OtlpResponse.IsTooLarge(message)),
        };

    protected static string With(string status, string message) => message.Length > 0 ? $"{status}: {message}" : status;

    /// <summary>A body in someone else's buffer, behind a few bytes of our own.</summary>
    protected sealed class Body(byte[] prefix, ReadOnlyMemory<byte> rest) : HttpContent
    {
        protected override bool TryComputeLength(out long length)
        {
            length = prefix.Length + rest.Length;
            return true;
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(
            Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            if (prefix.Length > 0)
                await stream.WriteAsync(prefix, cancellationToken).ConfigureAwait(false);
            await stream.WriteAsync(rest, cancellationToken).ConfigureAwait(false);
        }
    }
}

/// <summary>OTLP/HTTP with binary protobuf (specification/protocol: OTLP/HTTP).</summary>
internal sealed class OtlpHttpTransport(Uri endpoint, TimeProvider time) : OtlpTransport
{
    private static readonly MediaTypeHeaderValue Protobuf = new("application/x-protobuf");

    public override HttpRequestMessage Request(ReadOnlyMemory<byte> body, bool gzipped, TimeSpan timeout)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, endpoint) { Content = new Body([], body) };
        request.Content.Headers.ContentType = Protobuf;
        if (gzipped)
            request.Content.Headers.ContentEncoding.Add("gzip");
        return request;
    }

    /// <remarks>
    /// Any 2xx is taken as accepted unless the answer shows that something else listens there: backends answer with
    /// an empty body, JSON or text, which the specification does not allow but practice does. What a long body says is
    /// left unread, not taken for a refusal.
    /// </remarks>
    public override async Task<OtlpResult> JudgeAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        var body = await OtlpResponse.ReadAsync(response.Content, toItsEnd: false, cancel).ConfigureAwait(false);
        var type = response.Content.Headers.ContentType?.MediaType;
        if (!response.IsSuccessStatusCode)
            return Failed(
                response, type == Protobuf.MediaType && body is not null ? OtlpResponse.StatusMessage(body) : "");
        if (type == "text/html")
            return new OtlpResult(OtlpFailure.BadResponse, "the answer is a web page");
        return type == Protobuf.MediaType && body is not null ? OtlpResponse.Accepted(body) : new OtlpResult(null);
    }

    private OtlpResult Failed(HttpResponseMessage response, string message)
    {
        var detail = With(Named(response), message);
        return response.StatusCode switch
        {
            HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable
                or HttpStatusCode.GatewayTimeout =>
                OtlpResult.Retry(
                    OtlpFailure.Unavailable, detail, OtlpResponse.RetryAfter(response, time.GetUtcNow())),
            _ => Refused(response, detail, message),
        };
    }
}

/// <summary>
/// A unary gRPC call by hand (grpc/doc/PROTOCOL-HTTP2.md): a length-prefixed message in, one out, the status in the
/// trailers. The one call that we make is not worth a gRPC library, which would also copy the message.
/// </summary>
internal sealed class OtlpGrpcTransport(Uri endpoint, string method) : OtlpTransport
{
    private const int PrefixSize = 5;
    private static readonly MediaTypeHeaderValue Grpc = new("application/grpc");
    private readonly Uri _url = new($"{endpoint.GetLeftPart(UriPartial.Path).TrimEnd('/')}/{method}");

    public override HttpRequestMessage Request(ReadOnlyMemory<byte> body, bool gzipped, TimeSpan timeout)
    {
        var prefix = new byte[PrefixSize];
        prefix[0] = gzipped ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), body.Length);
        var request = new HttpRequestMessage(HttpMethod.Post, _url)
        {
            Version = HttpVersion.Version20,
            // Prior knowledge over plain text, ALPN over TLS.
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new Body(prefix, body),
        };
        request.Content.Headers.ContentType = Grpc;
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        request.Headers.Add("grpc-timeout", $"{Math.Clamp((long)timeout.TotalMilliseconds, 1, 99_999_999)}m");
        request.Headers.Add("grpc-accept-encoding", "identity");
        if (gzipped)
            request.Headers.Add("grpc-encoding", "gzip");
        return request;
    }

    public override async Task<OtlpResult> JudgeAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        if (response.StatusCode != HttpStatusCode.OK)
            return OfHttpStatus(response);
        var type = response.Content.Headers.ContentType?.MediaType;
        if (type is null || !type.StartsWith("application/grpc", StringComparison.Ordinal))
            return new OtlpResult(
                OtlpFailure.BadResponse, $"the answer is not gRPC but {OtlpResponse.Printable(type ?? "untyped")}");
        var body = await OtlpResponse.ReadAsync(response.Content, toItsEnd: true, cancel).ConfigureAwait(false);
        // A call that failed at once has its status among the headers ("trailers-only").
        var trailers = response.Headers.Contains("grpc-status") ? response.Headers : response.TrailingHeaders;
        if (!int.TryParse(First(trailers, "grpc-status"), out var status))
            return new OtlpResult(OtlpFailure.BadResponse, "the answer has no grpc-status");
        return status == 0 ? Accepted(body) : Failed((GrpcStatus)status, trailers);
    }

    private static OtlpResult Accepted(byte[]? body)
    {
        if (body is null)
            return new OtlpResult(null);
        if (body.Length < PrefixSize || body[0] != 0
            || BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(1)) != body.Length - PrefixSize)
            return new OtlpResult(OtlpFailure.BadResponse, "the answer is not one gRPC message");
        return OtlpResponse.Accepted(body.AsSpan(PrefixSize));
    }

    private static OtlpResult Failed(GrpcStatus status, HttpResponseHeaders trailers)
    {
        var message = Uri.UnescapeDataString(First(trailers, "grpc-message") ?? "");
        var detail = With($"gRPC {status}", OtlpResponse.Printable(message));
        var after = RetryDelay(First(trailers, "grpc-status-details-bin"));
        return status switch
        {
            GrpcStatus.Cancelled or GrpcStatus.DeadlineExceeded or GrpcStatus.Aborted or GrpcStatus.OutOfRange
                or GrpcStatus.Unavailable or GrpcStatus.DataLoss =>
                OtlpResult.Retry(OtlpFailure.Unavailable, detail, after),
            // Exhausted for good unless the server says when to come again.
            GrpcStatus.ResourceExhausted when after is not null =>
                OtlpResult.Retry(OtlpFailure.Unavailable, detail, after),
            GrpcStatus.ResourceExhausted when OtlpResponse.IsTooLarge(message) =>
                new OtlpResult(OtlpFailure.Refused, detail) { TooLarge = true },
            _ => new OtlpResult(OtlpFailure.Refused, detail),
        };
    }

    /// <summary>grpc/doc/http-grpc-status-mapping.md, for proxies that answer before any gRPC server does.</summary>
    private static OtlpResult OfHttpStatus(HttpResponseMessage response) => response.StatusCode switch
    {
        HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable
            or HttpStatusCode.GatewayTimeout => OtlpResult.Retry(OtlpFailure.Unavailable, Named(response)),
        _ => Refused(response, Named(response), ""),
    };

    private static TimeSpan? RetryDelay(string? details)
    {
        if (details is null)
            return null;
        // Binary headers are base64, whose padding servers may leave out.
        var bytes = new byte[details.Length];
        var padded = details.PadRight((details.Length + 3) / 4 * 4, '=');
        return Convert.TryFromBase64String(padded, bytes, out var length)
            ? OtlpResponse.RetryDelay(bytes.AsSpan(0, length))
            : null;
    }

    private static string? First(HttpResponseHeaders headers, string name) =>
        headers.TryGetValues(name, out var values) ? values.First() : null;
}

/// <summary>google/rpc/code.proto.</summary>
internal enum GrpcStatus
{
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}
