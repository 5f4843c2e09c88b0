using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration;

/// <summary>Binds the nodes of the file to the schema and reports everything that does not fit.</summary>
internal sealed class FileBinder(string file, ConfigurationDraft draft)
{
    public void Bind(YamlNode? root)
    {
        if (root is null or YamlScalar { IsNull: true })
            return;
        var sections = ConfigurationSchema.Sections.Select(s => s.Name).ToList();
        if (root is not YamlMapping map)
        {
            draft.Errors.Add(Place(root), null, $"the file is {root.Kind}, not a map of sections", Words(sections));
            return;
        }
        foreach (var (name, key, value) in Entries(map, null))
        {
            if (name == ConfigurationSchema.Probes)
                new ProbeBinder(this, draft).Bind(value);
            else if (name == ConfigurationSchema.Findings)
                new FindingBinder(this, draft).Bind(value);
            else if (sections.Contains(name))
                BindSection(name, value);
            else
                Unknown(key, null, name, sections);
        }
    }

    /// <summary>
    /// A map's entries with plain names; what is no name, or is there twice, is reported and left out.
    /// </summary>
    /// <param name="map">The map.</param>
    /// <param name="path">Its own dotted key, null for the file itself.</param>
    /// <param name="comparer">When names are the same; exactly unless given.</param>
    public IEnumerable<(string Name, YamlNode Key, YamlNode Value)> Entries(
        YamlMapping map, string? path, StringComparer? comparer = null)
    {
        var lines = new Dictionary<string, long>(comparer ?? StringComparer.Ordinal);
        foreach (var (key, value) in map.Entries)
        {
            if (key is not YamlScalar { Text: var name })
                draft.Errors.Add(Place(key), path, $"the name of an entry is {key.Kind}, not a single word");
            else if (!lines.TryAdd(name, key.Line))
                draft.Errors.Add(Place(key), Join(path, name), $"is written twice, first on line {lines[name]}");
            else
                yield return (name, key, value);
        }
    }

    public Origin At(YamlNode node) => new(Place(node), $"{file}:{node.Line}");

    /// <param name="key">Where it stands.</param>
    /// <param name="path">Section or probe it stands in, null for the file itself.</param>
    /// <param name="name">Its name.</param>
    /// <param name="known">The names that section or probe has.</param>
    public void Unknown(YamlNode key, string? path, string name, IReadOnlyCollection<string> known)
    {
        var elsewhere = ConfigurationSchema.Keys.FirstOrDefault(k => k.Name == name || k.Path == name);
        var problem = elsewhere is not null && elsewhere.Path == name
            ? $"is written in one word; write '{elsewhere.Section}:' and '{elsewhere.Name}' indented below it"
            : Suggestion.Nearest(name, known) is { } near
                ? $"is not a known key{Suggestion.DidYouMean(near)}"
                : $"is not a known key{(elsewhere is null ? "" : Suggestion.DidYouMean(elsewhere.Path))}";
        draft.Errors.Add(Place(key), Join(path, name), problem, Words(known));
    }

    public void WrongKind(YamlNode node, string path, string allowed)
    {
        var problem = node is YamlScalar { IsNull: true } ? "has no value" : $"is {node.Kind}";
        draft.Errors.Add(Place(node), path, problem, allowed);
    }

    private void BindSection(string section, YamlNode node)
    {
        var names = ConfigurationSchema.In(section).Select(k => k.Name).ToList();
        if (node is YamlScalar { IsNull: true })
            return;
        if (node is not YamlMapping map)
        {
            WrongKind(node, section, $"a map with {Words(names)}");
            return;
        }
        foreach (var (name, key, value) in Entries(map, section))
        {
            switch (ConfigurationSchema.In(section).FirstOrDefault(k => k.Name == name))
            {
                case ValueKey known:
                    BindValue(known, value);
                    break;
                case MapKey known:
                    BindMap(known, value);
                    break;
                default:
                    Unknown(key, section, name, names);
                    break;
            }
        }
    }

    private void BindValue(ValueKey key, YamlNode node)
    {
        if (node is YamlScalar { IsNull: true } && key.Optional)
            draft.Set(key, (object?)null, At(node));
        else if (ProbeBinder.Text(key.Type, node) is { } text)
            draft.Set(key, text, At(node));
        else
            WrongKind(node, key.Path, key.Allowed);
    }

    private void BindMap(MapKey key, YamlNode node)
    {
        if (node is YamlScalar { IsNull: true })
            return;
        if (node is not YamlMapping map)
        {
            WrongKind(node, key.Path, key.Allowed);
            return;
        }
        var comparer = key.IgnoreCase ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal;
        var values = new Dictionary<string, string>(comparer);
        foreach (var (name, at, value) in Entries(map, key.Path, comparer))
        {
            var path = Join(key.Path, name);
            if (key.NameCheck(name) is { Length: > 0 } wrongName)
                draft.Errors.Add(Place(at), key.Path, wrongName, key.Allowed);
            else if (value is not YamlScalar { IsNull: false } scalar)
                WrongKind(value, path, "text");
            else if (key.ValueCheck(scalar.Text) is { Length: > 0 } wrongValue)
                draft.Errors.Add(Place(value), path, wrongValue);
            else
                values.Add(name, scalar.Text);
        }
        draft.Options = key.Set(draft.Options, values);
        draft.Sources[key.Path] = At(node).Source;
    }

    private string Place(YamlNode node) => $"{file}:{node.Line}:{node.Column}";

    private static string Join(string? path, string name) =>
        path is null ? YamlText.Shown(name) : $"{path}.{YamlText.Shown(name)}";

    private static string Words(IEnumerable<string> words) => string.Join(", ", words);
}
