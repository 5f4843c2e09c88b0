using System.CommandLine;
using Collector.Core.Compatibility;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Export.Prometheus;
using Collector.Worker.Export.Series;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens once</c>: one collection, printed.</summary>
internal static class OnceCommand
{
    public static Command Create()
    {
        var config = CommonOptions.Config();
        var format = CommonOptions.Format("table", "json", "prometheus", "otlp-json");
        var naming = CommonOptions.Naming(
            "Metric names: otel, kubeskoop (kubeskoop_*) or inspector (inspector_pod_*). "
            + "[default: prometheus.naming]");
        var probes = CommonOptions.Probes("Only these probes, also ones that are off by default.");
        var namespaces = CommonOptions.Namespaces();
        var pod = CommonOptions.Pod();
        var watch = CommonOptions.For();
        var all = new Option<bool>("--all")
        {
            Description = "In tables, show every series that is not 0. On a terminal, without a choice of probe, "
                + "namespace or pod, only those that tell of a fault are shown.",
        };
        var (replay, at) = (Replays.File(), Replays.At());
        var zeros = new Option<bool>("--zeros") { Description = "In tables, show series whose value is 0 as well." };
        var command = new Command(
            "once", "Collect once and print the numbers.")
        {
            config, format, naming, probes, namespaces, pod, watch, all, zeros, replay, at,
        };
        command.SetAction(parsed => Session.Guard(() =>
        {
            var loaded = Session.Configure(parsed.GetValue(config));
            if (loaded?.Options is not { } options)
                return ExitCodes.Configuration;
            var duration = DurationOf(parsed.GetValue(watch));
            var asked = parsed.GetValue(probes) ?? [];
            var wanted = parsed.GetValue(namespaces) ?? [];
            var one = parsed.GetValue(pod);
            var form = parsed.GetRequiredValue(format);
            var chosen = asked.Length > 0 || wanted.Length > 0 || one is not null;
            var detail = DetailOf(parsed.GetValue(zeros), parsed.GetValue(all) || chosen);
            var names = NamingOf(parsed.GetValue(naming), options);
            if (parsed.GetValue(replay) is { } file)
            {
                var choice = new Choice(asked, wanted, one, duration);
                return Replayed(file, parsed.GetValue(at), choice) is not { Snapshot: var then, Node: var node }
                    ? ExitCodes.Usage
                    : Print(new(then, names, WithNode(options, node)), form, detail);
            }
            using var collector = Session.Collector(options, asked, watching: duration > TimeSpan.Zero);
            if (collector is null)
                return ExitCodes.Usage;
            var snapshot = Session.Collect(collector, duration);
            if (!AllKnown(wanted, collector))
                return ExitCodes.Usage;
            var whole = snapshot;
            if (wanted.Length > 0)
                snapshot = SnapshotFilter.Keep(snapshot, wanted, HostOf(collector), TimeProvider.System);
            if (one is not null)
            {
                snapshot = SnapshotFilter.KeepPod(snapshot, one, TimeProvider.System);
                if (snapshot.Tables.Count == 0 && !IsPod(one, collector))
                {
                    Output.Error($"--pod: no figures of a pod '{one}' here; see 'netlens list pods'");
                    return ExitCodes.Usage;
                }
            }
            Print(new View(snapshot, names, options), form, detail);
            return new OnceReport(collector, asked, parsed.GetValue(watch)).Print(whole, snapshot);
        }));
        return command;
    }

    private static TimeSpan DurationOf(string? text) =>
        text is not null && DurationText.TryParse(text, out var value, out _) ? value : TimeSpan.Zero;

    private sealed record View(Snapshot Snapshot, MetricNaming Naming, AgentOptions Options)
    {
        public string Node { get; } = NodeName.Of(Options);
    }

    /// <summary>What of a recording is wanted.</summary>
    private sealed record Choice(string[] Probes, string[] Namespaces, string? Pod, TimeSpan Duration);

    private static AgentOptions WithNode(AgentOptions options, string node) => node.Length == 0
        ? options
        : options with { Resource = options.Resource with { NodeName = node } };

    /// <summary>A collection of a recording, and its node's name; null after a message where there is none.</summary>
    private static (Snapshot Snapshot, string Node)? Replayed(string path, string? at, Choice choice)
    {
        if (!Session.AllProbesKnown(choice.Probes) || Replays.Open(path) is not { } file
            || Replays.At(file, Replays.TimeOf(at), choice.Duration) is not { } snapshot)
            return null;
        if (choice.Probes.Length > 0)
            snapshot = SnapshotFilter.KeepProbes(snapshot, choice.Probes, TimeProvider.System);
        if (choice.Namespaces.Length > 0)
            snapshot = SnapshotFilter.Keep(snapshot, choice.Namespaces, HostOf(snapshot), TimeProvider.System);
        if (choice.Pod is { } pod)
            snapshot = SnapshotFilter.KeepPod(snapshot, pod, TimeProvider.System);
        if (snapshot.Tables.Count == 0)
            Output.Error("the recording has no figures of what was chosen");
        return (snapshot, file.Node);
    }

    private static NetNamespace HostOf(Snapshot snapshot) => snapshot.Tables
        .SelectMany(t => t.Rows.ToArray()).Select(r => r.Subject).OfType<NetNamespace>().FirstOrDefault(n => n.IsHost)
        ?? new NetNamespace(0, 0, isHost: true, 0);

    private static MetricNaming NamingOf(string? text, AgentOptions options) =>
        text is null ? options.Prometheus.Naming : Enum.Parse<MetricNaming>(text, ignoreCase: true);

    private static NetNamespace HostOf(NodeCollector collector) => collector.Node.Namespaces.First();

    // Somebody who reads along gets what he looks for; a script gets the same whatever the node has.
    private static OnceDetail DetailOf(bool zeros, bool whole) => zeros ? OnceDetail.All
        : whole || !Output.Screen.IsTerminal ? OnceDetail.NotZero
        : OnceDetail.Faults;

    private static bool IsPod(string name, NodeCollector collector) => collector.Node is LinuxNode linux
        && linux.Host.ListPods().Any(p => $"{p.Namespace}/{p.Name}" == name);

    private static bool AllKnown(string[] wanted, NodeCollector collector)
    {
        var known = collector.Node.Namespaces.ToArray();
        var host = HostOf(collector);
        var unknown = wanted.Where(w => !known.Any(n => SnapshotFilter.Fits(n, w, host))).ToArray();
        foreach (var name in unknown)
            Output.Error($"--netns: there is no network namespace '{name}' here; see 'netlens list namespaces'");
        return unknown.Length == 0;
    }

    private static int Print(View view, string format, OnceDetail detail)
    {
        switch (format)
        {
            case "json":
                OnceJson.Print(view.Snapshot, view.Naming, view.Node);
                break;
            case "prometheus":
                PrintPrometheus(view);
                break;
            case "otlp-json":
                using (var stdout = StandardWriter.OpenOutput())
                {
                    OtlpJsonWriter.Write(
                        stdout, view.Snapshot, ResourceOutput.Attributes(view.Options), AgentIdentity.Version);
                    stdout.Write("\n"u8);
                }
                break;
            default:
                new OnceTable(Output.Screen).Print(
                    SeriesReader.Read(view.Snapshot, view.Naming, view.Node), detail);
                break;
        }
        return ExitCodes.Ok;
    }

    private static void PrintPrometheus(View view)
    {
        using var page = new PooledPage();
        var tables = NodeFactory.Catalogue.SelectMany(p => p.AllTables);
        new PrometheusWriter(view.Node, tables)
            .Write(view.Snapshot, new PrometheusPageKind(view.Naming, PrometheusFormat.Text), page);
        using var stdout = StandardWriter.OpenOutput();
        page.CopyTo(stdout);
    }
}
