using System.CommandLine;
using Collector.Core;
using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Worker.Agent;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens list probes|metrics|events|namespaces|pods</c>.</summary>
internal static class ListCommand
{
    public static Command Create() => new("list", "List probes, metrics, events, network namespaces or pods.")
    {
        Probes(), Metrics(), EventView.Create(), Namespaces(), PodView.Create(),
        InspectorLists.Entities(), InspectorLists.Metrics(), InspectorLists.Events(), InspectorLists.Probes(),
    };

    private static Command Probes()
    {
        var format = CommonOptions.Format("table", "json");
        var command = new Command("probes", "Every probe, whether it is on by default, and its options.") { format };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(format) == "json")
                PrintProbesJson();
            else
                PrintProbes();
            return ExitCodes.Ok;
        });
        return command;
    }

    private static void PrintProbes()
    {
        var table = Output.Table("PROBE", "DEFAULT", "METRICS", "WHAT IT TELLS");
        foreach (var probe in NodeFactory.Catalogue)
        {
            table.Row(probe.Id, probe.EnabledByDefault ? "on" : "off", probe.AllMetrics.Count().ToString(),
                WhatItTells(probe));
        }
        Output.Print(table);
    }

    private static string WhatItTells(Core.Probes.ProbeInfo probe) => probe.Options.Count == 0
        ? probe.Description
        : $"{probe.Description} Options: {string.Join(", ", probe.Options.Select(NameAndDefault))}.";

    private static string NameAndDefault(Core.Probes.ProbeOption option) =>
        option.Default.Length > 0 ? $"{option.Name}={option.Default}" : option.Name;

    private static void PrintProbesJson() => Output.Json(json =>
    {
        json.WriteStartArray();
        foreach (var probe in NodeFactory.Catalogue)
        {
            json.WriteStartObject();
            json.WriteString("id", probe.Id);
            json.WriteString("description", probe.Description);
            json.WriteString("source", probe.Source);
            json.WriteBoolean("enabledByDefault", probe.EnabledByDefault);
            json.WriteStartArray("options");
            foreach (var option in probe.Options)
            {
                json.WriteStartObject();
                json.WriteString("name", option.Name);
                json.WriteString("default", option.Default);
                json.WriteString("description", option.Description);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private static Command Metrics()
    {
        var format = CommonOptions.Format("table", "json");
        var probes = CommonOptions.Probes("Only the metrics of these probes.");
        var naming = CommonOptions.Naming("Whose old names to show beside ours: kubeskoop, inspector (those of ACK Net "
            + "Exporter), or otel for none. [default: kubeskoop]");
        var command = new Command(
            "metrics", "Every metric with its unit, kind, old names and meaning.") { format, probes, naming };
        command.SetAction(parsed =>
        {
            var wanted = parsed.GetValue(probes) ?? [];
            if (!Session.AllProbesKnown(wanted))
                return ExitCodes.Usage;
            var infos = NodeFactory.Catalogue.Where(p => wanted.Length == 0 || wanted.Contains(p.Id)).ToArray();
            if (parsed.GetValue(format) == "json")
                PrintMetricsJson(infos);
            else
                PrintMetrics(infos, parsed.GetValue(naming) ?? "kubeskoop");
            return ExitCodes.Ok;
        });
        return command;
    }

    private const string WithAll = "With 'include: all' of its probe: ";

    private static void PrintMetrics(Core.Probes.ProbeInfo[] probes, string naming)
    {
        Func<Metric, IReadOnlyList<string>>? oldNames = naming switch
        {
            "kubeskoop" => static m => m.KubeSkoop,
            "inspector" => static m => m.Inspector,
            _ => null,
        };
        string[] headings = oldNames is null ? [] : [$"{naming.ToUpperInvariant()} NAME"];
        var table = Output.Table(["METRIC", "KIND", "UNIT", "ATTRIBUTES", .. headings, "MEANING"]);
        foreach (var metric in probes.SelectMany(p => p.AllMetrics))
        {
            string[] names = oldNames is null ? [] : [string.Join(' ', oldNames(metric))];
            table.Row([
                metric.Hidden ? "(old name only)" : metric.Name, MetricDocs.KindOf(metric), metric.Unit,
                AttributesOf(metric), .. names, metric.Optional ? $"{WithAll}{metric.Description}" : metric.Description,
            ]);
        }
        Output.Print(table);
    }

    private static string AttributesOf(Metric metric)
    {
        var rows = metric.Table.RowTags.Select(t => t.Key).ToArray();
        var names = ShortKey.Of([.. rows, .. metric.Tags.Select(t => t.Key)]).ToArray();
        return string.Join(' ', names[..rows.Length]
            .Concat(names[rows.Length..].Zip(metric.Tags, (name, tag) => $"{name}={tag.Value}")));
    }

    private static void PrintMetricsJson(Core.Probes.ProbeInfo[] probes) => Output.Json(json =>
    {
        json.WriteStartArray();
        foreach (var (probe, metric) in probes.SelectMany(p => p.AllMetrics.Select(m => (p, m))))
        {
            json.WriteStartObject();
            json.WriteString("probe", probe.Id);
            json.WriteString("name", metric.Hidden ? "" : metric.Name);
            json.WriteString("unit", metric.Unit);
            json.WriteString("kind", MetricDocs.KindOf(metric));
            json.WriteString("description", metric.Description);
            json.WriteString("scope", metric.Table.Scope == RowScope.Node ? "node" : "namespace");
            json.WriteBoolean("optional", metric.Optional);
            json.WriteStrings("rowAttributes", metric.Table.RowTags.Select(t => t.Key));
            json.WriteStartObject("attributes");
            foreach (var tag in metric.Tags)
                json.WriteString(tag.Key, tag.Value.Text);
            json.WriteEndObject();
            json.WriteStrings("kubeskoop", metric.KubeSkoop);
            json.WriteStrings("inspector", metric.Inspector);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private static Command Namespaces()
    {
        var config = CommonOptions.Config();
        var format = CommonOptions.Format("table", "json");
        var command = new Command(
            "namespaces", "The network namespaces of this node and how they are held.") { config, format };
        command.SetAction(parsed => Session.Guard(() =>
        {
            if (Session.Configure(parsed.GetValue(config))?.Options is not { } options)
                return ExitCodes.Configuration;
            using var node = NodeFactory.Create(options.Paths, pods: options.Pods, limits: options.Limits);
            Session.StartPods(node);
            var rows = NamespaceView.Read(node);
            if (parsed.GetValue(format) == "json")
                NamespaceView.PrintJson(rows);
            else
                NamespaceView.Print(Output.Screen, rows);
            if (node.UnreadableNamespaces > 0)
                Output.Error($"{node.UnreadableNamespaces} more could not be opened; see 'netlens doctor'");
            foreach (var limit in node.Limits.Where(l => l.LeftOut > 0))
                Output.Error(limit.ToString());
            return ExitCodes.Ok;
        }));
        return command;
    }
}
