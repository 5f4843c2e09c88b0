namespace Collector.Worker.Configuration.Yaml;

/// <summary>A node of the file with the place where it begins; lines and columns count from 1.</summary>
internal abstract record YamlNode(long Line, long Column)
{
    /// <summary>What it is, for "is a list".</summary>
    public abstract string Kind { get; }
}

/// <param name="Text">Its value, unquoted.</param>
/// <param name="Quoted">Written in quotes or as a block: never null, even when empty.</param>
internal sealed record YamlScalar(string Text, bool Quoted, long Line, long Column) : YamlNode(Line, Column)
{
    public bool IsNull => !Quoted && (Text is "" or "~" or "null");

    public override string Kind => IsNull ? "empty" : "a single value";
}

internal sealed record YamlSequence(IReadOnlyList<YamlNode> Items, long Line, long Column) : YamlNode(Line, Column)
{
    public override string Kind => "a list";
}

/// <param name="Entries">In the order of the file, duplicates included.</param>
internal sealed record YamlMapping(
    IReadOnlyList<KeyValuePair<YamlNode, YamlNode>> Entries, long Line, long Column) : YamlNode(Line, Column)
{
    public override string Kind => "a map";
}
