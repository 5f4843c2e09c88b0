using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration;

/// <summary>
/// The section <c>findings</c>: each kind on or off, or a map of its thresholds and <c>enabled</c>.
/// </summary>
internal sealed class FindingBinder(FileBinder file, ConfigurationDraft draft)
{
    public void Bind(YamlNode node)
    {
        if (node is YamlScalar { IsNull: true })
            return;
        if (node is not YamlMapping map)
        {
            file.WrongKind(
                node, ConfigurationSchema.Findings, "a map of kinds, each on, off or a map of its thresholds");
            return;
        }
        foreach (var (kind, key, value) in file.Entries(map, ConfigurationSchema.Findings))
        {
            if (draft.Findings.TryGetValue(kind, out var finding))
                BindKind(finding, value);
            else
                Unknown(key, kind);
        }
    }

    private void Unknown(YamlNode key, string kind) => draft.Errors.Add(
        file.At(key).Place, FindingDraft.Path(YamlText.Shown(kind)), FindingDraft.Unknown(kind, draft),
        string.Join(", ", draft.Findings.Keys));

    private void BindKind(FindingDraft finding, YamlNode node)
    {
        var names = finding.Info.Thresholds.Select(t => t.Name).Prepend(FindingDraft.Switch).ToList();
        var path = FindingDraft.Path(finding.Info.Kind);
        var allowed = $"on, off, or a map with {string.Join(", ", names)}";
        switch (node)
        {
            case YamlScalar { IsNull: false } scalar:
                draft.Set(finding, null, scalar.Text, file.At(node), allowed);
                break;
            case YamlMapping map:
                foreach (var (name, key, value) in file.Entries(map, path))
                    BindEntry(finding, name, key, value, names);
                break;
            default:
                file.WrongKind(node, path, allowed);
                break;
        }
    }

    private void BindEntry(FindingDraft finding, string name, YamlNode key, YamlNode value, List<string> names)
    {
        if (!names.Contains(name))
        {
            file.Unknown(key, FindingDraft.Path(finding.Info.Kind), name, names);
            return;
        }
        var threshold = finding.Threshold(name);
        if (value is YamlScalar { IsNull: false } scalar)
            draft.Set(finding, threshold, scalar.Text, file.At(value));
        else
            file.WrongKind(value, FindingDraft.Path(finding.Info.Kind, name), FindingDraft.TypeOf(threshold).Allowed);
    }
}

/// <summary>A kind's part of the draft.</summary>
internal sealed class FindingDraft(FindingInfo info)
{
    /// <summary>The key beside the thresholds.</summary>
    public const string Switch = "enabled";

    public FindingInfo Info => info;

    public bool Enabled { get; set; } = true;

    /// <summary>Thresholds that were written, each of its type.</summary>
    public Dictionary<ProbeOption, object> Written { get; } = [];

    /// <summary>Null for <see cref="Switch"/>, and where there is none of that name.</summary>
    public ProbeOption? Threshold(string name) => info.Thresholds.FirstOrDefault(t => t.Name == name);

    public static ValueType TypeOf(ProbeOption? threshold) =>
        threshold is null ? ValueType.Boolean : ValueType.Of(threshold);

    public static string Path(string kind) => $"{ConfigurationSchema.Findings}.{kind}";

    public static string Path(string kind, string threshold) => $"{Path(kind)}.{threshold}";

    /// <summary>What is said of a kind that there is not.</summary>
    public static string Unknown(string kind, ConfigurationDraft draft) =>
        $"is not a kind of finding{Suggestion.For(kind, draft.Findings.Keys)}";

    public FindingChoice Choice() => new(Enabled, new FindingSettings(info, Written));
}
