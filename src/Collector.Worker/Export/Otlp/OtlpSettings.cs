using Collector.Worker.Configuration;

namespace Collector.Worker.Export.Otlp;

/// <summary>OTLP as it will be used: the file with the OTEL_* variables over it and every default filled in.</summary>
public sealed partial record OtlpSettings
{
    public required OtlpSignalSettings Metrics { get; init; }

    public required OtlpSignalSettings Logs { get; init; }

    public OtlpTemporality Temporality { get; init; }

    /// <summary>Least time between two pushes of metrics; zero pushes every snapshot.</summary>
    public TimeSpan Interval { get; init; }

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

    public bool Gzip { get; init; }

    /// <summary>Greatest time for one export, retries included.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>PEM file with the authorities to trust instead of the system's.</summary>
    public string? Certificate { get; init; }

    /// <summary>PEM file with our certificate and, after it, its chain.</summary>
    public string? ClientCertificate { get; init; }

    /// <summary>PEM file with the key of <see cref="ClientCertificate"/>; null: it stands in that file.</summary>
    public string? ClientKey { get; init; }

    /// <summary>Says where it goes without any header, which may be a secret.</summary>
    public override string ToString() => Endpoint is null ? "off" : $"{Endpoint} ({Protocol})";
}
