using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Otlp;

/// <summary>OTLP as it will be used: the file with the OTEL_* variables over it and every default filled in.</summary>
public sealed partial record OtlpSettings
{
    public required OtlpSignalSettings Metrics { get; init; }

    public required OtlpSignalSettings Logs { get; init; }

    /// <summary>Off unless spans are asked for.</summary>
    public OtlpSignalSettings Traces { get; init; } = new();

    /// <summary>True where anything leaves.</summary>
    public bool Enabled => Metrics.Enabled || Logs.Enabled || Traces.Enabled;

    public OtlpTemporality Temporality { get; init; }

    /// <summary>Least time between two pushes of metrics; zero pushes every snapshot.</summary>
    public TimeSpan Interval { get; init; }

    /// <summary>Greatest size of a request of metrics, before compression.</summary>
    public int MaxRequestBytes { get; init; } = SnapshotEncoder.DefaultMaxRequestBytes;

    /// <summary>OTEL_SERVICE_NAME, null where it is not set.</summary>
    public string? ServiceName { get; init; }

    /// <summary>OTEL_RESOURCE_ATTRIBUTES, decoded, in their order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> ResourceAttributes { get; init; } = [];

    /// <summary>What is odd but no reason not to start. To be logged once.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <summary>Where one signal goes and how.</summary>
public sealed record OtlpSignalSettings
{
    /// <summary>False: nothing of this signal is sent, and no connection is made.</summary>
    public bool Enabled => Endpoint is not null;

    /// <summary>The URL posted to (HTTP) or the base of the service (gRPC); null where the signal is off.</summary>
    public Uri? Endpoint { get; init; }

    public OtlpProtocol Protocol { get; init; } = OtlpProtocol.HttpProtobuf;

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public bool Gzip { get; init; } = true;

    /// <summary>Greatest time for one export, retries included.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>What it is reached through; null: directly.</summary>
    public OtlpProxy? Proxy { get; init; }

    /// <summary>PEM file with the authorities to trust instead of the system's.</summary>
    public string? Certificate { get; init; }

    /// <summary>PEM file with our certificate and, after it, its chain.</summary>
    public string? ClientCertificate { get; init; }

    /// <summary>PEM file with the key of <see cref="ClientCertificate"/>; null: it stands in that file.</summary>
    public string? ClientKey { get; init; }

    /// <summary>Those that are named.</summary>
    internal IEnumerable<string> Files =>
        new[] { Certificate, ClientCertificate, ClientKey }.OfType<string>().Distinct();

    /// <summary>Who named each of these files: a variable or a key.</summary>
    public CertificateOrigins Origins { get; init; } =
        new("otlp.certificate", "otlp.clientCertificate", "otlp.clientKey");

    /// <summary>True where a connection of the one is as good as one of the other.</summary>
    public bool Equals(OtlpSignalSettings? other) => other is not null && Target == other.Target
        && Certificates == other.Certificates && Headers.SequenceEqual(other.Headers);

    public override int GetHashCode() => HashCode.Combine(Target, Certificates);

    private (Uri?, OtlpProtocol, bool, TimeSpan, string?) Target =>
        (Endpoint, Protocol, Gzip, Timeout, Proxy?.ToString());

    private (string?, string?, string?) Certificates => (Certificate, ClientCertificate, ClientKey);

    /// <summary>Says where it goes, without what may be a secret.</summary>
    public override string ToString() => Endpoint is null
        ? "off"
        : $"{Redacted.Url(Endpoint)} ({Protocol}){(Proxy is null ? "" : $" through the proxy {Proxy}")}";
}

/// <summary>The variable or key that each file of a signal is named by.</summary>
public sealed record CertificateOrigins(string Certificate, string ClientCertificate, string ClientKey);
