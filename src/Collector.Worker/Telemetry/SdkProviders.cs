using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;

namespace Collector.Worker.Telemetry;

/// <summary>The SDK's providers for one set of settings, and the clock that ends all their exporters.</summary>
/// <remarks>Built by hand: the SDK's hosting package is one we do without.</remarks>
internal sealed class SdkProviders : IDisposable
{
    /// <summary>As often as probe metrics by default; the SDK's own default is a minute.</summary>
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(15);

    private readonly OtlpSettings _settings;
    private readonly ResourceAttributes _resource;
    private readonly TelemetryEnd _end;
    private readonly ServiceProvider? _logs;
    private MeterProvider? _meters;
    private volatile bool _unsent;

    /// <exception cref="InvalidOperationException">A certificate file is no use.</exception>
    public SdkProviders(OtlpSettings settings, ResourceAttributes resource, TimeSpan grace)
    {
        _settings = settings;
        _resource = resource;
        _end = new(grace);
        if (!settings.Logs.Enabled)
            return;
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddOpenTelemetry(options =>
        {
            options.SetResourceBuilder(resource.ToResourceBuilder());
            options.IncludeFormattedMessage = true;
            options.ParseStateValues = true;
            options.AddOtlpExporter(exporter => TelemetryExtensions.Apply(settings.Logs, _end, exporter));
        }));
        _logs = services.BuildServiceProvider();
        Logs = _logs.GetRequiredService<ILoggerFactory>();
    }

    /// <summary>Takes log lines; null where none are sent.</summary>
    public ILoggerFactory? Logs { get; }

    /// <summary>True once figures are sent.</summary>
    public bool Measures => _meters is not null;

    /// <param name="told">What was measured up to now was told by others.</param>
    public void StartMeters(bool told)
    {
        if (!_settings.Metrics.Enabled)
            return;
        _meters = Build();
        if (!told || _settings.Temporality != OtlpTemporality.Delta)
            return;
        // The first collection tells what there ever was, those behind it what has come on top.
        _unsent = true;
        _meters.ForceFlush();
        _unsent = false;
    }

    /// <summary>Starts the clock.</summary>
    public void Begin() => _end.Begin();

    /// <summary>Sends what was measured and logged last. Off the caller's thread, since the SDK blocks.</summary>
    public Task EndAsync()
    {
        Begin();
        var grace = (int)_end.Grace.TotalMilliseconds;
        return Task.WhenAll(
            Task.Run(() => _meters?.ForceFlush(grace), CancellationToken.None),
            Task.Run(() => _logs?.GetService<LoggerProvider>()?.ForceFlush(grace), CancellationToken.None));
    }

    /// <summary>
    /// Sends nothing from now on, also when it is disposed, where the SDK collects once more: others tell what is
    /// measured.
    /// </summary>
    public void Silence() => _end.Dispose();

    public void Dispose()
    {
        _meters?.Dispose();
        _logs?.Dispose();
        _end.Dispose();
    }

    private MeterProvider Build() => Sdk.CreateMeterProviderBuilder()
        .SetResourceBuilder(_resource.ToResourceBuilder())
        .AddMeter(TelemetryExtensions.MeterName)
        .AddOtlpExporter((exporter, reader) =>
        {
            TelemetryExtensions.Apply(_settings.Metrics, _end, exporter, unsent: () => _unsent);
            reader.TemporalityPreference = _settings.Temporality switch
            {
                OtlpTemporality.Delta => MetricReaderTemporalityPreference.Delta,
                OtlpTemporality.LowMemory => MetricReaderTemporalityPreference.LowMemory,
                _ => MetricReaderTemporalityPreference.Cumulative,
            };
            var interval = _settings.Interval > TimeSpan.Zero ? _settings.Interval : DefaultInterval;
            reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = (int)interval.TotalMilliseconds;
            reader.PeriodicExportingMetricReaderOptions.ExportTimeoutMilliseconds =
                (int)_settings.Metrics.Timeout.TotalMilliseconds;
        })
        .Build();
}
