using Collector.Core.Probes;
using Collector.Worker.Configuration.Yaml;

namespace Collector.Worker.Configuration.Import;

/// <summary>A value of the new file.</summary>
/// <param name="Path"><c>section.name</c>, of probes <c>probes.id</c>.</param>
/// <param name="Yaml">As the file writes it.</param>
/// <param name="Was">What it was made of.</param>
/// <param name="Note">What is different now; "" for nothing.</param>
internal sealed record ImportedValue(string Path, string Yaml, string Was, string Note);

/// <summary>What could not be taken over, and why.</summary>
internal sealed record ImportLoss(long Line, string What, string Why)
{
    public override string ToString() => $"{What}: {Why}";
}

/// <summary>The new file while it is being made, and what is not in it.</summary>
/// <param name="catalogue">Every probe there is.</param>
internal sealed class ImportDraft(IReadOnlyList<ProbeInfo> catalogue)
{
    private readonly List<ImportedValue> _values = [];
    private readonly List<ImportLoss> _losses = [];

    public IReadOnlyList<ProbeInfo> Catalogue => catalogue;

    public IReadOnlyList<ImportedValue> Values => _values;

    /// <summary>In the order of the old file.</summary>
    public IEnumerable<ImportLoss> Losses => _losses.OrderBy(l => l.Line);

    /// <summary>Whether there is such a key.</summary>
    public static bool Knows(string path) => KeyOf(path) is not null;

    /// <summary>Writes a key, or reports that there is none or that it does not take the text.</summary>
    public void Set(string path, string text, YamlNode from, string was, string note = "")
    {
        var problem = "";
        if (KeyOf(path) is not { } key)
            Leave(from, was, "has no equivalent in this version");
        else if (key.Type.Parse(text, out problem) is { } value)
            _values.Add(new(path, key.Type.ToYaml(value), YamlText.OneLine(was), note));
        else
            Leave(from, was, $"{path}: {problem}; allowed: {key.Allowed}");
    }

    public void SetProbe(string id, string yaml, string was, string note = "") =>
        _values.Add(new(ProbeDraft.Path(id), yaml, was, note));

    public void Leave(YamlNode from, string what, string why) =>
        _losses.Add(new(from.Line, YamlText.Shown(what), YamlText.OneLine(why)));

    private static ValueKey? KeyOf(string path) =>
        ConfigurationSchema.Keys.OfType<ValueKey>().FirstOrDefault(k => k.Path == path);
}
