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

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _stopping = _lifetime.ApplicationStopping.Register(() => _providers?.Begin());
        _providers?.StartMeters();
        return Task.CompletedTask;
    }

    /// <summary>Sends elsewhere, or otherwise. What was measured and logged before goes where it was to go.</summary>
    /// <exception cref="InvalidOperationException">A certificate file is no use: all stays as it was.</exception>
    public void Reconfigure(OtlpSettings settings, ResourceAttributes? resource)
    {
        var next = Make(settings, resource);
        next?.StartMeters();
        var old = _providers;
        _providers = next;
        _logs.Target = next?.Logs;
        if (old is not null)
            _leaving = LeaveAsync(old, _leaving);
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

    private SdkProviders? Make(OtlpSettings settings, ResourceAttributes? resource) =>
        resource is not null && (settings.Metrics.Enabled || settings.Logs.Enabled)
            ? new(settings, resource, _grace)
            : null;

    private static async Task LeaveAsync(SdkProviders old, Task before)
    {
        await before;
        await old.EndAsync();
        await Task.Run(old.Dispose);
    }
}
