using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration.Keys;

/// <summary>The keys of the section <c>otlp</c>.</summary>
internal static class OtlpKeys
{
    public static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new ValueKey("otlp.endpoint", Url,
            "Base URL of the backend; over HTTP the signal's path (v1/metrics) is appended.",
            o => o.Otlp.Endpoint, (o, v) => o with { Otlp = o.Otlp with { Endpoint = (Uri?)v } })
        {
            StandardVariables = Otel("ENDPOINT"),
            Example = "http://127.0.0.1:4318",
        },
        new ValueKey("otlp.protocol", Choice(
                ("grpc", OtlpProtocol.Grpc), ("http/protobuf", OtlpProtocol.HttpProtobuf)),
            "How it is sent. Unset: http/protobuf.",
            o => o.Otlp.Protocol, (o, v) => o with { Otlp = o.Otlp with { Protocol = (OtlpProtocol?)v } })
        {
            StandardVariables = Otel("PROTOCOL"),
            Example = "grpc",
        },
        new MapKey("otlp.headers", "Sent with every request; for tokens. Values are never printed.",
            o => o.Otlp.Headers, (o, v) => o with { Otlp = o.Otlp with { Headers = v } })
        {
            NameCheck = TextChecks.HeaderName,
            ValueCheck = TextChecks.HeaderValue,
            Entries = "a map of header names to values",
            IgnoreCase = true,
            Secret = true,
            StandardVariables = Otel("HEADERS"),
            Example = "{authorization: \"Bearer token\"}",
        },
        new ValueKey("otlp.compression", Choice(("none", false), ("gzip", true)), "Unset: gzip.",
            o => o.Otlp.Gzip, (o, v) => o with { Otlp = o.Otlp with { Gzip = (bool?)v } })
        {
            StandardVariables = Otel("COMPRESSION"),
            Example = "gzip",
        },
        new ValueKey("otlp.maxRequestSize", Choice(
                ("16KiB", 1 << 14), ("64KiB", 1 << 16), ("256KiB", 1 << 18), ("512KiB", 1 << 19), ("1MiB", 1 << 20),
                ("2MiB", 2 << 20), ("3MiB", 3 << 20), ("4MiB", 4 << 20), ("8MiB", 8 << 20), ("16MiB", 16 << 20)),
            "Largest request of metrics, before compression. One that is refused for its size is halved. Unset: 3MiB.",
            o => o.Otlp.MaxRequestBytes, (o, v) => o with { Otlp = o.Otlp with { MaxRequestBytes = (int?)v } })
        {
            Variable = "NETLENS_OTLP_MAXREQUESTSIZE",
            Example = "1MiB",
        },
        new ValueKey("otlp.timeout", Duration(TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5)),
            "How long one push may take, with its retries. Unset: 10s.",
            o => o.Otlp.Timeout, (o, v) => o with { Otlp = o.Otlp with { Timeout = (TimeSpan?)v } })
        {
            StandardVariables = Otel("TIMEOUT"),
            Example = "10s",
        },
        new ValueKey("otlp.temporality", Choice(
                ("cumulative", OtlpTemporality.Cumulative),
                ("delta", OtlpTemporality.Delta),
                ("lowmemory", OtlpTemporality.LowMemory)),
            "Whether counters are sent as totals since their start or as differences. Unset: cumulative.",
            o => o.Otlp.Temporality,
            (o, v) => o with { Otlp = o.Otlp with { Temporality = (OtlpTemporality?)v } })
        {
            StandardVariables = ["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"],
            Example = "cumulative",
        },
        new ValueKey("otlp.certificate", AbsolutePath,
            "PEM file of the authority to trust instead of the system's.",
            o => o.Otlp.Certificate, (o, v) => o with { Otlp = o.Otlp with { Certificate = (string?)v } })
        {
            StandardVariables = Otel("CERTIFICATE"),
            Example = "/etc/netlens/ca.pem",
        },
        new ValueKey("otlp.clientCertificate", AbsolutePath, "PEM file of our own certificate, for mutual TLS.",
            o => o.Otlp.ClientCertificate,
            (o, v) => o with { Otlp = o.Otlp with { ClientCertificate = (string?)v } })
        {
            StandardVariables = Otel("CLIENT_CERTIFICATE"),
            Example = "/etc/netlens/client.pem",
        },
        new ValueKey("otlp.clientKey", AbsolutePath, "PEM file of its private key.",
            o => o.Otlp.ClientKey, (o, v) => o with { Otlp = o.Otlp with { ClientKey = (string?)v } })
        {
            StandardVariables = Otel("CLIENT_KEY"),
            Example = "/etc/netlens/client.key",
        },
        new ValueKey("otlp.interval", Duration(TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
            "Least time between two pushes. Unset: every collection is pushed.",
            o => o.Otlp.Interval, (o, v) => o with { Otlp = o.Otlp with { Interval = (TimeSpan?)v } })
        {
            StandardVariables = ["OTEL_METRIC_EXPORT_INTERVAL"],
            Example = "1m",
        },
    ];

    private static string[] Otel(string name) =>
        [$"OTEL_EXPORTER_OTLP_METRICS_{name}", $"OTEL_EXPORTER_OTLP_{name}"];
}
