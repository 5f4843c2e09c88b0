using Backends.Tests.Dashboards;
using Collector.Tests.Support;

namespace Backends.Tests.Alerts;

/// <summary>otel-config/alerts: what the generator makes, and what Prometheus and VictoriaMetrics make of it.</summary>
public sealed class AlertDocsTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "otel-config", "alerts");

    private static readonly string[] Forms =
    [
        "NetlensAcceptQueueOverflow", "NetlensConnectsFastBurn", "NetlensUdpReceiveSlowBurn", "NetlensRetransmissions",
        "NetlensConntrackNearlyFull", "NetlensSilent", "NetlensEventsLost",
    ];

    [Fact]
    public void The_files_are_those_of_the_generator_and_there_are_no_others()
    {
        Generated.Hold(Path.Combine(Folder, "netlens.rules.yaml"), AlertYaml.Rules());
        Generated.Hold(Path.Combine(Folder, "netlens.tests.yaml"), AlertYaml.Tests());
        Directory.GetFiles(Folder).Select(f => Path.GetFileName(f))
            .ShouldBe(["netlens.rules.yaml", "netlens.tests.yaml"], ignoreOrder: true);
    }

    [Fact]
    public void There_is_one_per_kind_of_finding_that_is_an_error_and_each_leads_to_a_page()
    {
        var alerts = AllAlerts.Groups.SelectMany(g => g.Alerts).ToArray();
        alerts.Select(a => a.Name).ShouldBeUnique();
        AllAlerts.Errors.Count.ShouldBeGreaterThan(35);
        AllAlerts.Errors.Select(AllAlerts.NameOf).ShouldBeSubsetOf(alerts.Select(a => a.Name));
        alerts.Where(a => !File.Exists(Path.Combine(Repository.Root, "docs", a.Page))).ShouldBeEmpty();
    }

    [DebianTheory("promtool", "sid")]
    [InlineData("check", "rules", "--lint-fatal", "netlens.rules.yaml")]
    [InlineData("test", "rules", "netlens.tests.yaml")]
    public void Promtool_takes_them_and_each_fires_with_its_fault_and_not_without(params string[] arguments) =>
        Run(Tool("promtool", "sid", "promtool"), arguments);

    // It takes a second for each: one of each form.
    [DebianTheory("victoria-metrics", "trixie")]
    [InlineData("vmalert", "-dryRun", "-rule=netlens.rules.yaml")]
    [InlineData("vmalert-tool", "unittest", "-disableAlertgroupLabel", "-files=netlens.few.yaml")]
    public void VictoriaMetrics_takes_them_and_one_of_each_form_fires_with_its_fault_and_not_without(
        string tool, params string[] arguments) => Run(Tool("victoria-metrics", "trixie", tool), arguments);

    private static string Tool(string package, string suite, string name)
    {
        var fetch = Path.Combine(Repository.Root, "tools", "debian-package");
        return Path.Combine(Shell.Run(fetch, package, suite).Trim(), "usr/bin", name);
    }

    private static void Run(string tool, string[] arguments)
    {
        var folder = Directory.CreateTempSubdirectory("netlens-alerts-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "netlens.rules.yaml"), AlertYaml.Rules());
            File.WriteAllText(Path.Combine(folder.FullName, "netlens.tests.yaml"), AlertYaml.Tests());
            var few = AllAlerts.Groups.SelectMany(g => g.Alerts).Where(a => Forms.Contains(a.Name)).ToArray();
            few.Length.ShouldBe(Forms.Length);
            File.WriteAllText(Path.Combine(folder.FullName, "netlens.few.yaml"), AlertYaml.Tests(few));
            var here = Path.Combine(folder.FullName, "netlens.");
            var (code, output, error) = Shell.Try(
                [tool, .. arguments.Select(a => a.Replace("netlens.", here, StringComparison.Ordinal))]);
            code.ShouldBe(0, output + error);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
