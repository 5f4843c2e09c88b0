using System.CommandLine;
using System.Globalization;
using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Subjects;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Export.Series;
using Collector.Worker.Hosting;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary><c>netlens diag metric|event</c>: what inspector's did.</summary>
internal static class DiagCommand
{
    public static Command Create() => new(
        "diag", "As KubeSkoop's 'inspector diag': metrics once, or events as they happen.")
    {
        Metrics(), Events(),
    };

    private static Command Metrics()
    {
        var config = CommonOptions.Config();
        var probes = CommonOptions.Probes("Only these probes, with commas between them or one by one.");
        var watch = CommonOptions.For();
        var command = new Command(
            "metric", "Every number under KubeSkoop's name, with its network namespace, pod and probe.")
        {
            config, probes, watch,
        };
        command.SetAction(parsed => Session.Guard(() =>
        {
            var asked = InspectorWords.Split(parsed.GetValue(probes) ?? []);
            InspectorWords.Explain("diag metric", $"once --naming kubeskoop{Chosen(asked)}");
            if (Session.Configure(parsed.GetValue(config))?.Options is not { } options)
                return ExitCodes.Configuration;
            var duration = DurationText.TryParse(parsed.GetValue(watch) ?? "", out var value, out _) ? value : default;
            using var collector = Session.Collector(options, asked, watching: duration > TimeSpan.Zero);
            if (collector is null)
                return ExitCodes.Usage;
            var snapshot = Session.Collect(collector, duration);
            Print(Output.Screen, SeriesReader.Read(snapshot, MetricNaming.KubeSkoop, NodeName.Of(options)));
            return new OnceReport(collector, asked, parsed.GetValue(watch)).Print(snapshot, snapshot);
        }));
        return command;
    }

    internal static void Print(Screen screen, IEnumerable<SeriesPoint> series)
    {
        var probes = NodeFactory.Catalogue.SelectMany(p => p.AllMetrics.Select(m => (Metric: m, p.Id)))
            .DistinctBy(p => p.Metric).ToDictionary(p => p.Metric, p => p.Id);
        var table = Output.Table("METRIC", "VALUE", "NETNS", "POD", "NAMESPACE", "PROBE");
        foreach (var one in series.Where(s => s.Cells.Length == 0 && s.Metric.KubeSkoop.Contains(s.Name)))
        {
            var names = one.Row.Subject?.Names;
            table.Row(one.Name, Convert.ToString(one.Value, CultureInfo.InvariantCulture)!,
                one.Row.Subject is { Inode: > 0 } subject ? $"ns{subject.Inode}" : "-",
                names?.PodName ?? "-", names?.PodNamespace ?? "-",
                probes.GetValueOrDefault(one.Metric, one.Row.Table.Id.Split('.')[0]));
        }
        screen.Print(table);
    }

    private static Command Events()
    {
        var config = CommonOptions.Config();
        var probes = CommonOptions.Probes("Only events of these probes, with commas between them or one by one.");
        var command = new Command(
            "event", "Events as they happen: time, KubeSkoop's type, pod, what happened.") { config, probes };
        var peers = new PeerArguments();
        peers.AddTo(command);
        command.SetAction(parsed =>
        {
            var asked = InspectorWords.Split(parsed.GetValue(probes) ?? []);
            InspectorWords.Explain("diag event", $"watch{Chosen(asked)}");
            return WatchCommand.Run(new()
            {
                Config = parsed.GetValue(config), Form = WatchForm.Diag, Peers = peers.Read(parsed),
                Query = new([.. WatchOptions.Filters("probe", asked)], null),
            });
        });
        return command;
    }

    private static string Chosen(string[] probes) => probes.Length == 0 ? "" : $" --probe {string.Join(' ', probes)}";
}
