using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Findings;
using Collector.Tests.Support;
using Collector.Worker.Commands;
using ValueType = Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Tests.Conventions;

/// <summary>The rules as they are described, and docs/findings: a page per kind, half of it derived.</summary>
public sealed class FindingDocsTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "docs", "findings");

    private static IEnumerable<FindingInfo> Catalogue => AllFindings.List.Select(f => f.Info);

    [Fact]
    public void Every_page_begins_with_what_the_rule_says()
    {
        foreach (var info in Catalogue)
        {
            var path = PathOf(info);
            var page = File.Exists(path) ? File.ReadAllText(path) : "";
            var end = page.IndexOf(FindingDocs.End, StringComparison.Ordinal);
            var own = end < 0 ? "\n" + page : page[(end + FindingDocs.End.Length + 1)..];
            Hold(path, FindingDocs.Head(info) + own);
        }
    }

    [Fact]
    public void Every_page_says_by_hand_what_it_means_what_looks_like_it_and_what_to_do()
    {
        foreach (var info in Catalogue)
        {
            var page = File.ReadAllText(PathOf(info));
            var own = page[page.IndexOf(FindingDocs.End, StringComparison.Ordinal)..];
            var at = FindingDocs.Headings.Select(h => own.IndexOf($"\n{h}\n", StringComparison.Ordinal)).ToArray();
            at.ShouldAllBe(i => i > 0, info.Kind);
            at.ShouldBeInOrder(SortDirection.Ascending, info.Kind);
            own.Length.ShouldBeGreaterThan(300, info.Kind);
        }
    }

    [Fact]
    public void The_list_in_Docs_has_every_page_and_there_are_no_others()
    {
        Hold(Path.Combine(Folder, "README.md"), FindingDocs.Index(Catalogue));
        Directory.GetFiles(Folder).Select(f => Path.GetFileNameWithoutExtension(f))
            .ShouldBe(["README", "guides", .. Catalogue.Select(i => i.Kind)], ignoreOrder: true);
    }

    [Fact]
    public void Kinds_are_words_with_hyphens_and_each_is_told_once()
    {
        Catalogue.Select(i => i.Kind).ShouldBeUnique();
        Catalogue.ShouldAllBe(i => i.Kind.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'));
        Catalogue.ShouldAllBe(i => i.Triggers.Count > 0);
        Catalogue.ShouldAllBe(i => !i.Title.EndsWith('.') && i.Condition.EndsWith('.') && i.Advice.EndsWith('.'));
        Catalogue.ShouldAllBe(i => i.Severity != EventSeverity.Info);
    }

    [Fact]
    public void A_trigger_of_some_values_names_a_tag_of_its_rows_or_a_field_of_its_event()
    {
        var some = Catalogue.SelectMany(static i => i.Triggers).Where(static t => t.Values.Count > 0).ToArray();
        some.ShouldContain(static t => t.Event != null);
        some.ShouldContain(static t => t.Metric != null);
        foreach (var trigger in some)
        {
            (trigger.Event is { } e ? e.Fields.Select(static f => f.Key)
                : trigger.Metric!.Table.RowTags.Select(static t => t.Key)).ShouldContain(trigger.Tag);
        }
    }

    [Fact]
    public void No_kind_explains_itself_or_one_that_explains_it()
    {
        foreach (var info in Catalogue)
        {
            info.Explains.ShouldNotContain(info);
            info.Explains.ShouldAllBe(k => !k.Explains.Contains(info), info.Kind);
            info.Explains.ShouldAllBe(k => Catalogue.Contains(k), info.Kind);
        }
    }

    [Fact]
    public void Thresholds_are_named_alike_have_a_reason_and_stand_in_the_condition()
    {
        foreach (var info in Catalogue)
        {
            info.Thresholds.Select(t => t.Name).ShouldBeUnique(info.Kind);
            foreach (var threshold in info.Thresholds)
            {
                var key = $"{info.Kind}.{threshold.Name}";
                threshold.Name.ShouldMatch("^[a-z][a-zA-Z]+$", key);
                threshold.Name.ShouldNotBe("enabled", key);
                threshold.Description.ShouldEndWith(".", Case.Sensitive, key);
                (threshold.Unit.Length > 0).ShouldBe(threshold.Kind != OptionKind.Duration, key);
                info.Condition.ShouldContain(threshold.InWords, Case.Sensitive, key);
                var type = ValueType.Of(threshold);
                type.Parse(threshold.Default, out var problem).ShouldBe(threshold.DefaultValue, problem);
                type.Parse(threshold.InWords.Replace(" min", "m").Replace(" ", ""), out _).ShouldNotBeNull(key);
            }
        }
        Catalogue.Count(i => i.Thresholds.Count > 0).ShouldBeGreaterThanOrEqualTo(60);
    }

    private static string PathOf(FindingInfo info) => Path.Combine(Folder, $"{info.Kind}.md");

    private static void Hold(string path, string expected)
    {
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, expected);
        }
        File.Exists(path).ShouldBeTrue(path);
        File.ReadAllText(path).ShouldBe(expected, $"UPDATE_DOCS=1 ./test Docs rewrites {path}");
    }
}
