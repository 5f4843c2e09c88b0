using System.Text.RegularExpressions;
using Collector.Linux.Findings;
using Collector.Tests.Support;

namespace Collector.Worker.Tests.Conventions;

/// <summary>docs/findings/guides.md: each guide's fault has its kind, and the test that causes it.</summary>
public sealed partial class GuideDocsTests
{
    private static readonly string Root = Repository.Root;

    private static readonly Guide[] Guides =
    [
        .. Rows().Matches(File.ReadAllText(Path.Combine(Root, "docs", "findings", "guides.md"))).Select(static m => new Guide(
            m.Groups["fault"].Value, m.Groups["kind"].Value, m.Groups["page"].Value, m.Groups["class"].Value,
            m.Groups["test"].Value)),
    ];

    [Fact]
    public void Every_row_names_a_kind_and_a_test_that_there_are()
    {
        var rows = File.ReadLines(Path.Combine(Root, "docs", "findings", "guides.md")).Count(static l => l.StartsWith('|'));
        Guides.Length.ShouldBe(rows - 2, "each row has a kind, its page and a test");
        var kinds = AllFindings.List.Select(static f => f.Info.Kind).ToHashSet();
        foreach (var guide in Guides)
        {
            kinds.ShouldContain(guide.Kind);
            guide.Page.ShouldBe($"{guide.Kind}.md");
            BodyOf(guide).ShouldNotBeNull($"{guide.Class}.{guide.Test}");
        }
    }

    /// <summary>The class of the rule, by which tests name the kind.</summary>
    [Fact]
    public void Every_test_expects_the_kind_of_its_row()
    {
        var classes = ClassesByKind();
        foreach (var guide in Guides)
            BodyOf(guide)!.ShouldContain($"{classes[guide.Kind]}.Kind", customMessage: $"{guide.Class}.{guide.Test}");
    }

    [Fact]
    public void Every_test_of_guides_is_in_the_table()
    {
        var tests = Methods().Matches(TextOf("GuideTests")!).Select(static m => m.Groups["name"].Value);
        tests.Except(Guides.Where(static g => g.Class == "GuideTests").Select(static g => g.Test)).ShouldBeEmpty();
    }

    private static Dictionary<string, string> ClassesByKind()
    {
        var classes = new Dictionary<string, string>();
        foreach (var file in Directory.GetFiles(
            Path.Combine(Root, "src", "Collector.Linux", "Findings"), "*.cs", SearchOption.AllDirectories))
        {
            foreach (Match rule in Rules().Matches(File.ReadAllText(file)))
                classes.Add(rule.Groups["kind"].Value, rule.Groups["class"].Value);
        }
        return classes;
    }

    private static string? TextOf(string @class) =>
        Path.Combine(Root, "tests", "Ebpf", "Findings", $"{@class}.cs") is var path && File.Exists(path)
            ? File.ReadAllText(path) : null;

    private static string? BodyOf(Guide guide)
    {
        var text = TextOf(guide.Class) ?? "";
        var start = text.IndexOf($"    public void {guide.Test}(", StringComparison.Ordinal);
        return start < 0 ? null : text[start..text.IndexOf("\n    }\n", start, StringComparison.Ordinal)];
    }

    [GeneratedRegex(
        @"^\| [^|]+ \| (?<fault>[^|]+) \| \[(?<kind>[a-z0-9-]+)\]\((?<page>[^)]+)\) \| (?<class>\w+)\.(?<test>\w+) \|$",
        RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Rows();

    [GeneratedRegex(
        @"sealed class (?<class>\w+)\(((?!sealed class).)*?Kind = ""(?<kind>[a-z0-9-]+)""",
        RegexOptions.Singleline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Rules();

    [GeneratedRegex(@"^    public void (?<name>\w+)\(", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Methods();

    private sealed record Guide(string Fault, string Kind, string Page, string Class, string Test);
}
