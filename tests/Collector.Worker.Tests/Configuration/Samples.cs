using System.Text;
using System.Text.Json;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Findings;
using Collector.Worker.Configuration;

namespace Collector.Worker.Tests.Configuration;

/// <summary>A small catalogue with an argument of every kind, and the loader over text.</summary>
internal static class Samples
{
    public static readonly ProbeOption<long> Count = Option.Integer("count", 10, "A number.", 1, 100);

    public static readonly ProbeOption<TimeSpan> Every =
        Option.Duration("every", TimeSpan.FromMinutes(1), "A duration.", 1000, 3_600_000);

    public static readonly ProbeOption<string> Note = Option.Text("note", "", "A text.");

    public static readonly ProbeOption<IReadOnlyList<string>> Links =
        Option.List("links", "root,leaf", "Words.", "root", "leaf", "all");

    public static readonly ProbeOption<IReadOnlyList<string>> Skip = Option.List("skip", "", "Any words.");

    private static readonly TableInfo Counters = new("tcpext", RowScope.Namespace, [],
    [
        Metric.Counter("netlens.tcpext.timeouts", Units.Segments, "Always there."),
        Metric.Counter("netlens.tcpext.fast_retrans", Units.Segments, "Not always.", optional: true),
    ]);

    public static IReadOnlyList<ProbeInfo> Catalogue { get; } =
    [
        Probe("netdev"),
        Probe("tcp"),
        Probe("udp"),
        Probe("tcpext", true, Option.Include("Which counters.")),
        Probe("softnet", true, Option.Switch("perCpu", standard: false, "One row per CPU.")),
        Probe("slab", false),
        Probe("everything", true, Count, Every, Note, Links, Skip),
    ];

    /// <summary>Kinds without thresholds, and with thresholds of every type.</summary>
    public static IReadOnlyList<FindingInfo> Kinds { get; } =
    [
        .. AllFindings.Kinds.Where(k => k.Kind is "conntrack-full" or "link-flap" or "path-loss" or "disk-slow"),
    ];

    public static ConfigurationResult Load(string yaml, params (string Name, string Value)[] env) =>
        ConfigurationLoader.Parse("f.yaml", Encoding.UTF8.GetBytes(yaml), Env(env), Catalogue, Kinds);

    public static AgentOptions LoadGood(string yaml, params (string Name, string Value)[] env)
    {
        var result = Load(yaml, env);
        result.Errors.ShouldBeEmpty();
        return result.Options.ShouldNotBeNull();
    }

    public static Func<string, string?> Env(params (string Name, string Value)[] env) =>
        name => env.FirstOrDefault(e => e.Name == name).Value;

    /// <summary>Everything that the options hold, by the serializer and not by our own schema.</summary>
    public static string Describe(AgentOptions options)
    {
        var probes = options.Probes.OrderBy(p => p.Key).Select(p => (p.Key, p.Value.Enabled, Arguments(p)));
        var plain = options with
        {
            Probes = new Dictionary<string, ProbeChoice>(),
            Findings = new Dictionary<string, FindingChoice>(),
        };
        var findings = options.Findings.OrderBy(f => f.Key).Select(f => (f.Key, f.Value.Enabled, string.Join(' ',
            f.Value.Settings.Info.Thresholds.Select(t => $"{t.Name}={f.Value.Settings.Text(t)}"))));
        return JsonSerializer.Serialize(plain) + string.Join('\n', probes) + string.Join('\n', findings);
    }

    private static string Arguments(KeyValuePair<string, ProbeChoice> probe) => string.Join(' ', Catalogue
        .Single(p => p.Id == probe.Key).Options.Select(o => $"{o.Name}={probe.Value.Settings.Text(o)}"));

    /// <summary>An argument of a probe as it would be written.</summary>
    public static string Argument(this ProbeChoice choice, string probe, string option) =>
        choice.Settings.Text(Catalogue.Single(p => p.Id == probe).Options.Single(o => o.Name == option));

    /// <summary>A threshold as it would be written.</summary>
    public static string Threshold(this AgentOptions options, string kind, string name)
    {
        var settings = options.Findings[kind].Settings;
        return settings.Text(settings.Info.Thresholds.Single(t => t.Name == name));
    }

    private static ProbeInfo Probe(string id, bool enabled = true, params ProbeOption[] options) => new()
    {
        Id = id,
        Description = "A probe of the tests.",
        Source = "nowhere",
        Tables = id == "tcpext" ? [Counters] : [],
        EnabledByDefault = enabled,
        Options = options,
    };
}
