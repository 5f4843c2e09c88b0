using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;

namespace Collector.Worker.Telemetry;

/// <summary>
/// The SDK's meter provider for as long as the host runs, and the start of the clock that ends all its exporters.
/// </summary>
/// <remarks>Built by hand: the SDK's hosting package is one we do without.</remarks>
internal sealed class SelfTelemetry(
    OtlpSettings settings, ResourceAttributes resource, TelemetryEnd end, IHostApplicationLifetime lifetime,
    LoggerProvider? logs) : IHostedService, IDisposable
{
    /// <summary>As often as probe metrics by default; the SDK's own default is a minute.</summary>
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(15);

    private MeterProvider? _meters;
    private CancellationTokenRegistration _stopping;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _stopping = lifetime.ApplicationStopping.Register(end.Begin);
        if (settings.Metrics.Enabled)
            _meters = Build();
        return Task.CompletedTask;
    }

    /// <summary>Sends what was measured and logged last. Off the caller's thread, since the SDK blocks.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        end.Begin();
        var grace = (int)TelemetryEnd.Grace.TotalMilliseconds;
        return Task.WhenAll(
            Task.Run(() => _meters?.ForceFlush(grace), CancellationToken.None),
            Task.Run(() => logs?.ForceFlush(grace), CancellationToken.None));
    }

    public void Dispose()
    {
        _stopping.Dispose();
        _meters?.Dispose();
    }

    private MeterProvider Build() => Sdk.CreateMeterProviderBuilder()
        .SetResourceBuilder(resource.ToResourceBuilder())
        .AddMeter(TelemetryExtensions.MeterName)
        .AddOtlpExporter((exporter, reader) =>
        {
            TelemetryExtensions.Apply(settings.Metrics, end, exporter);
            reader.TemporalityPreference = settings.Temporality switch
            {
                OtlpTemporality.Delta => MetricReaderTemporalityPreference.Delta,
                OtlpTemporality.LowMemory => MetricReaderTemporalityPreference.LowMemory,
                _ => MetricReaderTemporalityPreference.Cumulative,
            };
            var interval = settings.Interval > TimeSpan.Zero ? settings.Interval : DefaultInterval;
            reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = (int)interval.TotalMilliseconds;
            reader.PeriodicExportingMetricReaderOptions.ExportTimeoutMilliseconds =
                (int)settings.Metrics.Timeout.TotalMilliseconds;
        })
        .Build();
}
