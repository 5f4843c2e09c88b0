using System.CommandLine;
using Collector.Core.Compatibility;
using Collector.Core.Probes;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary>The lists of inspector, by its words: they are in no help, and say what they are called here.</summary>
internal static class InspectorLists
{
    public static Command Metrics() => Flat("metric", "list metrics",
        p => p.AllMetrics.SelectMany(m => m.KubeSkoop).Distinct());

    public static Command Events() => Flat("event", "list events", p => p.Events
        .SelectMany(e => e.KubeSkoopTypes() is { Count: > 0 } types ? types : [e.Name]).Distinct());

    public static Command Probes() => Flat("probe", "list probes", p => [p.Id]);

    public static Command Entities()
    {
        var config = CommonOptions.Config();
        var verbose = new Option<bool>("-v", "--verbose");
        var command = new Command("entity") { config, verbose };
        command.Hidden = true;
        command.SetAction(parsed => Session.Guard(() =>
        {
            InspectorWords.Explain("list entity", "netlens list pods");
            if (Session.Configure(parsed.GetValue(config))?.Options is not { } options)
                return ExitCodes.Configuration;
            using var node = NodeFactory.Create(options.Paths, pods: options.Pods, limits: options.Limits);
            Session.StartPods(node);
            Print(Output.Screen, node, parsed.GetValue(verbose));
            return ExitCodes.Ok;
        }));
        return command;
    }

    // Without -a those of probes that are on by default, with -p those of the probes named.
    private static Command Flat(string word, string here, Func<ProbeInfo, IEnumerable<string>> lines)
    {
        var probes = new Option<string[]>("-p", "--probe") { AllowMultipleArgumentsPerToken = true };
        var all = new Option<bool>("-a", "--all");
        var verbose = new Option<bool>("-v", "--verbose");
        var command = new Command(word) { probes, all, verbose };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            InspectorWords.Explain($"list {word}", $"netlens {here}");
            var asked = InspectorWords.Split(parsed.GetValue(probes) ?? []);
            if (!Session.AllProbesKnown(asked))
                return ExitCodes.Usage;
            foreach (var line in NodeFactory.Catalogue.Where(p => asked.Length > 0
                ? asked.Contains(p.Id)
                : parsed.GetValue(all) || p.EnabledByDefault).SelectMany(lines))
                Console.WriteLine(line);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static void Print(Screen screen, INode node, bool verbose)
    {
        string[] more = verbose ? ["IP", "SANDBOX", "NSINUM"] : [];
        var table = Output.Table(["NETNS", "POD", "NAMESPACE", "PID", .. more]);
        var host = NamespaceView.Read(node).FirstOrDefault(n => n.IsHost)?.Inode ?? 0;
        table.Row(["host", "-", "-", "1", .. verbose ? (string[])["-", "-", $"{host}"] : []]);
        foreach (var pod in node is LinuxNode linux ? linux.Host.ListPods() : [])
        {
            var inode = pod.HostNetwork ? host : pod.Netns;
            string[] wide = verbose ? [Or(string.Join(' ', pod.Addresses)), Or(pod.Sandbox), $"{inode}"] : [];
            table.Row([
                pod.HostNetwork ? "host" : $"ns{inode}", Or(pod.Name), Or(pod.Namespace),
                pod.Pids.Count > 0 ? $"{pod.Pids[0]}" : "-", .. wide,
            ]);
        }
        screen.Print(table);
    }

    private static string Or(string text) => text.Length > 0 ? text : "-";
}
