using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Otlp;

public sealed partial record OtlpSettings
{
    /// <summary>
    /// Lays the OTEL_* variables over the file, by the rules of specification/protocol/exporter.md: a signal's own
    /// variable goes before the general one, an empty variable is an unset one, a signal's own endpoint is used as it
    /// is and the general one gets the signal's path appended (HTTP).
    /// </summary>
    /// <param name="file">What the configuration file says.</param>
    /// <param name="environment">Gives a variable's value, null where it is not set.</param>
    /// <param name="errors">Gets one line per bad value. Where any is added, the result must not be used.</param>
    /// <param name="traces">Whether anything wants to send traces; only then their variables matter.</param>
    /// <remarks>Pure: opens no file and no connection. <see cref="OtlpTls.Check"/> looks at the certificates.</remarks>
    public static OtlpSettings Resolve(
        OtlpOptions file, Func<string, string?> environment, List<string> errors, bool traces = false)
    {
        var warnings = new List<string>();
        var read = new OtlpEnvironment(environment, errors, warnings);
        var disabled = read.Flag("OTEL_SDK_DISABLED") ?? false;
        var spans = traces ? Signal(file, read, "TRACES", "v1/traces", disabled) : new();
        if (traces && !spans.Enabled)
            warnings.Add("events.spans is on, but traces have no OTLP endpoint: no spans are sent");
        return new OtlpSettings
        {
            Traces = spans,
            Metrics = Signal(file, read, "METRICS", "v1/metrics", disabled),
            Logs = Signal(file, read, "LOGS", "v1/logs", disabled),
            Temporality = read.Temporality() ?? file.Temporality ?? OtlpTemporality.Cumulative,
            Interval = read.Milliseconds("OTEL_METRIC_EXPORT_INTERVAL") ?? file.Interval ?? TimeSpan.Zero,
            MaxRequestBytes = file.MaxRequestBytes ?? SnapshotEncoder.DefaultMaxRequestBytes,
            ServiceName = read.Text("OTEL_SERVICE_NAME"),
            ResourceAttributes = read.Pairs("OTEL_RESOURCE_ATTRIBUTES") ?? [],
            Warnings = warnings,
        };
    }

    /// <summary>The same for everything that a configuration asks for.</summary>
    public static OtlpSettings Resolve(AgentOptions options, Func<string, string?> environment, List<string> errors) =>
        Resolve(options.Otlp, environment, errors, options.Events is { Enabled: true, Spans: true });

    private static OtlpSignalSettings Signal(
        OtlpOptions file, OtlpEnvironment read, string signal, string path, bool disabled)
    {
        var own = $"OTEL_EXPORTER_OTLP_{signal}_";
        const string General = "OTEL_EXPORTER_OTLP_";
        if (signal == "METRICS")
            read.WarnOfHistogramAggregation(own + "DEFAULT_HISTOGRAM_AGGREGATION");
        var exporter = read.Exporter($"OTEL_{signal}_EXPORTER");
        var protocol = read.Protocol(own + "PROTOCOL") ?? read.Protocol(General + "PROTOCOL") ?? file.Protocol;
        var insecure = read.Flag(own + "INSECURE") ?? read.Flag(General + "INSECURE") ?? false;
        var endpoint = read.Endpoint(own + "ENDPOINT", protocol, insecure)
            ?? Append(read.Endpoint(General + "ENDPOINT", protocol, insecure) ?? Checked(file, read), protocol, path);
        read.WarnOfPort(endpoint, protocol, signal);
        endpoint = disabled || !exporter ? null : endpoint;
        return new OtlpSignalSettings
        {
            Endpoint = endpoint,
            Proxy = endpoint is null ? null : read.Proxy(endpoint, protocol == OtlpProtocol.Grpc),
            Protocol = protocol ?? OtlpProtocol.HttpProtobuf,
            Headers = read.Headers(own + "HEADERS") ?? read.Headers(General + "HEADERS")
                ?? read.Sendable("otlp.headers", [.. file.Headers]),
            Gzip = read.Gzip(own + "COMPRESSION") ?? read.Gzip(General + "COMPRESSION") ?? file.Gzip ?? true,
            Timeout = read.Milliseconds(own + "TIMEOUT") ?? read.Milliseconds(General + "TIMEOUT")
                ?? file.Timeout ?? TimeSpan.FromSeconds(10),
            Certificate = Named("CERTIFICATE", "otlp.certificate", file.Certificate, out var authorities),
            ClientCertificate = Named(
                "CLIENT_CERTIFICATE", "otlp.clientCertificate", file.ClientCertificate, out var certificate),
            ClientKey = Named("CLIENT_KEY", "otlp.clientKey", file.ClientKey, out var key),
            Origins = new(authorities, certificate, key),
        };

        string? Named(string variable, string path, string? ofFile, out string origin)
        {
            origin = read.Text(own + variable) is not null ? own + variable
                : read.Text(General + variable) is not null ? General + variable
                : path;
            return read.Text(origin) ?? ofFile;
        }
    }

    private static Uri? Checked(OtlpOptions file, OtlpEnvironment read) =>
        file.Endpoint is { } endpoint && read.IsUsable("otlp.endpoint", endpoint) ? endpoint : null;

    /// <summary>The signal's path behind the base's own; gRPC's base stays as it is.</summary>
    private static Uri? Append(Uri? endpoint, OtlpProtocol? protocol, string path)
    {
        if (endpoint is null || protocol == OtlpProtocol.Grpc)
            return endpoint;
        var url = new UriBuilder(endpoint);
        url.Path = $"{url.Path.TrimEnd('/')}/{path}";
        return url.Uri;
    }
}
