using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration.Import;

/// <summary>
/// A map of an imported file. Whoever has an equivalent takes an entry; the rest is reported at the end.
/// </summary>
/// <param name="map">Its entries.</param>
/// <param name="path">Its own dotted key; "" for the file itself.</param>
/// <param name="draft">Where what does not fit is reported.</param>
/// <param name="ignoreCase">Names that differ only in case are the same.</param>
internal sealed class ImportMap(YamlMapping map, string path, ImportDraft draft, bool ignoreCase = false)
{
    private readonly HashSet<YamlNode> _taken = new(ReferenceEqualityComparer.Instance);

    public bool Has(string name) => map.Entries.Any(e => e.Key is YamlScalar key && key.Text == name);

    /// <summary>An entry's value; null where it is not there or says nothing.</summary>
    public YamlNode? Take(string name)
    {
        var comparison = ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        foreach (var (key, value) in map.Entries)
        {
            if (key is not YamlScalar { Text: var text } || !string.Equals(text, name, comparison) || !_taken.Add(key))
                continue;
            return value is YamlScalar { IsNull: true } ? null : value;
        }
        return null;
    }

    public YamlScalar? Text(string name) => Take(name) switch
    {
        null => null,
        YamlScalar text => text,
        var other => Wrong<YamlScalar>(other, name, "a single value"),
    };

    /// <summary>False where it is not there, too.</summary>
    public bool Switch(string name) => Text(name) is { Text: "true" or "True" or "TRUE" };

    public ImportMap? Map(string name) => Take(name) switch
    {
        null => null,
        YamlMapping found => new ImportMap(found, PathOf(name), draft, ignoreCase),
        var other => Wrong<ImportMap>(other, name, "a map"),
    };

    public IReadOnlyList<YamlNode> List(string name) => Take(name) switch
    {
        null => [],
        YamlSequence list => list.Items,
        var other => Wrong<IReadOnlyList<YamlNode>>(other, name, "a list") ?? [],
    };

    /// <summary>Reports what nobody has taken.</summary>
    public void LeaveRest(string why)
    {
        foreach (var (key, _) in map.Entries.Where(e => !_taken.Contains(e.Key)))
            draft.Leave(key, PathOf(key is YamlScalar { Text: var name } ? name : key.Kind), why);
    }

    public string PathOf(string name) => path.Length == 0 ? name : $"{path}.{name}";

    private T? Wrong<T>(YamlNode node, string name, string wanted) where T : class
    {
        draft.Leave(node, PathOf(name), $"is {node.Kind}, not {wanted}");
        return null;
    }
}
