using Collector.Core.Probes;
using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration;

/// <summary>
/// The section <c>probes</c>: each probe by its id, on or off, or a map of its arguments, which also switches it on
/// unless <c>enabled: false</c> stands among them.
/// </summary>
internal sealed class ProbeBinder(FileBinder file, ConfigurationDraft draft)
{
    private const string Enabled = "enabled";

    public void Bind(YamlNode node)
    {
        if (node is YamlScalar { IsNull: true })
            return;
        if (node is not YamlMapping map)
        {
            file.WrongKind(node, ConfigurationSchema.Probes, "a map of probes, each on, off or a map of its arguments");
            return;
        }
        foreach (var (id, key, value) in file.Entries(map, ConfigurationSchema.Probes))
        {
            if (draft.Probes.TryGetValue(id, out var probe))
                BindProbe(probe, value);
            else
                Unknown(key, id);
        }
    }

    private void Unknown(YamlNode key, string id) => draft.Errors.Add(
        file.At(key).Place, ProbeDraft.Path(YamlText.Shown(id)),
        $"is not a probe{draft.SuggestionFor(id)}", string.Join(", ", draft.Probes.Keys));

    private void BindProbe(ProbeDraft probe, YamlNode node)
    {
        var names = probe.Info.Options.Select(o => o.Name).Prepend(Enabled).ToList();
        var allowed = $"on, off, or a map with {string.Join(", ", names)}";
        switch (node)
        {
            case YamlScalar { IsNull: false } scalar when ValueType.Boolean.Parse(scalar.Text, out _) is bool on:
                draft.Switch(probe, on, file.At(node));
                break;
            case YamlScalar { IsNull: false } scalar:
                _ = ValueType.Boolean.Parse(scalar.Text, out var problem);
                draft.Errors.Add(file.At(node).Place, ProbeDraft.Path(probe.Info.Id), problem, allowed);
                break;
            case YamlMapping map:
                BindArguments(probe, map, names);
                break;
            default:
                file.WrongKind(node, ProbeDraft.Path(probe.Info.Id), allowed);
                break;
        }
    }

    private void BindArguments(ProbeDraft probe, YamlMapping map, List<string> names)
    {
        draft.Switch(probe, true, file.At(map));
        foreach (var (name, key, value) in file.Entries(map, ProbeDraft.Path(probe.Info.Id)))
        {
            var path = ProbeDraft.Path(probe.Info.Id, name);
            if (name == Enabled)
                BindEnabled(probe, path, value);
            else if (probe.Info.Options.FirstOrDefault(o => o.Name == name) is { } option)
                BindOption(probe, option, path, value);
            else if (OptionalMetrics.Hint(name, [probe.Info]) is { Length: > 0 } hint)
                draft.Errors.Add(file.At(key).Place, path, $"is not a known key{hint}", string.Join(", ", names));
            else
                file.Unknown(key, ProbeDraft.Path(probe.Info.Id), name, names);
        }
    }

    private void BindEnabled(ProbeDraft probe, string path, YamlNode node)
    {
        if (Parse(ValueType.Boolean, path, node) is bool on)
            draft.Switch(probe, on, file.At(node));
    }

    private void BindOption(ProbeDraft probe, ProbeOption option, string path, YamlNode node)
    {
        var type = ValueType.Of(option);
        if (Parse(type, path, node, word => OptionalMetrics.Hint(word, [probe.Info])) is not { } value)
            return;
        probe.Written[option] = value;
        draft.Sources[path] = file.At(node).Source;
    }

    private object? Parse(ValueType type, string path, YamlNode node, Func<string, string>? hint = null)
    {
        if (Text(type, node) is not { } text)
        {
            file.WrongKind(node, path, type.Allowed);
            return null;
        }
        var value = type.Parse(text, out var problem);
        if (value is null)
            draft.Errors.Add(file.At(node).Place, path, $"{problem}{hint?.Invoke(text)}", type.Allowed);
        return value;
    }

    /// <summary>A single value's text; for a list also a sequence of single values without commas.</summary>
    internal static string? Text(ValueType type, YamlNode node) => node switch
    {
        YamlScalar { IsNull: false } scalar => scalar.Text,
        YamlSequence list when type is ListType && list.Items.All(IsItem) =>
            string.Join(',', list.Items.Cast<YamlScalar>().Select(i => i.Text)),
        _ => null,
    };

    private static bool IsItem(YamlNode node) =>
        node is YamlScalar { IsNull: false } item && !item.Text.Contains(',', StringComparison.Ordinal);
}
