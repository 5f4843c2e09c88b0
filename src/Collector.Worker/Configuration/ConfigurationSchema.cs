using Collector.Worker.Configuration.Keys;

namespace Collector.Worker.Configuration;

/// <summary>
/// Every key there is. The binder, the table in docs/configuration.md, otel-config/netlens.yaml and
/// <c>netlens config print</c> derive from this list; defaults are those of <see cref="AgentOptions"/>. The sections
/// <c>probes</c> and <c>findings</c> come from the catalogues of probes and of findings instead.
/// </summary>
internal static class ConfigurationSchema
{
    public const string Probes = "probes";
    public const string ProbesVariable = "NETLENS_PROBES";
    public const string Findings = "findings";
    public const string FindingsVariable = "NETLENS_FINDINGS";

    /// <summary>In the order in which they are printed, each with its line in the sample.</summary>
    public static IReadOnlyList<(string Name, string Description)> Sections { get; } =
    [
        ("collection", "The one loop that reads the kernel; both outlets show what it last found."),
        (Probes, "What is collected. `netlens list probes` names the probes and their arguments."),
        ("ebpf", "Programs in the kernel: what they need and how much memory their events may take."),
        ("budget", "What the agent may cost; beyond, it does less, and says so."),
        ("pods", "Whose a network namespace is: what is asked of the container runtime (CRI)."),
        ("limits", "How much is told one by one of what users can make more of; the rest is counted."),
        (Findings, "Which causes are looked for, and from how much on. docs/findings has each kind's thresholds."),
        ("events", "Single occurrences that probes report, such as a reset connection: what leaves, and how many."),
        ("recorder", "The last hour in memory, for who comes after a fault: `netlens record dump` takes it along."),
        ("http", "The HTTP port: /metrics and the health answers."),
        ("prometheus", "The text that /metrics answers with."),
        ("otlp", "Push over OTLP. Without an endpoint here or in OTEL_EXPORTER_OTLP_ENDPOINT nothing is sent."),
        ("loki", "Events to Loki, by its push API. Without an endpoint nothing is sent."),
        ("resource", "Who says it: attributes of everything that leaves over OTLP."),
        ("logging", "The agent's own log, on standard error."),
        ("paths", "Where the kernel's file systems are mounted, for an agent that runs beside the host's tree."),
    ];

    public static IReadOnlyList<ConfigurationKey> Keys { get; } =
    [
        .. CollectionKeys.All,
        .. EbpfKeys.All,
        .. BudgetKeys.All,
        .. PodKeys.All,
        .. LimitKeys.All,
        .. EventKeys.All,
        .. RecorderKeys.All,
        .. HttpKeys.All,
        .. PrometheusKeys.All,
        .. OtlpKeys.All,
        .. LokiKeys.All,
        .. ResourceKeys.All,
        .. LoggingKeys.All,
        .. PathKeys.All,
    ];

    public static IEnumerable<ConfigurationKey> In(string section) => Keys.Where(k => k.Section == section);

    /// <summary>Sections of which a key, or a probe, differs.</summary>
    public static IEnumerable<string> Changed(AgentOptions before, AgentOptions after) =>
        Sections.Select(s => s.Name).Where(s => s switch
        {
            Probes => ProbesDiffer(before.Probes, after.Probes),
            Findings => FindingsDiffer(before.Findings, after.Findings),
            _ => In(s).Any(k => !k.Same(before, after)),
        });

    /// <summary>The options with a section of others.</summary>
    public static AgentOptions Keep(string section, AgentOptions from, AgentOptions into) => section switch
    {
        "collection" => into with { Collection = from.Collection },
        Probes => into with { Probes = from.Probes },
        "ebpf" => into with { Ebpf = from.Ebpf },
        "budget" => into with { Budget = from.Budget },
        "pods" => into with { Pods = from.Pods },
        "limits" => into with { Limits = from.Limits },
        Findings => into with { Findings = from.Findings },
        "events" => into with { Events = from.Events },
        "recorder" => into with { Recorder = from.Recorder },
        "loki" => into with { Loki = from.Loki },
        "http" => into with { Http = from.Http },
        "prometheus" => into with { Prometheus = from.Prometheus },
        "otlp" => into with { Otlp = from.Otlp },
        "resource" => into with { Resource = from.Resource },
        "logging" => into with { Logging = from.Logging },
        "paths" => into with { Paths = from.Paths },
        _ => throw new ArgumentException($"there is no section '{section}'", nameof(section)),
    };

    // Both name every probe, or neither does.
    private static bool ProbesDiffer(
        IReadOnlyDictionary<string, ProbeChoice> before, IReadOnlyDictionary<string, ProbeChoice> after) =>
        before.Count != after.Count || before.Any(b => !after.TryGetValue(b.Key, out var a)
            || a.Enabled != b.Value.Enabled || !a.Settings.SameAs(b.Value.Settings));

    private static bool FindingsDiffer(
        IReadOnlyDictionary<string, FindingChoice> before, IReadOnlyDictionary<string, FindingChoice> after) =>
        before.Count != after.Count || before.Any(b => !after.TryGetValue(b.Key, out var a)
            || a.Enabled != b.Value.Enabled || !a.Settings.SameAs(b.Value.Settings));
}
