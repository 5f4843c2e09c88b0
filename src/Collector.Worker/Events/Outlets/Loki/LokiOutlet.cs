using System.Net;
using System.Net.Http.Headers;
using Collector.Core.Events;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Events.Outlets.Loki;

/// <summary>
/// Events to Loki's push API (POST /loki/api/v1/push, protobuf in snappy). Loki documents 204 for taken and 400 for
/// what it will never take, such as lines that are too old; whatever else comes may be a proxy's word and is tried
/// again.
/// </summary>
internal sealed class LokiOutlet : IRemoteOutlet
{
    private static readonly MediaTypeHeaderValue Protobuf = new("application/x-protobuf");

    private readonly LokiSettings _settings;
    private readonly LokiCredentials _credentials;
    private readonly LokiRequest _request;
    private readonly InParts _parts;
    private readonly TimeProvider _time;
    private readonly string _version;
    private HttpClient? _http;

    public LokiOutlet(LokiSettings settings, string version, TimeProvider time)
    {
        _settings = settings;
        _version = version;
        _time = time;
        _credentials = new(settings.Options);
        _request = new(settings);
        _parts = new((part, stop) => PushAsync(part, stop).GetAwaiter().GetResult());
    }

    public string Name => "loki";

    public string Target => _settings.ToString();

    public SendResult Send(ReadOnlyMemory<NetworkEvent> batch, CancellationToken stop) => _parts.Send(batch, stop);

    public void Dispose() => _http?.Dispose();

    private async Task<Answer> PushAsync(ReadOnlyMemory<NetworkEvent> events, CancellationToken stop)
    {
        using var deadline = new CancellationTokenSource(_settings.Http.Timeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, deadline.Token);
        try
        {
            using var request = Request(events);
            using var response = await Client()
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, both.Token).ConfigureAwait(false);
            var body = await OtlpResponse.ReadAsync(response.Content, toItsEnd: false, both.Token)
                .ConfigureAwait(false);
            return Judge(response, body ?? [], events.Length);
        }
        catch (OperationCanceledException) when (both.IsCancellationRequested)
        {
            return new(Verdict.Later, $"no answer within {_settings.Http.Timeout.TotalSeconds:0.###} s");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidOperationException
            or OperationCanceledException)
        {
            return new(Verdict.Later, Innermost(e));
        }
    }

    private HttpRequestMessage Request(ReadOnlyMemory<NetworkEvent> events)
    {
        var authorization = _credentials.Authorization();
        // No Content-Encoding: snappy is part of the format here, and Loki refuses the word.
        var request = new HttpRequestMessage(HttpMethod.Post, _settings.Http.Endpoint)
        {
            Content = new ReadOnlyMemoryContent(_request.Body(events)) { Headers = { ContentType = Protobuf } },
        };
        if (authorization is not null)
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        if (_settings.Options.Tenant is { } tenant)
            request.Headers.TryAddWithoutValidation("X-Scope-OrgID", tenant);
        return request;
    }

    /// <exception cref="InvalidOperationException">A certificate file is no use.</exception>
    private HttpClient Client()
    {
        if (_http is not null)
            return _http;
        var client = new HttpClient(OtlpHttp.Handler(_settings.Http)) { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", $"netlens/{_version}");
        OtlpHttp.AddHeaders(client, _settings.Http);
        return _http = client;
    }

    private Answer Judge(HttpResponseMessage response, ReadOnlySpan<byte> body, int count)
    {
        // Somebody else answers: a login page, a proxy, a port of another server.
        var isPage = response.Content.Headers.ContentType?.MediaType == "text/html";
        var status = $"HTTP {(int)response.StatusCode}";
        if (response.IsSuccessStatusCode)
            return isPage ? new(Verdict.Later, $"{status}, but the answer is a web page") : Answer.Taken;
        if (response.StatusCode == HttpStatusCode.RequestEntityTooLarge)
            return new(Verdict.TooLarge, status);
        if (response.Headers.Location is { } elsewhere)
            return new(Verdict.Later, $"{status} to {Redacted.Url(elsewhere)}, which is not followed");
        var detail = isPage ? $"{status} with a web page" : $"{status}: {FirstLine(body)}".TrimEnd(':', ' ');
        return response.StatusCode == HttpStatusCode.BadRequest && !isPage
            ? new(Verdict.Refused, detail, Nevertheless: LokiRefusal.Taken(body, count))
            : new(Verdict.Later, detail, OtlpResponse.RetryAfter(response, _time.GetUtcNow()));
    }

    private static string FirstLine(ReadOnlySpan<byte> body)
    {
        var end = body.IndexOf((byte)'\n');
        return OtlpResponse.Printable(System.Text.Encoding.UTF8.GetString(end < 0 ? body : body[..end]));
    }

    private static string Innermost(Exception e) => e is IOException or InvalidOperationException
        ? OtlpResponse.Printable(e.Message)
        : OtlpResponse.Printable(e.GetBaseException().Message);
}
