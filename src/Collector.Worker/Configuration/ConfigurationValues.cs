using Collector.Core.Probes;

namespace Collector.Worker.Configuration;

/// <summary>A key and its value, as the file would say it; a secret is not shown.</summary>
/// <param name="Path"><c>section.name</c>, and behind it a probe's argument or a map's entry.</param>
/// <param name="Text">The value.</param>
/// <param name="Hidden">True where the value, or a part of it, is a secret: equal texts need not be the same.</param>
internal sealed record ConfigurationValue(string Path, string Text, bool Hidden)
{
    public string Section => Path[..Path.IndexOf('.', StringComparison.Ordinal)];
}

/// <summary>A whole configuration as a list, to be compared with another.</summary>
internal static class ConfigurationValues
{
    public static IEnumerable<ConfigurationValue> Of(AgentOptions options, IReadOnlyList<ProbeInfo> catalogue)
    {
        foreach (var (section, _) in ConfigurationSchema.Sections)
        {
            if (section == ConfigurationSchema.Probes)
            {
                foreach (var value in catalogue.SelectMany(p => OfProbe(options, p)))
                    yield return value;
            }
            if (section == ConfigurationSchema.Findings)
            {
                foreach (var value in options.Findings.SelectMany(f => OfFinding(f.Key, f.Value)))
                    yield return value;
            }
            foreach (var value in ConfigurationSchema.In(section).SelectMany(k => OfKey(options, k)))
                yield return value;
        }
    }

    private static IEnumerable<ConfigurationValue> OfKey(AgentOptions options, ConfigurationKey key)
    {
        if (key is MapKey map)
        {
            return map.Get(options).Select(e => new ConfigurationValue(
                $"{key.Path}.{e.Key}", map.Secret ? Redacted.Mark : e.Value, map.Secret));
        }
        var value = (ValueKey)key;
        return value.Shown(options) is { } shown
            ? [new(key.Path, shown, true)]
            : [new(key.Path, value.Written(options) ?? "", false)];
    }

    private static IEnumerable<ConfigurationValue> OfFinding(string kind, FindingChoice choice)
    {
        yield return new(FindingDraft.Path(kind), choice.Enabled ? "true" : "false", false);
        foreach (var threshold in choice.Settings.Info.Thresholds)
            yield return new(FindingDraft.Path(kind, threshold.Name), choice.Settings.Text(threshold), false);
    }

    private static IEnumerable<ConfigurationValue> OfProbe(AgentOptions options, ProbeInfo info)
    {
        var choice = options.Probes.GetValueOrDefault(info.Id) ?? new(info.EnabledByDefault, new(info));
        yield return new(ProbeDraft.Path(info.Id), choice.Enabled ? "true" : "false", false);
        foreach (var option in info.Options)
            yield return new(ProbeDraft.Path(info.Id, option.Name), choice.Settings.Text(option), false);
    }
}
