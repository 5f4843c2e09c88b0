using System.Collections;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary>
/// Variables that look like ours or OpenTelemetry's and are not read. Hints, never errors: Kubernetes sets NETLENS_PORT
/// and the like for a service of that name, and other programs read other variables of OpenTelemetry.
/// </summary>
internal static class VariableHints
{
    private static readonly string[] Own =
    [
        .. ConfigurationSchema.Keys.Select(k => k.Variable).OfType<string>(), ConfigurationSchema.ProbesVariable,
        ConfigurationSchema.FindingsVariable, ConfigurationLoader.FileVariable, PeerOptions.TokenVariable,
    ];

    /// <summary>By the name that would follow from the key, as for keys that have a variable of ours.</summary>
    private static readonly Dictionary<string, string> Standard = ConfigurationSchema.Keys
        .Where(k => k.StandardVariables.Count > 0)
        .ToDictionary(
            k => $"NETLENS_{k.Path.Replace('.', '_').ToUpperInvariant()}", k => k.StandardVariables[^1]);

    /// <summary>Of KubeSkoop's agent; the two that have an equivalent are keys' old variables.</summary>
    private static readonly Dictionary<string, string> KubeSkoop = new()
    {
        ["KUBESKOOP_POD_NAME"] = "there is no sidecar mode",
        ["KUBESKOOP_POD_NAMESPACE"] = "there is no sidecar mode",
        ["BTF_DOWNLOAD_URL"] = "nothing is downloaded; ebpf.btf names a folder with type information",
    };

    public static IEnumerable<string> OfEnvironment() =>
        Of(Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(v => (string)v.Key));

    public static IEnumerable<string> Of(IEnumerable<string> variables) => variables
        .Order(StringComparer.Ordinal)
        .Select(v => (Name: v, Hint: KubeSkoop.TryGetValue(v, out var why) ? $": {why}"
            : Near(v) is { } near ? Suggestion.DidYouMean(near) : null))
        .Where(v => v.Hint is not null)
        .Select(v => $"environment variable {v.Name} is not read{v.Hint}");

    private static string? Near(string variable)
    {
        if (variable.StartsWith("OTEL_", StringComparison.Ordinal))
            return OtlpVariables.Known.Contains(variable) || IsOfSampling(variable)
                ? null
                : Suggestion.Nearest(variable, OtlpVariables.Known);
        if (!variable.StartsWith("NETLENS_", StringComparison.Ordinal) || Own.Contains(variable))
            return null;
        return Suggestion.Nearest(variable, Own.Concat(Standard.Keys)) is { } near
            ? Standard.GetValueOrDefault(near, near)
            : null;
    }

    // Names of the specification that differ from ours by few letters.
    private static bool IsOfSampling(string variable) =>
        variable.Contains("_TRACES_SAMPLER", StringComparison.Ordinal)
        || variable.Contains("_BSP_", StringComparison.Ordinal);
}
