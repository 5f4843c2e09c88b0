namespace Collector.Worker.Telemetry;

/// <summary>
/// The moment after which the SDK's exporters may not keep the process: its own shutdown waits for as long as an export
/// takes, which with a silent backend is longer than a service may take to stop.
/// </summary>
internal sealed class TelemetryEnd : IDisposable
{
    /// <summary>Counted from the beginning of the shutdown; the process must be gone after two seconds.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(1.2);

    private readonly CancellationTokenSource _source = new();
    private int _begun;

    public TelemetryEnd() => Token = _source.Token;

    public CancellationToken Token { get; }

    /// <summary>Starts the clock. Further calls do not prolong it.</summary>
    public void Begin()
    {
        if (Interlocked.Exchange(ref _begun, 1) == 0)
            _source.CancelAfter(Grace);
    }

    /// <summary>Ends at once what is still under way.</summary>
    public void Dispose()
    {
        _source.Cancel();
        _source.Dispose();
    }
}

/// <summary>Ends requests under way, and refuses new ones, once the telemetry has ended.</summary>
internal sealed class EndingHandler(HttpMessageHandler inner, TelemetryEnd end) : DelegatingHandler(inner)
{
    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, end.Token);
        return base.Send(request, linked.Token);
    }

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, end.Token);
        return await base.SendAsync(request, linked.Token).ConfigureAwait(false);
    }
}
