using System.Text;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Configuration.Import;

namespace Collector.Worker.Tests.Configuration;

/// <summary>Files of KubeSkoop and ACK Net Exporter: what comes of each key, and what is said of the others.</summary>
public sealed class ImportTests
{
    [Theory]
    [MemberData(nameof(ImportSamples.Shipped), MemberType = typeof(ImportSamples))]
    public void What_comes_of_a_file_that_they_ship_loads_and_is_complete(string sample, string[] on, string[] left)
    {
        var imported = Import(ImportSamples.Text(sample));
        var loaded = Load(imported.Text!);
        loaded.Errors.ShouldBeEmpty(imported.Text);
        loaded.Options!.Probes.Where(p => p.Value.Enabled).Select(p => p.Key)
            .Intersect(sample == "legacy" ? ProbeImport.Legacy : ProbeImport.Open).Order().ShouldBe(on.Order());
        foreach (var word in left)
            imported.Losses.ShouldContain(l => l.Contains(word, StringComparison.Ordinal), word);
        // Nothing vanishes: each name of the old file is in the new one, as a value's origin or among what is left.
        foreach (var name in ImportSamples.Text(sample).Split("name: ").Skip(1))
            imported.Text!.ShouldContain(string.Concat(name.TakeWhile(char.IsAsciiLetterOrDigit)));
    }

    [Fact]
    public void The_bundle_key_by_key()
    {
        var options = Load(Import(ImportSamples.Text("bundle")).Text!).Options!;
        options.Http.Listen.ShouldBe("0.0.0.0:9102");
        options.Logging.Level.ShouldBe(Microsoft.Extensions.Logging.LogLevel.Debug);
        options.Events.Json.ShouldBe("stdout");
        options.Prometheus.Naming.ShouldBe(MetricNaming.KubeSkoop);
        options.Probes["fd"].Enabled.ShouldBeFalse("KubeSkoop runs what is listed");
        options.Probes["icmp"].Enabled.ShouldBeTrue("only Netlens has it: its default");
    }

    [Fact]
    public void The_legacy_file_key_by_key()
    {
        var imported = Import(ImportSamples.Text("legacy"));
        var options = Load(imported.Text!).Options!;
        options.Prometheus.Naming.ShouldBe(MetricNaming.Inspector);
        options.Pods.Labels.ShouldBe(["app"]);
        var softirq = options.Probes["softirq"];
        softirq.Enabled.ShouldBeTrue("net_softirq is its old name");
        var vectors = NodeFactory.Catalogue.Single(p => p.Id == "softirq").Options.Single(o => o.Name == "vectors");
        softirq.Settings.Value(vectors).ShouldBe(new[] { "net_rx" });
        imported.Text!.ShouldContain("app (was application)");
        imported.Losses.ShouldContain(l => l.Contains("interval: 15") && l.Contains("never had an effect"));
    }

    [Fact]
    public void Keys_that_KubeSkoop_ignores_are_ignored_and_named()
    {
        var imported = Import(
            "debugmode: true\nport: 9102\nenable_controller: true\nmetrics: {probes: [{name: tcp, arg: 1}]}");
        Load(imported.Text!).Options!.Logging.Level.ShouldBe(Microsoft.Extensions.Logging.LogLevel.Information);
        imported.Losses.ShouldContain(l => l.StartsWith("f:1: debugmode: KubeSkoop ignores it"));
        imported.Losses.ShouldContain(l => l.StartsWith("f:3: enable_controller"));
        imported.Losses.ShouldContain(l => l.StartsWith("f:4: metrics.probes.arg"));
    }

    [Fact]
    public void Arguments_are_found_whatever_their_case()
    {
        var imported = Import("""
            metrics:
              probes:
              - {name: packetloss, args: {ENABLESTACK: true, deep: 1}}
              - {name: softirq, args: {SoftIRQ-Types: [net_rx, timer, bogus]}}
            """);
        imported.Text!.ShouldContain("packetloss: {stack: true}");
        imported.Text!.ShouldContain("softirq: {vectors: [net_rx, timer]}");
        imported.Losses.Count.ShouldBe(2);
        Load(imported.Text!).Errors.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("address: 127.0.0.1:9200", "127.0.0.1:9200")]
    [InlineData("address: tcp://:9200", "0.0.0.0:9200")]
    [InlineData("address: 'tcp://[::1]:9200'", "[::1]:9200")]
    [InlineData("{address: 'unix:///run/n.sock', port: 1}", "unix:/run/n.sock")]
    [InlineData("port: 10080", "0.0.0.0:10080")]
    public void It_listens_where_KubeSkoop_did(string keys, string listen)
    {
        var text = keys.StartsWith('{') ? keys.Replace("}", ", metrics: {}}") : keys + "\nmetrics: {}";
        Load(Import(text).Text!).Options!.Http.Listen.ShouldBe(listen);
    }

    [Fact]
    public void Of_two_targets_of_events_the_first_counts_and_the_other_is_named()
    {
        var imported = Import("""
            event:
              sinks:
              - {name: file, args: {path: /var/log/events.json}}
              - name: stderr
              - name: file
              - name: kafka
            """);
        Load(imported.Text!).Options!.Events.Json.ShouldBe("/var/log/events.json");
        imported.Losses.Count.ShouldBe(3);
    }

    [Fact]
    public void Labels_are_those_of_pods_and_the_rest_is_explained()
    {
        var imported = Import("""
            metrics:
              additionalLabels:
              - application=${labels:app.kubernetes.io/name}
              - both=${labels:a}-${labels:b}
              - cluster=prod
              - nothing
              - bad=${labels:not a key}
            """);
        imported.Losses.Count.ShouldBe(4, string.Join('\n', imported.Losses));
        var good = Import("metrics: {additionalLabels: ['a=${labels:x/y}', 'b=${labels:a}-${labels:b}']}");
        Load(good.Text!).Options!.Pods.Labels.ShouldBe(["x/y", "a", "b"]);
        good.Text!.ShouldContain("x_y (was a)");
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("collection: {interval: 15s}")]
    [InlineData("kind: ConfigMap\napiVersion: v1\ndata: {netlens.yaml: 'x: 1'}")]
    [InlineData("kind: ConfigMap\napiVersion: v1\ndata: {config.yaml: '[1'}")]
    [InlineData("metrics: {probes: *all}")]
    public void What_is_none_of_their_files_is_one_error(string text)
    {
        var imported = ConfigurationImport.Read("f", Encoding.UTF8.GetBytes(text), NodeFactory.Catalogue);
        imported.Text.ShouldBeNull();
        imported.Errors.ShouldHaveSingleItem().Place.ShouldStartWith("f");
    }

    [Theory]
    [InlineData("metrics: 5\nevent: [1]")]
    [InlineData("metrics: {probes: {tcp: true}, additionalLabels: x}\nevent: {sinks: [[a], {args: {}}, ~]}")]
    [InlineData("{port: 99999, address: [1], debugMode: {}, metrics: {probes: [{name: []}]}}")]
    [InlineData("metric_config: {expose_labels: [a, {}, {source: b}], probes: [{name: udp}], verbose: 'true'}")]
    [InlineData("agent: 1\nconfig: {metricProbes: 1, eventSinks: {}}")]
    public void What_does_not_fit_is_named_and_the_rest_still_loads(string text)
    {
        var imported = Import(text);
        imported.Losses.ShouldNotBeEmpty();
        if (!text.StartsWith("agent", StringComparison.Ordinal))
            Load(imported.Text!).Errors.ShouldBeEmpty(imported.Text);
    }

    [Fact]
    public void A_list_of_ConfigMaps_is_searched()
    {
        var text = "apiVersion: v1\nkind: List\nitems:\n- kind: ConfigMap\n  data: {other: x}\n- kind: ConfigMap\n"
            + "  metadata: {name: m}\n  data:\n    config.yaml: |\n      port: 1\n      metrics: {probes: [{name: tcp}]}\n";
        Import(text).Text!.ShouldContain("f, ConfigMap m, config.yaml");
    }

    private static ImportResult Import(string text)
    {
        var imported = ConfigurationImport.Read("f", Encoding.UTF8.GetBytes(text), NodeFactory.Catalogue);
        imported.Errors.ShouldBeEmpty();
        return imported;
    }

    private static ConfigurationResult Load(string text) =>
        ConfigurationLoader.Parse("new", Encoding.UTF8.GetBytes(text), _ => null, NodeFactory.Catalogue);
}
