using static Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Configuration;

/// <summary>
/// Every key there is. The binder, the table in docs/configuration.md, otel-config/netlens.yaml and
/// <c>netlens config print</c> derive from this list; defaults are those of <see cref="AgentOptions"/>. The section
/// <c>probes</c> comes from the catalogue of probes instead.
/// </summary>
internal static class ConfigurationSchema
{
    public const string Probes = "probes";
    public const string ProbesVariable = "NETLENS_PROBES";

    /// <summary>In the order in which they are printed, each with its line in the sample.</summary>
    public static IReadOnlyList<(string Name, string Description)> Sections { get; } =
    [
        ("collection", "The one loop that reads the kernel; both outlets show what it last found."),
        (Probes, "What is collected. `netlens list probes` names the probes and their arguments."),
        ("ebpf", "Programs in the kernel: what they need and how much memory their events may take."),
        ("pods", "Whose a network namespace is: what is asked of the container runtime (CRI)."),
        ("limits", "How much is told one by one of what users can make more of; the rest is counted."),
        ("events", "Single occurrences that probes report, such as a reset connection: what leaves, and how many."),
        ("http", "The HTTP port: /metrics and the health answers."),
        ("prometheus", "The text that /metrics answers with."),
        ("otlp", "Push over OTLP. Without an endpoint here or in OTEL_EXPORTER_OTLP_ENDPOINT nothing is sent."),
        ("resource", "Who says it: attributes of everything that leaves over OTLP."),
        ("logging", "The agent's own log, on standard error."),
        ("paths", "Where the kernel's file systems are mounted, for an agent that runs beside the host's tree."),
    ];

    public static IReadOnlyList<ConfigurationKey> Keys { get; } =
    [
        new ValueKey("collection.interval", Duration(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5)),
            "Time between two collections.",
            o => o.Collection.Interval,
            (o, v) => o with { Collection = o.Collection with { Interval = (TimeSpan)v! } })
        {
            Variable = "NETLENS_COLLECTION_INTERVAL",
        },
        new ValueKey("collection.zeros", Choice(("keep", false), ("drop", true)),
            "drop leaves out series that were never other than 0: far fewer of them, but increase() misses the first.",
            o => o.Collection.DropZeros,
            (o, v) => o with { Collection = o.Collection with { DropZeros = (bool)v! } })
        {
            Variable = "NETLENS_COLLECTION_ZEROS",
        },
        new ValueKey("ebpf.btf", AbsolutePath,
            "Folder with vmlinux-RELEASE files (BTF, or ELF with BTF) for kernels that have none of their own.",
            o => o.Ebpf.Btf, (o, v) => o with { Ebpf = o.Ebpf with { Btf = (string?)v } })
        {
            Variable = "NETLENS_EBPF_BTF",
            Example = "/etc/netlens/btf",
        },
        new ValueKey("ebpf.eventBuffer", Choice(
                ("64KiB", 1 << 16), ("128KiB", 1 << 17), ("256KiB", 1 << 18), ("512KiB", 1 << 19), ("1MiB", 1 << 20),
                ("2MiB", 1 << 21), ("4MiB", 1 << 22), ("8MiB", 1 << 23), ("16MiB", 1 << 24)),
            "Memory of each eBPF probe for events on their way out (per CPU before Linux 5.8).",
            o => o.Ebpf.EventBuffer, (o, v) => o with { Ebpf = o.Ebpf with { EventBuffer = (int)v! } })
        {
            Variable = "NETLENS_EBPF_EVENTBUFFER",
        },
        new ValueKey("pods.runtimeEndpoint", RuntimeSocket,
            "Socket of the container runtime (CRI). Empty: searched where containerd, CRI-O, k3s and cri-dockerd have "
                + "it.",
            o => o.Pods.RuntimeEndpoint, (o, v) => o with { Pods = o.Pods with { RuntimeEndpoint = (string)v! } })
        {
            Variable = "NETLENS_PODS_RUNTIMEENDPOINT",
        },
        new ValueKey("pods.poll", Duration(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5)),
            "Time between two lists of pods while nothing shows that there is a new one.",
            o => o.Pods.Poll, (o, v) => o with { Pods = o.Pods with { Poll = (TimeSpan)v! } })
        {
            Variable = "NETLENS_PODS_POLL",
        },
        new ValueKey("pods.events", ValueType.Boolean,
            "Also listen to the runtime's events. containerd 1.7 then takes them away from the kubelet.",
            o => o.Pods.Events, (o, v) => o with { Pods = o.Pods with { Events = (bool)v! } })
        {
            Variable = "NETLENS_PODS_EVENTS",
        },
        new ValueKey("pods.labels", LabelKeys,
            "Keys of pod labels that become attributes, k8s.pod.label.KEY, and KEY itself in the old namings.",
            o => o.Pods.Labels, (o, v) => o with { Pods = o.Pods with { Labels = (IReadOnlyList<string>)v! } })
        {
            Variable = "NETLENS_PODS_LABELS",
        },
        new ValueKey("pods.containers", ValueType.Boolean,
            "Tell what processes do (fd, io, accept queues of hostNetwork pods) by container: k8s.container.name.",
            o => o.Pods.Containers, (o, v) => o with { Pods = o.Pods with { Containers = (bool)v! } })
        {
            Variable = "NETLENS_PODS_CONTAINERS",
        },
        .. LimitKeys.All,
        new ValueKey("events.enabled", ValueType.Boolean, "Off: probes count, and report no single events.",
            o => o.Events.Enabled, (o, v) => o with { Events = o.Events with { Enabled = (bool)v! } })
        {
            Variable = "NETLENS_EVENTS_ENABLED",
        },
        new ValueKey("events.burst", Integer(1, 10_000),
            "Events of one kind, namespace and reason that are let through per window; the others are counted.",
            o => o.Events.Burst, (o, v) => o with { Events = o.Events with { Burst = (int)(long)v! } })
        {
            Variable = "NETLENS_EVENTS_BURST",
        },
        new ValueKey("events.window", Duration(TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
            "Length of that window. At its end a summary tells how many were held back.",
            o => o.Events.Window, (o, v) => o with { Events = o.Events with { Window = (TimeSpan)v! } })
        {
            Variable = "NETLENS_EVENTS_WINDOW",
        },
        new ValueKey("events.json", JsonTarget, "Where events are written as JSON lines. Empty: nowhere.",
            o => o.Events.Json, (o, v) => o with { Events = o.Events with { Json = (string)v! } })
        {
            Variable = "NETLENS_EVENTS_JSON",
        },
        new ValueKey("events.otlp", ValueType.Boolean,
            "Sends events as OTLP log records, if there is an OTLP endpoint.",
            o => o.Events.Otlp, (o, v) => o with { Events = o.Events with { Otlp = (bool)v! } })
        {
            Variable = "NETLENS_EVENTS_OTLP",
        },
        new ValueKey("events.queue", Integer(1, 65_536),
            "Events that may wait for a slow outlet; what comes on top is dropped and counted.",
            o => o.Events.Queue, (o, v) => o with { Events = o.Events with { Queue = (int)(long)v! } })
        {
            Variable = "NETLENS_EVENTS_QUEUE",
        },
        new ValueKey("http.enabled", ValueType.Boolean, "Off opens no port at all.",
            o => o.Http.Enabled, (o, v) => o with { Http = o.Http with { Enabled = (bool)v! } })
        {
            Variable = "NETLENS_HTTP_ENABLED",
        },
        new ValueKey("http.listen", Listen,
            "Address and port. Anything but loopback shows the node's counters to whoever reaches the port.",
            o => o.Http.Listen, (o, v) => o with { Http = o.Http with { Listen = (string)v! } })
        {
            Variable = "NETLENS_HTTP_LISTEN",
        },
        new ValueKey("prometheus.naming", Choice(
                ("otel", MetricNaming.Otel),
                ("kubeskoop", MetricNaming.KubeSkoop),
                ("inspector", MetricNaming.Inspector)),
            "Names and labels of /metrics unless the request asks with ?naming=.",
            o => o.Prometheus.Naming,
            (o, v) => o with { Prometheus = o.Prometheus with { Naming = (MetricNaming)v! } })
        {
            Variable = "NETLENS_PROMETHEUS_NAMING",
        },
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
        new ValueKey("resource.nodeName", Word, "The node's name, k8s.node.name. Unset: the host name.",
            o => o.Resource.NodeName, (o, v) => o with { Resource = o.Resource with { NodeName = (string?)v } })
        {
            Variable = "NODE_NAME",
            Example = "node-1",
        },
        new MapKey("resource.attributes", "Further resource attributes, all text.",
            o => o.Resource.Attributes, (o, v) => o with { Resource = o.Resource with { Attributes = v } })
        {
            NameCheck = TextChecks.AttributeName,
            ValueCheck = TextChecks.Printable,
            Entries = "a map of attribute names to texts",
            StandardVariables = ["OTEL_RESOURCE_ATTRIBUTES"],
            Example = "{deployment.environment.name: production}",
        },
        new ValueKey("logging.level", Choice(
                ("trace", LogLevel.Trace), ("debug", LogLevel.Debug), ("info", LogLevel.Information),
                ("warning", LogLevel.Warning), ("error", LogLevel.Error), ("critical", LogLevel.Critical),
                ("none", LogLevel.None)),
            "The least important line that is still written.",
            o => o.Logging.Level, (o, v) => o with { Logging = o.Logging with { Level = (LogLevel)v! } })
        {
            Variable = "NETLENS_LOGGING_LEVEL",
        },
        new ValueKey("paths.proc", AbsolutePath, "The proc file system.",
            o => o.Paths.Proc, (o, v) => o with { Paths = o.Paths with { Proc = (string)v! } })
        {
            Variable = "NETLENS_PATHS_PROC",
        },
        new ValueKey("paths.sys", AbsolutePath, "The sys file system.",
            o => o.Paths.Sys, (o, v) => o with { Paths = o.Paths with { Sys = (string)v! } })
        {
            Variable = "NETLENS_PATHS_SYS",
        },
    ];

    public static IEnumerable<ConfigurationKey> In(string section) => Keys.Where(k => k.Section == section);

    /// <summary>Sections of single keys of which one differs; probes are no keys and never among them.</summary>
    public static IEnumerable<string> Changed(AgentOptions before, AgentOptions after) =>
        Sections.Select(s => s.Name).Where(s => In(s).Any(k => !k.Same(before, after)));

    private static string[] Otel(string name) =>
        [$"OTEL_EXPORTER_OTLP_METRICS_{name}", $"OTEL_EXPORTER_OTLP_{name}"];
}
