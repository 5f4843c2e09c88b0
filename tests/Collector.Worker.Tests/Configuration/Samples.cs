using System.Text;
using System.Text.Json;
using Collector.Core.Probes;
using Collector.Worker.Configuration;

namespace Collector.Worker.Tests.Configuration;

/// <summary>A small catalogue with an argument of every kind, and the loader over text.</summary>
internal static class Samples
{
    public static IReadOnlyList<ProbeInfo> Catalogue { get; } =
    [
        Probe("netdev"),
        Probe("tcp"),
        Probe("udp"),
        Probe("tcpext", true, new ProbeOption("include", OptionKind.Choice, "default", "Which counters.")
        {
            Allowed = ["default", "all"],
        }),
        Probe("softnet", true, new ProbeOption("perCpu", OptionKind.Boolean, "false", "One row per CPU.")),
        Probe("slab", false),
        Probe("everything", true,
            new ProbeOption("count", OptionKind.Integer, "10", "A number.") { Minimum = 1, Maximum = 100 },
            new ProbeOption("every", OptionKind.Duration, "1m", "A duration.") { Minimum = 1000, Maximum = 3_600_000 },
            new ProbeOption("note", OptionKind.Text, "", "A text."),
            new ProbeOption("links", OptionKind.List, "root,leaf", "Words.") { Allowed = ["root", "leaf", "all"] },
            new ProbeOption("skip", OptionKind.List, "", "Any words.")),
    ];

    public static ConfigurationResult Load(string yaml, params (string Name, string Value)[] env) =>
        ConfigurationLoader.Parse("f.yaml", Encoding.UTF8.GetBytes(yaml), Env(env), Catalogue);

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
        return JsonSerializer.Serialize(options with { Probes = new Dictionary<string, ProbeChoice>() })
            + string.Join('\n', probes);
    }

    private static string Arguments(KeyValuePair<string, ProbeChoice> probe) => string.Join(' ', Catalogue
        .Single(p => p.Id == probe.Key).Options.Select(o => $"{o.Name}={probe.Value.Settings.Text(o.Name)}"));

    private static ProbeInfo Probe(string id, bool enabled = true, params ProbeOption[] options) => new()
    {
        Id = id,
        Description = "A probe of the tests.",
        Source = "nowhere",
        Tables = [],
        EnabledByDefault = enabled,
        Options = options,
    };
}
