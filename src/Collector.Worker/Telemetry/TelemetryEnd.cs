namespace Collector.Worker.Telemetry;

/// <summary>
/// The moment after which the SDK's exporters may not keep the process: its own shutdown waits for as long as an export
/// takes, which with a silent backend is longer than a service may take to stop.
/// </summary>
internal sealed class TelemetryEnd : IDisposable
{
    /// <summary>Counted from the beginning of the shutdown; the process must be gone after two seconds.</summary>
    public static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(1.2);

    private readonly CancellationTokenSource _source = new();
    private int _begun;
    private int _ended;

    public TelemetryEnd(TimeSpan grace)
    {
        Grace = grace;
        Token = _source.Token;
    }

    public TimeSpan Grace { get; }

    public CancellationToken Token { get; }

    /// <summary>Starts the clock. Further calls do not prolong it.</summary>
    public void Begin()
    {
        if (Interlocked.Exchange(ref _begun, 1) == 0)
            _source.CancelAfter(Grace);
    }

    /// <summary>Ends at once what is still under way. May be called twice.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
            return;
        _source.Cancel();
        _source.Dispose();
    }
}

/// <summary>Ends requests under way, and refuses new ones, once the telemetry has ended.</summary>
/// <param name="inner">Sends them.</param>
/// <param name="end">When that is.</param>
/// <param name="answered">Is shown every answer: what the SDK makes of one tells success from failure only.</param>
/// <param name="unsent">While it is true requests are answered here, and go nowhere; null: never.</param>
internal sealed class EndingHandler(
    HttpMessageHandler inner, TelemetryEnd end, Action<HttpResponseMessage>? answered, Func<bool>? unsent)
    : DelegatingHandler(inner)
{
    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (unsent?.Invoke() == true)
            return new();
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, end.Token);
        var response = base.Send(request, linked.Token);
        answered?.Invoke(response);
        return response;
    }

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (unsent?.Invoke() == true)
            return new();
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, end.Token);
        var response = await base.SendAsync(request, linked.Token).ConfigureAwait(false);
        answered?.Invoke(response);
        return response;
    }
}
