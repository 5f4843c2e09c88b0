using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;

namespace Collector.Worker.Telemetry;

/// <summary>Our own log records and self-telemetry, which leave through the OpenTelemetry SDK.</summary>
public static class TelemetryExtensions
{
    /// <summary>The meter whose instruments are exported.</summary>
    public const string MeterName = "Netlens";

    /// <summary>
    /// Records of these never leave over OTLP: each export would write one, which would be exported.
    /// </summary>
    private static readonly string[] FeedBack = ["System.Net", "OpenTelemetry", "Collector.Worker.Export.Otlp"];

    /// <summary>
    /// Adds the SDK's providers for whatever is enabled in <paramref name="settings"/>; nothing at all otherwise. Call
    /// it before other hosted services are added, so that it stops after them.
    /// </summary>
    /// <exception cref="InvalidOperationException">A certificate file is no use; thrown at start.</exception>
    public static IHostApplicationBuilder AddNetlensTelemetry(
        this IHostApplicationBuilder builder, OtlpSettings settings, ResourceAttributes resource) =>
        builder.AddNetlensTelemetry(settings, resource, TelemetryEnd.DefaultGrace);

    internal static IHostApplicationBuilder AddNetlensTelemetry(
        this IHostApplicationBuilder builder, OtlpSettings settings, ResourceAttributes resource, TimeSpan grace)
    {
        if (!settings.Logs.Enabled && !settings.Metrics.Enabled)
            return builder;
        var end = new TelemetryEnd(grace);
        builder.Services.AddHostedService(services =>
            new SelfTelemetry(
                settings, resource, end, services.GetRequiredService<IHostApplicationLifetime>(),
                services.GetService<LoggerProvider>()));
        if (settings.Logs.Enabled)
            AddLogs(builder.Logging, settings.Logs, resource, end);
        return builder;
    }

    private static void AddLogs(
        ILoggingBuilder logging, OtlpSignalSettings settings, ResourceAttributes resource, TelemetryEnd end)
    {
        foreach (var category in FeedBack)
            logging.AddFilter<OpenTelemetryLoggerProvider>(category, LogLevel.None);
        logging.AddOpenTelemetry(options =>
        {
            options.SetResourceBuilder(resource.ToResourceBuilder());
            options.IncludeFormattedMessage = true;
            options.ParseStateValues = true;
            options.AddOtlpExporter(exporter => Apply(settings, end, exporter));
        });
    }

    /// <summary>
    /// Sets every option, because the SDK has read the variables by itself, and by other rules: its default protocol
    /// and endpoint differ from ours.
    /// </summary>
    internal static void Apply(
        OtlpSignalSettings settings, TelemetryEnd end, OtlpExporterOptions options,
        Action<HttpResponseMessage>? answered = null)
    {
        options.Endpoint = settings.Endpoint!;
        options.Protocol = settings.Protocol == OtlpProtocol.Grpc
            ? OtlpExportProtocol.Grpc
            : OtlpExportProtocol.HttpProtobuf;
        options.Compression = settings.Gzip ? OtlpExportCompression.GZip : OtlpExportCompression.None;
        options.TimeoutMilliseconds = (int)settings.Timeout.TotalMilliseconds;
        // The SDK splits its text form at every comma, also at those within a value: ours are set on the client.
        options.Headers = null;
        options.HttpClientFactory = () => Client(
            settings, new EndingHandler(OtlpHttp.Handler(settings), end, answered));
    }

    private static HttpClient Client(OtlpSignalSettings settings, HttpMessageHandler handler)
    {
        var client = new HttpClient(handler) { Timeout = settings.Timeout };
        OtlpHttp.AddHeaders(client, settings);
        return client;
    }
}
