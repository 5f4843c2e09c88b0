namespace Collector.Worker.Configuration;

/// <summary>
/// One key of the file: everything the binder, the printer, the sample and the documentation need to know of it.
/// </summary>
/// <param name="path"><c>section.name</c>.</param>
/// <param name="description">One or two sentences.</param>
internal abstract class ConfigurationKey(string path, string description)
{
    public string Path { get; } = path;

    public string Section { get; } = path[..path.IndexOf('.', StringComparison.Ordinal)];

    public string Name { get; } = path[(path.IndexOf('.', StringComparison.Ordinal) + 1)..];

    public string Description { get; } = description;

    /// <summary>Environment variable that goes over the file, null where there is none of ours.</summary>
    public string? Variable { get; init; }

    /// <summary>KubeSkoop's variable for it: read where <see cref="Variable"/> is not set, with a warning.</summary>
    public string? OldVariable { get; init; }

    /// <summary>OTEL_* variables that go over the file where OTLP is resolved, the stronger first.</summary>
    public IReadOnlyList<string> StandardVariables { get; init; } = [];

    /// <summary>Shown in the sample file for a key that has no default.</summary>
    public string? Example { get; init; }

    public abstract string TypeName { get; }

    public abstract string Allowed { get; }

    /// <summary>As the file would write it; null when the key says nothing by default.</summary>
    public abstract string? Default { get; }

    /// <summary>True where it says the same in both.</summary>
    public abstract bool Same(AgentOptions a, AgentOptions b);
}

/// <summary>A key with a single value.</summary>
/// <param name="type">Its type.</param>
/// <param name="get">Its value in the options; null: not set.</param>
/// <param name="set">The options with the value replaced; given null only when the key may be left unset.</param>
internal sealed class ValueKey(
    string path,
    ValueType type,
    string description,
    Func<AgentOptions, object?> get,
    Func<AgentOptions, object?, AgentOptions> set) : ConfigurationKey(path, description)
{
    private static readonly AgentOptions Defaults = new();

    public ValueType Type => type;

    /// <summary>May be left empty (null), which is its default.</summary>
    public bool Optional => get(Defaults) is null;

    public override string TypeName => type.Name;

    public override string Allowed => type.Allowed;

    public override string? Default => Written(Defaults);

    public AgentOptions Set(AgentOptions options, object? value) => set(options, value);

    /// <summary>Its value as the file writes it.</summary>
    public string? Written(AgentOptions options) => get(options) is { } value ? type.ToYaml(value) : null;

    /// <summary>What may be shown of a value that holds a secret; null where all of it may.</summary>
    public string? Shown(AgentOptions options) => get(options) is { } value ? type.Shown(value) : null;

    public override bool Same(AgentOptions a, AgentOptions b) => Written(a) == Written(b);
}

/// <summary>A key whose value is a map of names to texts.</summary>
/// <param name="get">The map in the options.</param>
/// <param name="set">The options with the map replaced.</param>
internal sealed class MapKey(
    string path,
    string description,
    Func<AgentOptions, IReadOnlyDictionary<string, string>> get,
    Func<AgentOptions, IReadOnlyDictionary<string, string>, AgentOptions> set) : ConfigurationKey(path, description)
{
    /// <summary>What is wrong with a name, or "".</summary>
    public required Func<string, string> NameCheck { get; init; }

    public required Func<string, string> ValueCheck { get; init; }

    public required string Entries { get; init; }

    /// <summary>Names that differ only in case are the same.</summary>
    public bool IgnoreCase { get; init; }

    /// <summary>Values are never printed.</summary>
    public bool Secret { get; init; }

    public override string TypeName => "map";

    public override string Allowed => Entries;

    public override string? Default => null;

    public IReadOnlyDictionary<string, string> Get(AgentOptions options) => get(options);

    public override bool Same(AgentOptions a, AgentOptions b) => get(a).Count == get(b).Count
        && get(a).All(p => get(b).TryGetValue(p.Key, out var value) && value == p.Value);

    public AgentOptions Set(AgentOptions options, IReadOnlyDictionary<string, string> value) => set(options, value);
}
