using System.Text.Json;
using System.Text.RegularExpressions;
using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Core.Subjects;
using Collector.Tests.Support;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;

namespace Backends.Tests.Dashboards;

/// <summary>otel-config/dashboards: what the generator makes, in the form that Grafana takes.</summary>
public sealed partial class DashboardDocsTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "otel-config", "dashboards");

    // Ids of Grafana's registry of value formats.
    private static readonly HashSet<string> Units = ["short", "percentunit", "s", "bytes", "Bps", "pps", "cps"];

    public static TheoryData<string> Ids => [.. AllDashboards.List.Select(d => d.Id)];

    [Fact]
    public void The_files_are_those_of_the_generator_and_there_are_no_others()
    {
        foreach (var dashboard in AllDashboards.List)
            Generated.Hold(Path.Combine(Folder, $"{dashboard.Id}.json"), DashboardJson.Write(dashboard));
        Directory.GetFiles(Folder).Select(f => Path.GetFileName(f))
            .ShouldBe(AllDashboards.List.Select(d => $"{d.Id}.json"), ignoreOrder: true);
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Panels_are_where_they_have_room_and_say_what_they_show(string id)
    {
        using var json = JsonDocument.Parse(TextOf(id));
        var root = json.RootElement;
        root.GetProperty("uid").GetString()!.Length.ShouldBeInRange(1, 40);
        var panels = root.GetProperty("panels").EnumerateArray().ToArray();
        panels.Select(p => p.GetProperty("id").GetInt32()).ShouldBeUnique();
        var taken = new HashSet<(int, int)>();
        foreach (var panel in panels)
        {
            var title = panel.GetProperty("title").GetString()!;
            var grid = panel.GetProperty("gridPos");
            int At(string name) => grid.GetProperty(name).GetInt32();
            (At("x") + At("w")).ShouldBeLessThanOrEqualTo(24, title);
            for (var x = At("x"); x < At("x") + At("w"); x++)
            {
                for (var y = At("y"); y < At("y") + At("h"); y++)
                    taken.Add((x, y)).ShouldBeTrue($"{title} covers another");
            }
            if (panel.GetProperty("type").GetString() == "row")
                continue;
            panel.GetProperty("description").GetString()!.ShouldNotBeEmpty(title);
            var unit = panel.GetProperty("fieldConfig").GetProperty("defaults").GetProperty("unit").GetString()!;
            Units.ShouldContain(unit, title);
            var targets = panel.GetProperty("targets").EnumerateArray().ToArray();
            targets.Length.ShouldBeInRange(1, 26, title);
            targets.Select(t => t.GetProperty("refId").GetString()).ShouldBeUnique();
            foreach (var part in targets.Append(panel))
            {
                part.GetProperty("datasource").GetProperty("uid").GetString().ShouldBe("${datasource}");
                part.GetProperty("datasource").GetProperty("type").GetString().ShouldBe("prometheus");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Every_variable_is_declared_and_used(string id)
    {
        var text = TextOf(id);
        using var json = JsonDocument.Parse(text);
        var declared = json.RootElement.GetProperty("templating").GetProperty("list").EnumerateArray()
            .Select(v => v.GetProperty("name").GetString()!).ToArray();
        declared.ShouldBeUnique();
        VariablePattern().Matches(text).Select(m => m.Groups["name"].Value)
            .Where(n => !n.StartsWith("__", StringComparison.Ordinal)).Distinct().ShouldBe(declared, ignoreOrder: true);
    }

    /// <summary>Grouping by a label that a series does not have gives data, and never what was meant.</summary>
    [Theory]
    [MemberData(nameof(Ids))]
    public void Every_label_is_one_that_the_metrics_of_its_query_have(string id)
    {
        var dashboard = AllDashboards.List.Single(d => d.Id == id);
        var naming = dashboard.ByNodeLabel ? MetricNaming.Otel : MetricNaming.KubeSkoop;
        var labels = LabelsByName(naming);
        foreach (var query in dashboard.Panels.SelectMany(p => p.Queries))
        {
            var names = labels.Keys.Where(n => Regex.IsMatch(
                query.Text, $@"\b{n}(_bucket)?\b", RegexOptions.None, TimeSpan.FromSeconds(1))).ToArray();
            // Figures of the agent are in no catalogue.
            if (names.Length == 0)
                continue;
            var known = names.SelectMany(n => labels[n]).Append("le").ToHashSet();
            Grouping().Matches(query.Text).SelectMany(m => m.Groups["labels"].Value.Split(", "))
                .Concat(Matcher().Matches(query.Text).Select(m => m.Groups["label"].Value))
                .Concat(LegendLabel().Matches(query.Legend).Select(m => m.Groups["label"].Value))
                .Where(l => l is not ("$nodelabel" or "__name__") && !known.Contains(l))
                .ShouldBeEmpty(query.Text);
        }
    }

    private static string TextOf(string id) => DashboardJson.Write(AllDashboards.List.Single(d => d.Id == id));

    private static Dictionary<string, HashSet<string>> LabelsByName(MetricNaming naming)
    {
        var subject = (naming == MetricNaming.Otel ? SubjectNaming.Otel : LegacySubjects.KubeSkoop).Keys
            .Select(k => PrometheusNames.Label(k.Key)).ToArray();
        var labels = new Dictionary<string, HashSet<string>>();
        foreach (var metric in NodeFactory.Catalogue.SelectMany(p => p.AllMetrics))
        {
            foreach (var name in PrometheusNames.Of(metric, naming))
            {
                var own = labels.TryGetValue(name.Name, out var known) ? known : labels[name.Name] = [.. subject];
                own.UnionWith(LabelsOf(metric));
            }
        }
        return labels;
    }

    private static IEnumerable<string> LabelsOf(Metric metric)
    {
        var tags = metric.Table.RowTags.SelectMany(t => new[] { t.Key, t.LegacyKey })
            .Concat(metric.Tags.Select(t => t.Key));
        return tags.Where(t => t is not null).Select(t => PrometheusNames.Label(t!));
    }

    [GeneratedRegex(@"\$\{?(?<name>\w+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex VariablePattern();

    [GeneratedRegex(@"\bby \((?<labels>[^)]+)\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Grouping();

    [GeneratedRegex(@"(?<label>[$\w]+)(=~|!=|!~|=)""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Matcher();

    [GeneratedRegex(@"\{\{(?<label>\w+)\}\}", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex LegendLabel();
}
