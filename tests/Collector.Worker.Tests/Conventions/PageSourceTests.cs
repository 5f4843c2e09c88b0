using System.Text.RegularExpressions;
using Collector.Tests.Support;
using Collector.Worker.Agent;

namespace Collector.Worker.Tests.Conventions;

/// <summary>What the page's sources name by hand is there.</summary>
public sealed partial class PageSourceTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "web", "src");

    private static readonly string[] Sources =
    [
        .. Directory.GetFiles(Folder, "*.js*", SearchOption.AllDirectories).Select(File.ReadAllText),
    ];

    [Fact]
    public void Every_metric_that_the_page_names_is_in_the_catalogue()
    {
        var named = Sources.SelectMany(static s => Metrics().Matches(s)).Select(static m => m.Groups["name"].Value)
            .Distinct().ToArray();
        named.Length.ShouldBeGreaterThan(25);
        named.Except(NodeFactory.Catalogue.SelectMany(static p => p.AllMetrics).Select(static m => m.Name))
            .ShouldBeEmpty();
    }

    [Fact]
    public void Every_number_of_the_page_has_what_stands_behind_it()
    {
        var fields = Fields().Matches(File.ReadAllText(Path.Combine(Folder, "fields.js")))
            .Select(static m => m.Groups["name"].Value).ToArray();
        var used = Sources.SelectMany(static s => Uses().Matches(s)).Select(static m => m.Groups["name"].Value)
            .Distinct().ToArray();
        used.Length.ShouldBeGreaterThan(5);
        used.Except(fields).ShouldBeEmpty();
    }

    // Those of tags are attributes.
    [GeneratedRegex(@"(?<!tags\[)""(?<name>(netlens|system|process)\.[a-z0-9_.]+)""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Metrics();

    [GeneratedRegex(@"^  (?<name>\w+): \{$", RegexOptions.Multiline, 1000)]
    private static partial Regex Fields();

    [GeneratedRegex(@"field=""(?<name>\w+)""", RegexOptions.None, 1000)]
    private static partial Regex Uses();
}
