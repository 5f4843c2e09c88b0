using System.Text.RegularExpressions;

namespace Collector.Worker.Tests.Conventions;

/// <summary>One file of C#, as far as it tells what it declares and what it names.</summary>
internal sealed partial class SourceFile
{
    private readonly string _body;

    /// <param name="path">Below the project, with slashes.</param>
    /// <param name="source">Its text.</param>
    public SourceFile(string path, string source)
    {
        Path = path;
        var code = CodeText.Of(source);
        Namespace = NamespaceLine().Match(code).Groups["name"].Value;
        Usings = [.. UsingLine().Matches(code).Select(m => m.Groups["name"].Value)];
        _body = NamespaceLine().Replace(UsingLine().Replace(code, ""), "");
        Types = [.. Declaration().Matches(TopLevel(_body)).Select(m => m.Groups["name"].Value).Distinct()];
        Extensions = [.. ExtensionMethod().Matches(_body).Select(m => m.Groups["name"].Value).Distinct()];
    }

    public string Path { get; }

    /// <summary>"" for the files at the root of the project.</summary>
    public string Folder => System.IO.Path.GetDirectoryName(Path)!.Replace('\\', '/');

    public string Namespace { get; }

    public IReadOnlyList<string> Usings { get; }

    /// <summary>
    /// The types that it declares. Nested ones are left out: whoever names one names the outer type, or derives from
    /// it.
    /// </summary>
    public IReadOnlyList<string> Types { get; }

    public IReadOnlyList<string> Extensions { get; }

    /// <summary>Names with the dots between them, as <c>Session</c>, <c>Commands.Session.FileOf</c>.</summary>
    public IEnumerable<string[]> Names() =>
        Chain().Matches(_body).Select(m => m.Value.Split('.', StringSplitOptions.TrimEntries));

    public IEnumerable<string> Calls() => Call().Matches(_body).Select(m => m.Groups["name"].Value);

    /// <summary>The namespaces whose names it sees without a using, the nearest first.</summary>
    public IEnumerable<string> Enclosing()
    {
        for (var name = Namespace; name.Length > 0; name = name[..Math.Max(0, name.LastIndexOf('.'))])
            yield return name;
    }

    private static string TopLevel(string code)
    {
        for (var before = ""; before != code;)
            (before, code) = (code, Braces().Replace(code, ";"));
        return code;
    }

    [GeneratedRegex(@"^\s*namespace\s+(?<name>[\w.]+)\s*;", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex NamespaceLine();

    // Those of a type (static, or with another name) stay in the body: they name it.
    [GeneratedRegex(
        @"^\s*(global\s+)?using\s+(?<name>[\w.]+)\s*;", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex UsingLine();

    [GeneratedRegex(@"\{[^{}]*\}", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Braces();

    // Not the constraints "where T : class".
    [GeneratedRegex(
        @"(?<![:,]\s*)\b(class|struct|interface|enum|record|record\s+struct|record\s+class)\s+(?<name>(?!struct|class)\w+)"
        + @"|\bdelegate\s[^;()]*?(?<name>\w+)\s*(<[^()]*>)?\s*\(", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Declaration();

    [GeneratedRegex(
        @"\bstatic\s[^;{}()=]*?\b(?<name>\w+)\s*(<[^<>()]*>)?\s*\(\s*this\s", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ExtensionMethod();

    // What is assigned or has a colon after it is a member, an argument or a label, and no type.
    [GeneratedRegex(
        @"(?<![\w.@]|\.\s+)[A-Za-z_]\w*(\s*\.\s*[A-Za-z_]\w*)*(?!\w)(?!\s*(=[^=>]|:[^:]))",
        RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Chain();

    [GeneratedRegex(@"\.\s*(?<name>[A-Za-z_]\w*)\s*(<[^<>()]*>)?\s*\(", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Call();
}
