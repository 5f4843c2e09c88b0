using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Telemetry;

/// <summary>The SDK's providers while the host runs: others after a reload, none without an endpoint.</summary>
internal sealed class SelfTelemetry : IHostedService, IDisposable
{
    private readonly TimeSpan _grace;
    private readonly TelemetryLogs _logs;
    private readonly IHostApplicationLifetime _lifetime;
    private volatile SdkProviders? _providers;
    private Task _leaving = Task.CompletedTask;
    private CancellationTokenRegistration _stopping;
    private bool _told;
    private bool _disposed;

    /// <exception cref="InvalidOperationException">A certificate file is no use.</exception>
    public SelfTelemetry(
        OtlpSettings settings, ResourceAttributes? resource, TimeSpan grace, TelemetryLogs logs,
        IHostApplicationLifetime lifetime)
    {
        (_grace, _logs, _lifetime) = (grace, logs, lifetime);
        _providers = Make(settings, resource);
        _logs.Target = _providers?.Logs;
    }

    /// <summary>Keeps what is measured as it is until it is disposed; null: nothing changes by itself.</summary>
    public Func<IDisposable>? Hold { get; set; }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _stopping = _lifetime.ApplicationStopping.Register(() => _providers?.Begin());
        _providers?.StartMeters(told: false);
        _told = _providers?.Measures == true;
        return Task.CompletedTask;
    }

    /// <summary>
    /// Sends elsewhere, or otherwise. What was measured and logged before goes where it was to go, and under delta
    /// temporality nowhere else.
    /// </summary>
    /// <exception cref="InvalidOperationException">A certificate file is no use: all stays as it was.</exception>
    public async Task ReconfigureAsync(OtlpSettings settings, ResourceAttributes? resource)
    {
        var next = Make(settings, resource);
        var old = _providers;
        // Both see the same figures: what comes on top is told by the new ones, and by them alone.
        using (Hold?.Invoke())
        {
            StartMeters(next);
            _providers = next;
            _logs.Target = next?.Logs;
            if (old is not null)
                await old.EndAsync();
            old?.Silence();
            _told |= next?.Measures == true;
        }
        if (old is not null)
            _leaving = Task.WhenAll(_leaving, Task.Run(old.Dispose));
    }

    public Task StopAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(_leaving, _providers?.EndAsync() ?? Task.CompletedTask);

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _stopping.Dispose();
        _logs.Target = null;
        _providers?.Dispose();
    }

    // It reads certificate files, too.
    private void StartMeters(SdkProviders? next)
    {
        try
        {
            next?.StartMeters(_told);
        }
        catch
        {
            next!.Dispose();
            throw;
        }
    }

    private SdkProviders? Make(OtlpSettings settings, ResourceAttributes? resource) =>
        resource is not null && (settings.Metrics.Enabled || settings.Logs.Enabled)
            ? new(settings, resource, _grace)
            : null;
}
