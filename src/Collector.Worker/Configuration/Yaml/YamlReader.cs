using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Collector.Worker.Configuration.Yaml;

/// <summary>
/// Text to nodes over the parser's events. Anchors, aliases and tags are refused (nothing here needs them, and alias
/// bombs end with that), nesting is bounded, and a second document is an error.
/// </summary>
internal sealed class YamlReader
{
    /// <summary>The schema needs four levels; more is a slip or an attack on the stack.</summary>
    private const int DeepestLevel = 16;

    private readonly Parser _parser;
    private int _depth;

    private YamlReader(string text) => _parser = new(new StringReader(text));

    /// <summary>Null for an empty file.</summary>
    /// <exception cref="YamlException">What is wrong, with its place.</exception>
    public static YamlNode? Read(string text) => new YamlReader(text).ReadStream();

    /// <summary>Every document of a text that may hold several.</summary>
    /// <exception cref="YamlException">What is wrong, with its place.</exception>
    public static IReadOnlyList<YamlNode> ReadAll(string text) => new YamlReader(text).ReadDocuments();

    private YamlNode? ReadStream()
    {
        Next();
        if (Next() is StreamEnd)
            return null;
        var root = Node(Next());
        Next();
        if (Next() is DocumentStart second)
            throw Error(second, "a second document begins here; allowed: one document in the file");
        return root;
    }

    private List<YamlNode> ReadDocuments()
    {
        Next();
        var roots = new List<YamlNode>();
        while (Next() is not StreamEnd)
        {
            roots.Add(Node(Next()));
            Next();
        }
        return roots;
    }

    private YamlNode Node(ParsingEvent found)
    {
        if (found is AnchorAlias)
            throw Error(found, "aliases (*name) are not supported; write the value out");
        if (found is NodeEvent { Anchor.IsEmpty: false })
            throw Error(found, "anchors (&name) are not supported; write the value out where it is needed");
        if (found is NodeEvent { Tag.IsEmpty: false })
            throw Error(found, "tags (!name) are not supported; write the plain value");
        var (line, column) = (found.Start.Line, found.Start.Column);
        return found switch
        {
            Scalar scalar => new YamlScalar(scalar.Value, scalar.Style != ScalarStyle.Plain, line, column),
            SequenceStart => new YamlSequence(Sequence(found), line, column),
            MappingStart => new YamlMapping(Mapping(found), line, column),
            _ => throw Error(found, "is not valid YAML here"),
        };
    }

    private List<YamlNode> Sequence(ParsingEvent start)
    {
        Descend(start);
        var items = new List<YamlNode>();
        for (var next = Next(); next is not SequenceEnd; next = Next())
            items.Add(Node(next));
        _depth--;
        return items;
    }

    private List<KeyValuePair<YamlNode, YamlNode>> Mapping(ParsingEvent start)
    {
        Descend(start);
        var entries = new List<KeyValuePair<YamlNode, YamlNode>>();
        for (var next = Next(); next is not MappingEnd; next = Next())
        {
            var key = Node(next);
            entries.Add(new(key, Node(Next())));
        }
        _depth--;
        return entries;
    }

    private void Descend(ParsingEvent start)
    {
        if (++_depth > DeepestLevel)
            throw Error(start, $"is nested more than {DeepestLevel} levels deep");
    }

    private ParsingEvent Next()
    {
        do
        {
            if (!MoveNext())
                throw new YamlException("the text ends too early");
        }
        while (_parser.Current is Comment);
        return _parser.Current!;
    }

    /// <summary>
    /// YamlDotNet 16.3 answers some malformed text ("...", "---" and a scalar after it) with other exceptions than its
    /// own; the property tests find them. They say the same: this text is not YAML.
    /// </summary>
    private bool MoveNext()
    {
        var (start, end) = (_parser.Current?.Start ?? Mark.Empty, _parser.Current?.End ?? Mark.Empty);
        try
        {
            return _parser.MoveNext();
        }
        catch (Exception e) when (e is not YamlException)
        {
            throw new YamlException(start, end, $"cannot be read after this place ({e.Message})", e);
        }
    }

    private static YamlException Error(ParsingEvent at, string problem) => new(at.Start, at.End, problem);
}
