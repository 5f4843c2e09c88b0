using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Limits;
using Collector.Linux.Pods;
using Collector.Linux.Sources;

namespace Collector.Worker.Configuration;

/// <summary>Everything an operator can set, with its defaults. One record per section of the file.</summary>
public sealed record AgentOptions
{
    public CollectionOptions Collection { get; init; } = new();

    /// <summary>Probes that the file or the environment names, by id; the others follow their own default.</summary>
    public IReadOnlyDictionary<string, ProbeChoice> Probes { get; init; } = new Dictionary<string, ProbeChoice>();

    public EbpfOptions Ebpf { get; init; } = new();

    public BudgetOptions Budget { get; init; } = new();

    public PodOptions Pods { get; init; } = new() { RuntimeEndpoint = "" };

    public LimitOptions Limits { get; init; } = new();

    /// <summary>Kinds of findings; one that is not there is looked for by its defaults.</summary>
    public IReadOnlyDictionary<string, FindingChoice> Findings { get; init; } =
        new Dictionary<string, FindingChoice>();

    public EventOptions Events { get; init; } = new();

    public RecorderOptions Recorder { get; init; } = new();

    public HttpOptions Http { get; init; } = new();

    public PrometheusOptions Prometheus { get; init; } = new();

    public OtlpOptions Otlp { get; init; } = new();

    public LokiOptions Loki { get; init; } = new();

    public ResourceOptions Resource { get; init; } = new();

    public LoggingOptions Logging { get; init; } = new();

    public PathOptions Paths { get; init; } = new();
}

/// <param name="Enabled">False switches the probe off.</param>
/// <param name="Settings">Its validated arguments.</param>
public sealed record ProbeChoice(bool Enabled, ProbeSettings Settings);

/// <param name="Enabled">False: it is not looked for.</param>
/// <param name="Settings">Its validated thresholds.</param>
public sealed record FindingChoice(bool Enabled, FindingSettings Settings)
{
    /// <summary>What the options say of a kind; null: it is not looked for.</summary>
    public static FindingSettings? Of(IReadOnlyDictionary<string, FindingChoice>? findings, FindingInfo info) =>
        findings is null || !findings.TryGetValue(info.Kind, out var choice) ? new(info)
        : choice.Enabled ? choice.Settings
        : null;
}

public sealed record CollectionOptions
{
    /// <summary>Time between collections; both outlets read what the last one found.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Where figures are read that the kernel gives in two ways.</summary>
    public CollectionSource Source { get; init; } = CollectionSource.Auto;

    /// <summary>Series that were 0 ever since their subject was first seen are left out.</summary>
    public bool DropZeros { get; init; }
}

public sealed record EbpfOptions
{
    /// <summary>Folder with files of type information for kernels without their own; null for none.</summary>
    public string? Btf { get; init; }

    /// <summary>Bytes of each eBPF probe's event buffer (per CPU before Linux 5.8).</summary>
    public int EventBuffer { get; init; } = 256 * 1024;
}

public sealed record BudgetOptions
{
    /// <summary>What the programs of all probes may take, per cent of one processor; 0: as much as they do.</summary>
    public double Cpu { get; init; } = 2;
}

public sealed record EventOptions
{
    /// <summary>The word that stands for standard output in <see cref="Json"/>.</summary>
    public const string StandardOutput = "stdout";

    /// <summary>Off: probes count, and report no single events.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Events of one kind, namespace and reason that are let through per window.</summary>
    public int Burst { get; init; } = 10;

    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>"": none; <see cref="StandardOutput"/>; or the path of a file.</summary>
    public string Json { get; init; } = "";

    /// <summary>As log records, if there is an endpoint for logs.</summary>
    public bool Otlp { get; init; } = true;

    /// <summary>What took time also as spans, if there is an endpoint for traces.</summary>
    public bool Spans { get; init; }

    /// <summary>To the journal of systemd, by its native protocol.</summary>
    public bool Journald { get; init; }

    /// <summary>Events that may wait for an outlet.</summary>
    public int Queue { get; init; } = 4096;

    /// <summary>Folder where events wait while a backend is away; null: nowhere.</summary>
    public string? Spool { get; init; }

    /// <summary>Bytes that may wait there for each backend.</summary>
    public long SpoolSize { get; init; } = 64 << 20;

    /// <summary>What has waited there longer is lost.</summary>
    public TimeSpan SpoolAge { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The newest events that are kept for readers of GET /events; 0: none, and no such readers.</summary>
    public int Recent { get; init; } = 10_000;

    /// <summary>Where clients of ACK's inspector find its gRPC stream; "": nowhere.</summary>
    public string Inspector { get; init; } = "";
}

public sealed record RecorderOptions
{
    /// <summary>Bytes that what the last collections changed may take; 0: it is not kept.</summary>
    public long Memory { get; init; } = 16 << 20;

    /// <summary>What is older is thrown away.</summary>
    public TimeSpan Span { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Where it is written on a trigger; null: records in the service's state directory.</summary>
    public string? Folder { get; init; }

    /// <summary>Files that stay there; 0: none is written.</summary>
    public int Files { get; init; } = 5;
}

public sealed record HttpOptions
{
    /// <summary>Off: no port is opened at all.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>host:port, [v6]:port. Any address but loopback is the operator's explicit choice.</summary>
    public string Listen { get; init; } = "127.0.0.1:9102";

    /// <summary>A path below which all is answered as well, for a proxy that hands it on; "" for none.</summary>
    public string BasePath { get; init; } = "";

    /// <summary>The token that whoever comes over the network has to show; null for none, or that of a file.</summary>
    public Secret? Token { get; init; }

    /// <summary>The file that holds it.</summary>
    public string? TokenFile { get; init; }

    /// <summary>PEM file of the server's certificate, with those between it and its authority; null: no TLS.</summary>
    public string? Certificate { get; init; }

    /// <summary>PEM file of its private key.</summary>
    public string? Key { get; init; }

    /// <summary>Other machines may connect without TLS, or without a token.</summary>
    public bool Insecure { get; init; }

    /// <summary>Path of a Unix socket beside the port; "" for none.</summary>
    public string Socket { get; init; } = DefaultSocket;

    /// <summary>The one that the agent does without where it cannot be had.</summary>
    public static string DefaultSocket { get; } = OperatingSystem.IsLinux() ? "/run/netlens/netlens.sock" : "";
}

public enum MetricNaming
{
    Otel,
    KubeSkoop,
    Inspector,
}

public sealed record PrometheusOptions
{
    /// <summary>Names of /metrics unless the request asks for another with <c>?naming=</c>.</summary>
    public MetricNaming Naming { get; init; } = MetricNaming.Otel;

    /// <summary>The longest time between two scrapes of one reader: Prometheus' own default.</summary>
    public TimeSpan ScrapeInterval { get; init; } = TimeSpan.FromMinutes(1);
}

public enum OtlpProtocol
{
    Grpc,
    HttpProtobuf,
}

public enum OtlpTemporality
{
    Cumulative,
    Delta,
    LowMemory,
}

/// <summary>
/// OTLP as the file says it; null where it says nothing. OTEL_EXPORTER_OTLP_* variables go over it
/// (<c>OtlpSettings.Resolve</c>). Without an endpoint from either, nothing is sent.
/// </summary>
public sealed record OtlpOptions
{
    /// <summary>Base URL; over HTTP the signal's path (v1/metrics, v1/logs) is appended.</summary>
    public Uri? Endpoint { get; init; }

    public OtlpProtocol? Protocol { get; init; }

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>True: gzip, which is the default too.</summary>
    public bool? Gzip { get; init; }

    /// <summary>Greatest size of a request of metrics, before compression; null takes 3 MiB.</summary>
    public int? MaxRequestBytes { get; init; }

    public TimeSpan? Timeout { get; init; }

    public OtlpTemporality? Temporality { get; init; }

    /// <summary>PEM file of the authority to trust instead of the system's.</summary>
    public string? Certificate { get; init; }

    public string? ClientCertificate { get; init; }

    public string? ClientKey { get; init; }

    /// <summary>Least time between two pushes; null pushes every snapshot.</summary>
    public TimeSpan? Interval { get; init; }
}

public enum LokiForm
{
    Netlens,
    KubeSkoop,
}

/// <summary>Events to Loki; without an endpoint nothing is sent.</summary>
public sealed record LokiOptions
{
    /// <summary>Where to push; without a path it gets that of Loki's API.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>Sent as X-Scope-OrgID.</summary>
    public string? Tenant { get; init; }

    public string? Username { get; init; }

    public Secret? Password { get; init; }

    public string? PasswordFile { get; init; }

    /// <summary>Bearer token.</summary>
    public Secret? Token { get; init; }

    public string? TokenFile { get; init; }

    /// <summary>PEM file of the authority to trust instead of the system's.</summary>
    public string? Certificate { get; init; }

    public string? ClientCertificate { get; init; }

    public string? ClientKey { get; init; }

    /// <summary>Of one request.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    public LokiForm Form { get; init; } = LokiForm.Netlens;

    /// <summary>Of the stream, beside our own: NAME=VALUE, separated by commas.</summary>
    public string Labels { get; init; } = "";
}

public sealed record ResourceOptions
{
    /// <summary>Name of the Kubernetes node; null takes NODE_NAME. Legacy namings fall back to the host name.</summary>
    public string? NodeName { get; init; }

    public IReadOnlyDictionary<string, string> Attributes { get; init; } = new Dictionary<string, string>();
}

public sealed record LoggingOptions
{
    public LogLevel Level { get; init; } = LogLevel.Information;
}

/// <summary>
/// Mount points as values, so that the agent can run beside a host's tree in a container, or on a recorded one.
/// </summary>
public sealed record PathOptions
{
    public string Proc { get; init; } = "/proc";

    public string Sys { get; init; } = "/sys";
}
