using Collector.Core.Events;
using Collector.Worker.Export.Otlp;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;

namespace Collector.Worker.Events.Outlets;

/// <summary>
/// Events as OTLP log records, with a provider of their own: the agent's log lines do not share its queue.
/// </summary>
/// <remarks>
/// The SDK's interface for log records itself (<c>Logger.EmitLog</c>) is not public in 1.20: a record is made through
/// ILogger and its times are set by a processor in front of the exporter.
/// </remarks>
internal sealed class OtlpEventOutlet : OtlpOutlet<LogRecord>, IRemoteOutlet
{
    // Larger than any batch of ours.
    private const int SdkQueue = 2 * OutletQueue.LargestBatch;

    private readonly ILoggerFactory _factory;
    private readonly ILogger _records;

    /// <param name="settings">Where to, for logs.</param>
    /// <param name="resource">Who says it.</param>
    /// <param name="version">Version of the instrumentation scope.</param>
    /// <param name="log">Gets the few lines that there are.</param>
    /// <param name="retries">Waits before sending again; null takes 1, 2 and 4 s.</param>
    public OtlpEventOutlet(
        OtlpSignalSettings settings, ResourceAttributes resource, string version, ILogger log,
        IReadOnlyList<TimeSpan>? retries = null)
        : base(settings, log, retries, static options => new OtlpLogExporter(options),
            static (exporter, timeout) =>
                new BatchLogRecordExportProcessor(exporter, SdkQueue, Never, timeout, SdkQueue))
    {
        _factory = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddOpenTelemetry(o =>
        {
            o.SetResourceBuilder(resource.ToResourceBuilder());
            o.IncludeFormattedMessage = true;
            o.Version = version;
            o.AddProcessor(new RecordTimes());
            o.AddProcessor(Batch);
            o.AddProcessor(new ExporterParent<LogRecord>(Otlp));
        }));
        _records = _factory.CreateLogger(Scope);
    }

    public override string Name => "otlp";

    protected override string What => "events";

    protected override int Emit(NetworkEvent e)
    {
        var level = e.Severity switch
        {
            EventSeverity.Info => LogLevel.Information,
            EventSeverity.Warn => LogLevel.Warning,
            _ => LogLevel.Error,
        };
        // The exporter makes an event name of the id's name.
        _records.Log(level, new EventId(0, e.Info.Name), new EventRecord(e), null, static (r, _) => r.Message);
        return 1;
    }

    protected override void End() => _factory.Dispose();
}
