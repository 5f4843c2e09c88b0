using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration;

/// <summary>Variables over the file. An empty variable counts as not set, as everywhere in OpenTelemetry.</summary>
internal static class EnvironmentBinder
{
    private const string All = "all";

    public static void Bind(Func<string, string?> env, ConfigurationDraft draft)
    {
        foreach (var key in ConfigurationSchema.Keys.OfType<ValueKey>())
        {
            if (key.OldVariable is { } old && env(old) is { Length: > 0 } before)
            {
                draft.Set(key, before, Origin.Environment(old));
                draft.Warnings.Add($"environment variable {old} is KubeSkoop's and will not be read for ever; "
                    + $"set {key.Variable}");
            }
            if (key.Variable is { } variable && env(variable) is { Length: > 0 } text)
                draft.Set(key, text, Origin.Environment(variable));
        }
        if (env(ConfigurationSchema.ProbesVariable) is { Length: > 0 } probes)
            Switch(probes, draft);
        if (env(ConfigurationSchema.FindingsVariable) is { Length: > 0 } findings)
            Choose(findings, draft);
        foreach (var key in ConfigurationSchema.Keys)
        {
            // Resolved elsewhere; whoever reads the printed configuration has to know that it is not the last word.
            if (key.StandardVariables.FirstOrDefault(v => env(v) is { Length: > 0 }) is { } stronger)
                draft.Sources[key.Path] += $"; {stronger} goes over it";
        }
    }

    /// <summary>
    /// <c>kind</c> or <c>+kind</c> looks for a kind of finding, <c>-kind</c> does not; <c>all</c> or <c>-all</c> in
    /// front stands for every kind; <c>kind.threshold=N</c> sets one of its thresholds.
    /// </summary>
    private static void Choose(string words, ConfigurationDraft draft)
    {
        var origin = Origin.Environment(ConfigurationSchema.FindingsVariable);
        var named = new HashSet<string>();
        foreach (var word in words.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var assigned = word.IndexOf('=', StringComparison.Ordinal);
            var name = assigned < 0 ? word.TrimStart('-', '+') : word[..assigned].TrimEnd();
            if (name == All && named.Count > 0)
                Wrong($"'{word}' must come first");
            else if (!named.Add(name))
                Wrong($"names '{YamlText.Shown(name)}' twice");
            else if (assigned >= 0)
                Assign(name, word[(assigned + 1)..].TrimStart());
            else if (name == All)
                SetAll(word);
            else if (draft.Findings.TryGetValue(name, out var finding))
                Set(finding, word);
            else
                Wrong($"'{YamlText.Shown(name)}' {FindingDraft.Unknown(name, draft)}");
        }

        void SetAll(string word)
        {
            foreach (var (_, finding) in draft.Findings)
                Set(finding, word);
        }

        void Set(FindingDraft finding, string word) => draft.Set(finding, null, word[0] == '-' ? "off" : "on", origin);

        void Assign(string name, string text)
        {
            var (kind, key) = name.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot
                ? (name[..dot], name[(dot + 1)..])
                : (name, "");
            if (!draft.Findings.TryGetValue(kind, out var finding))
                Wrong($"'{YamlText.Shown(kind)}' {FindingDraft.Unknown(kind, draft)}");
            else if (finding.Threshold(key) is { } threshold)
                draft.Set(finding, threshold, text, origin);
            else
            {
                var known = finding.Info.Thresholds.Select(t => t.Name).ToArray();
                draft.Errors.Add(origin.Place, FindingDraft.Path(kind, YamlText.Shown(key)),
                    $"is not a known key{Suggestion.For(key, known)}",
                    known.Length == 0 ? "no threshold: the kind has none" : string.Join(", ", known));
            }
        }

        void Wrong(string problem) => draft.Errors.Add(origin.Place, ConfigurationSchema.Findings, problem,
            $"all, {string.Join(", ", draft.Findings.Keys)}, each with - in front to switch it off, or "
                + "KIND.THRESHOLD=VALUE");
    }

    /// <summary>
    /// <c>name</c> or <c>+name</c> switches a probe on, <c>-name</c> off; <c>all</c> or <c>-all</c> in front does so to
    /// every probe: <c>-all,tcp,udp</c> runs these two. Everything not named stays as the file or its default says.
    /// </summary>
    private static void Switch(string words, ConfigurationDraft draft)
    {
        var origin = Origin.Environment(ConfigurationSchema.ProbesVariable);
        var named = new HashSet<string>();
        foreach (var word in words.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var on = word[0] != '-';
            var id = word[0] is '-' or '+' ? word[1..] : word;
            if (id == All && named.Count > 0)
                Wrong($"'{word}' must come first");
            else if (!named.Add(id))
                Wrong($"names '{YamlText.Shown(id)}' twice");
            else if (id == All)
                SwitchAll(on);
            else if (draft.Probes.TryGetValue(id, out var probe))
                draft.Switch(probe, on, origin);
            else
                Wrong($"'{YamlText.Shown(id)}' is not a probe{draft.SuggestionFor(id)}");
        }

        void SwitchAll(bool on)
        {
            foreach (var (_, probe) in draft.Probes)
                draft.Switch(probe, on, origin);
        }

        void Wrong(string problem) => draft.Errors.Add(origin.Place, ConfigurationSchema.Probes, problem,
            $"all, {string.Join(", ", draft.Probes.Keys)}, each with - in front to switch it off");
    }
}
