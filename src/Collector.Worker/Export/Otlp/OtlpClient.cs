using System.IO.Compression;

namespace Collector.Worker.Export.Otlp;

/// <summary>Waits between attempts: exponential with full jitter between half and the whole of each step.</summary>
/// <param name="First">Before the second attempt.</param>
/// <param name="Greatest">No wait is longer, unless the server asks for it.</param>
internal sealed record RetryPolicy(TimeSpan First, TimeSpan Greatest)
{
    public static RetryPolicy Default { get; } = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5));

    public TimeSpan Wait(int attempt)
    {
        var step = Math.Min(First.TotalMilliseconds * Math.Pow(2, attempt - 1), Greatest.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(step * (0.5 + Random.Shared.NextDouble() / 2));
    }
}

/// <summary>
/// Sends requests to one endpoint, by the rules of specification/protocol/otlp (OTLP 1.x): retries what may be retried
/// within the timeout, waits as long as a server asks, drops the rest and says why.
/// </summary>
/// <remarks>One request at a time.</remarks>
internal sealed class OtlpClient : IDisposable
{
    public const string MetricsMethod = "opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

    /// <summary>A server is left alone no longer, whatever it asks for: none may end the push for good.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    private readonly OtlpSignalSettings _settings;
    private readonly OtlpTransport _transport;
    private readonly RetryPolicy _retry;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private readonly MemoryStream _compressed = new();
    private long? _pausedAt;
    private TimeSpan _pause;

    /// <exception cref="InvalidOperationException">A certificate file is no use.</exception>
    public OtlpClient(OtlpSignalSettings settings, string version, TimeProvider time, RetryPolicy? retry = null)
    {
        _settings = settings;
        _time = time;
        _retry = retry ?? RetryPolicy.Default;
        _transport = settings.Protocol == Configuration.OtlpProtocol.Grpc
            ? new OtlpGrpcTransport(settings.Endpoint!, MetricsMethod)
            : new OtlpHttpTransport(settings.Endpoint!, time);
        _http = new HttpClient(OtlpHttp.Handler(settings)) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", $"OTel-OTLP-Exporter-Netlens/{version}");
        OtlpHttp.AddHeaders(_http, settings);
    }

    /// <summary>Attempts after the first of each request.</summary>
    public long Retries { get; private set; }

    /// <summary>Bytes of the bodies sent, after compression, retries included.</summary>
    public long BytesSent { get; private set; }

    /// <summary>True while a server's request to be left alone still holds.</summary>
    public bool Throttled => _pausedAt is { } since && _time.GetElapsedTime(since) < _pause;

    public void Dispose()
    {
        _http.Dispose();
        _compressed.Dispose();
    }

    /// <summary>Sends one message. Does not throw for anything that the network or the server does.</summary>
    public async Task<OtlpResult> SendAsync(ReadOnlyMemory<byte> message, CancellationToken stop)
    {
        var body = _settings.Gzip ? Compress(message) : message;
        var began = _time.GetTimestamp();
        using var deadline = new CancellationTokenSource(_settings.Timeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, deadline.Token);
        for (var attempt = 1; ; attempt++)
        {
            var left = _settings.Timeout - _time.GetElapsedTime(began);
            var result = NameProxy(await TryOnceAsync(body, left, stop, both.Token).ConfigureAwait(false));
            if (!result.Retryable)
                return result;
            var wait = _retry.Wait(attempt);
            if (result.RetryAfter is { } asked)
            {
                Pause(asked);
                wait = _pause > wait ? _pause : wait;
            }
            if (_time.GetElapsedTime(began) + wait >= _settings.Timeout)
                return result.RetryAfter is null ? result : ThrottledBy(result);
            if (!await WaitAsync(wait, both.Token).ConfigureAwait(false))
                return stop.IsCancellationRequested ? new OtlpResult(OtlpFailure.Shutdown, result.Detail) : result;
            Retries++;
        }
    }

    /// <summary>Whoever reads of a failure has to know that the server may not be the one that failed.</summary>
    private OtlpResult NameProxy(OtlpResult result) => result.Accepted || _settings.Proxy is not { } proxy
        ? result
        : result with { Detail = $"{result.Detail}, through the proxy {proxy}" };

    private void Pause(TimeSpan asked)
    {
        _pausedAt = _time.GetTimestamp();
        _pause = asked < LongestPause ? asked : LongestPause;
    }

    private OtlpResult ThrottledBy(OtlpResult result)
    {
        var until = _time.GetUtcNow() + _pause;
        var asked = result.RetryAfter > _pause ? $" (it asked for {result.RetryAfter:d' days 'hh':'mm':'ss})" : "";
        return result with
        {
            Failure = OtlpFailure.Throttled,
            Detail = $"{result.Detail}; the server is left alone until {until:yyyy-MM-dd HH:mm:ss} UTC{asked}",
        };
    }

    private async Task<OtlpResult> TryOnceAsync(
        ReadOnlyMemory<byte> body, TimeSpan left, CancellationToken stop, CancellationToken cancel)
    {
        try
        {
            using var request = _transport.Request(body, _settings.Gzip, left);
            BytesSent += body.Length;
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel)
                .ConfigureAwait(false);
            return await _transport.JudgeAsync(response, cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return stop.IsCancellationRequested
                ? new OtlpResult(OtlpFailure.Shutdown, "stopping")
                : new OtlpResult(OtlpFailure.Timeout, $"no answer within {_settings.Timeout.TotalSeconds:0.###} s");
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.SecureConnectionError)
        {
            // A certificate does not become valid by trying again.
            return new OtlpResult(OtlpFailure.Unreachable, Innermost(e));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            return OtlpResult.Retry(OtlpFailure.Unreachable, Innermost(e));
        }
    }

    private async Task<bool> WaitAsync(TimeSpan wait, CancellationToken cancel)
    {
        try
        {
            await Task.Delay(wait, _time, cancel).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private ReadOnlyMemory<byte> Compress(ReadOnlyMemory<byte> message)
    {
        _compressed.SetLength(0);
        using (var gzip = new GZipStream(_compressed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(message.Span);
        return _compressed.GetBuffer().AsMemory(0, (int)_compressed.Length);
    }

    private static string Innermost(Exception e) => OtlpResponse.Printable(e.GetBaseException().Message);
}
