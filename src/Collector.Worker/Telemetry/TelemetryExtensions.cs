using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using OpenTelemetry.Exporter;

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
    /// Adds the SDK's providers, which are made only for what is enabled in <paramref name="settings"/>, now or after a
    /// reload. Call it before other hosted services are added, so that it stops after them.
    /// </summary>
    /// <exception cref="InvalidOperationException">A certificate file is no use; thrown at start.</exception>
    public static IHostApplicationBuilder AddNetlensTelemetry(
        this IHostApplicationBuilder builder, OtlpSettings settings, ResourceAttributes? resource) =>
        builder.AddNetlensTelemetry(settings, resource, TelemetryEnd.DefaultGrace);

    internal static IHostApplicationBuilder AddNetlensTelemetry(
        this IHostApplicationBuilder builder, OtlpSettings settings, ResourceAttributes? resource, TimeSpan grace)
    {
        foreach (var category in FeedBack)
            builder.Logging.AddFilter<TelemetryLogs>(category, LogLevel.None);
        var logs = new TelemetryLogs();
        builder.Services.AddSingleton<ILoggerProvider>(logs);
        builder.Services.AddSingleton(services => new SelfTelemetry(
            settings, resource, grace, logs, services.GetRequiredService<IHostApplicationLifetime>()));
        builder.Services.AddHostedService(services => services.GetRequiredService<SelfTelemetry>());
        return builder;
    }

    /// <summary>
    /// Sets every option, because the SDK has read the variables by itself, and by other rules: its default protocol
    /// and endpoint differ from ours.
    /// </summary>
    internal static void Apply(
        OtlpSignalSettings settings, TelemetryEnd end, OtlpExporterOptions options,
        Action<HttpResponseMessage>? answered = null, Func<bool>? unsent = null)
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
            settings, new EndingHandler(OtlpHttp.Handler(settings), end, answered, unsent));
    }

    private static HttpClient Client(OtlpSignalSettings settings, HttpMessageHandler handler)
    {
        var client = new HttpClient(handler) { Timeout = settings.Timeout };
        OtlpHttp.AddHeaders(client, settings);
        return client;
    }
}
