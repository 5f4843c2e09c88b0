using System.Diagnostics;
using Collector.Core.Identity;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;
using Collector.Worker.Tests.Support;

namespace Collector.Worker.Tests.Export.Prometheus;

/// <summary>Prometheus' own checker reads our pages.</summary>
public sealed class PromtoolTests
{
    [ToolFact("promtool")]
    public void A_page_in_otel_naming_is_lint_clean() =>
        Check(PrometheusSnapshotFixture.Page(new PrometheusSnapshotFixture().CollectGolden(), MetricNaming.Otel))
            .ShouldBe((0, ""));

    // A row per table with every cell set: what the machine has does not matter.
    [ToolFact("promtool")]
    public void Every_metric_of_the_catalogue_is_lint_clean()
    {
        var page = PrometheusSnapshotFixture.Page(CollectCatalogue(), MetricNaming.Otel);
        page.Split('\n').Count(l => l.StartsWith("# TYPE", StringComparison.Ordinal)).ShouldBeGreaterThan(50);
        Check(page).ShouldBe((0, ""));
    }

    [Theory]
    [InlineData(MetricNaming.Otel)]
    [InlineData(MetricNaming.KubeSkoop)]
    [InlineData(MetricNaming.Inspector)]
    public void No_two_metrics_of_the_catalogue_clash(MetricNaming naming) =>
        new PrometheusCatalogue(Tables, naming).Conflicts.ShouldBeEmpty();

    // promtool's parser accepts the page; what it says about missing _total is the price of the old names.
    [ToolFact("promtool")]
    public void Legacy_pages_are_valid()
    {
        foreach (var naming in (MetricNaming[])[MetricNaming.KubeSkoop, MetricNaming.Inspector])
            Check(PrometheusSnapshotFixture.Page(CollectCatalogue(), naming))
                .Errors.ShouldNotContain("error while linting");
    }

    private static IEnumerable<TableInfo> Tables => NodeFactory.Catalogue.SelectMany(p => p.Tables);

    private static Snapshot CollectCatalogue()
    {
        var ns = new NetNamespace(4026532001, 1, false, 1, new("blue"));
        return new PrometheusSnapshotFixture().Collect(b =>
        {
            foreach (var table in Tables)
            {
                var tags = table.RowTags.Select(t => new TagValue(t.Key)).ToArray();
                var row = b.Append(new Row(table, table.Scope is RowScope.Node ? null : ns, 1, tags));
                for (var column = 0; column < table.Width; column++)
                    row.Set(column, column + 1);
            }
        });
    }

    private static (int Code, string Errors) Check(string page)
    {
        using var promtool = Process.Start(new ProcessStartInfo(
            ToolFactAttribute.Find("promtool")!, ["check", "metrics"])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        var errors = promtool.StandardError.ReadToEndAsync();
        var output = promtool.StandardOutput.ReadToEndAsync();
        promtool.StandardInput.Write(page);
        promtool.StandardInput.Close();
        promtool.WaitForExit();
        return (promtool.ExitCode, errors.GetAwaiter().GetResult() + output.GetAwaiter().GetResult());
    }
}
