using System.Text;
using Collector.Core.Probes;
using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration;

/// <summary>
/// The effective configuration as a file that loads to the same options, each value with its source as a comment.
/// Secrets are left out: where there are any, the key is a comment.
/// </summary>
public static class ConfigurationPrinter
{
    /// <param name="result">A result without errors.</param>
    /// <param name="catalogue">The catalogue that it was loaded with.</param>
    /// <param name="revealSecrets">Print values of headers and whole URLs too.</param>
    /// <exception cref="ArgumentException">The result has errors instead of options.</exception>
    public static string Print(
        ConfigurationResult result, IReadOnlyList<ProbeInfo> catalogue, bool revealSecrets = false)
    {
        if (result.Options is not { } options)
            throw new ArgumentException("only a configuration without errors can be printed", nameof(result));
        var page = new Page(result.Sources);
        foreach (var (section, _) in ConfigurationSchema.Sections)
        {
            page.Section(section);
            if (section == ConfigurationSchema.Probes)
                PrintProbes(page, options, catalogue);
            if (section == ConfigurationSchema.Findings)
                PrintFindings(page, options);
            foreach (var key in ConfigurationSchema.In(section))
                PrintKey(page, key, options, revealSecrets);
        }
        return page.ToString();
    }

    private static void PrintKey(Page page, ConfigurationKey key, AgentOptions options, bool revealSecrets)
    {
        if (key is ValueKey secret && !revealSecrets && secret.Shown(options) is { } shown)
            page.Comment(1, $"{key.Name}: {shown}", key.Path);
        else if (key is ValueKey value)
            page.Value(1, key.Name, value.Written(options) ?? "null", key.Path);
        if (key is not MapKey map)
            return;
        page.Open(1, key.Name, key.Path);
        foreach (var (name, text) in map.Get(options))
        {
            if (map.Secret && !revealSecrets)
                page.Comment(2, $"{name}: not shown");
            else
                page.Value(2, YamlText.Scalar(name), YamlText.Scalar(text));
        }
    }

    private static void PrintProbes(Page page, AgentOptions options, IReadOnlyList<ProbeInfo> catalogue)
    {
        foreach (var info in catalogue)
        {
            var choice = options.Probes.GetValueOrDefault(info.Id) ?? new(info.EnabledByDefault, new(info));
            var enabled = choice.Enabled ? "true" : "false";
            if (info.Options.Count == 0)
            {
                page.Value(1, info.Id, enabled, ProbeDraft.Path(info.Id));
                continue;
            }
            page.Open(1, info.Id);
            page.Value(2, "enabled", enabled, ProbeDraft.Path(info.Id));
            foreach (var option in info.Options)
            {
                page.Value(2, option.Name, ValueType.Of(option).ToYaml(choice.Settings.Value(option)),
                    ProbeDraft.Path(info.Id, option.Name));
            }
        }
    }

    private static void PrintFindings(Page page, AgentOptions options)
    {
        foreach (var (kind, choice) in options.Findings)
        {
            var enabled = choice.Enabled ? "true" : "false";
            var thresholds = choice.Settings.Info.Thresholds;
            if (thresholds.Count == 0)
            {
                page.Value(1, kind, enabled, FindingDraft.Path(kind));
                continue;
            }
            page.Open(1, kind);
            page.Value(2, FindingDraft.Switch, enabled, FindingDraft.Path(kind));
            foreach (var threshold in thresholds)
            {
                page.Value(2, threshold.Name, ValueType.Of(threshold).ToYaml(choice.Settings.Value(threshold)),
                    FindingDraft.Path(kind, threshold.Name));
            }
        }
    }

    private sealed class Page(IReadOnlyDictionary<string, string> sources)
    {
        private readonly StringBuilder _text = new();

        public void Section(string name) => _text.Append(name).Append(":\n");

        public void Open(int level, string name, string? path = null) => Line(level, $"{name}:", path);

        public void Value(int level, string name, string value, string? path = null) =>
            Line(level, $"{name}: {value}", path);

        public void Comment(int level, string text, string? path = null) => Line(level, $"# {text}", path);

        public override string ToString() => _text.ToString();

        private void Line(int level, string text, string? path)
        {
            _text.Append(' ', 2 * level).Append(text);
            if (path is not null && sources.TryGetValue(path, out var source))
                _text.Append("  # ").Append(source);
            _text.Append('\n');
        }
    }
}
