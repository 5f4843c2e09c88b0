using System.Text.RegularExpressions;
using Collector.Linux.Findings;
using Collector.Tests.Support;

namespace Collector.Worker.Tests.Conventions;

/// <summary>docs/symptoms.md: every kind of finding is led to by what people see of it.</summary>
public sealed partial class SymptomDocsTests
{
    [Fact]
    public void Every_kind_has_a_symptom_and_every_link_a_kind()
    {
        var links = Links().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "symptoms.md")));
        links.ShouldAllBe(static m => m.Groups["kind"].Value == m.Groups["page"].Value);
        var kinds = AllFindings.List.Select(static f => f.Info.Kind).ToArray();
        links.Select(static m => m.Groups["kind"].Value).Except(kinds).ShouldBeEmpty("they are no kinds");
        kinds.Except(links.Select(static m => m.Groups["kind"].Value)).ShouldBeEmpty("docs/symptoms.md has no row for them");
    }

    [GeneratedRegex(@"\[(?<kind>[a-z0-9-]+)\]\(findings/(?<page>[a-z0-9-]+)\.md\)", RegexOptions.None, 1000)]
    private static partial Regex Links();
}
