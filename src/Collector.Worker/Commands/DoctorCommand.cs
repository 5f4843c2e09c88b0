using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Collector.Core;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Pods;
using Collector.Worker.Agent;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting;
using Collector.Worker.Watch;

namespace Collector.Worker.Commands;

/// <summary><c>netlens doctor</c>: what this machine offers each probe, and why not.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var config = CommonOptions.Config();
        var format = CommonOptions.Format("table", "json");
        var verbose = new Option<bool>("--verbose", "-v")
        {
            Description = "On a terminal, too, show series, times and every way to attach, as in a pipe.",
        };
        var command = new Command(
            "doctor", "Try every probe on this machine and say what is missing.") { config, format, verbose };
        command.SetAction(parsed => Session.Guard(() =>
        {
            if (Session.Configure(parsed.GetValue(config))?.Options is not { } options)
                return ExitCodes.Configuration;
            var machine = MachineReport.Read(options);
            var off = SwitchedOff(options);
            var findings = NodeFactory.Catalogue.Select(p => Examine(p.Id, options))
                .Select(f => off.TryGetValue(f.Probe, out var why) ? f with { Notes = [.. f.Notes, why] } : f)
                .ToArray();
            if (parsed.GetValue(format) == "json")
                PrintJson(machine, findings);
            else
                Print(machine, findings, parsed.GetValue(verbose));
            return findings.Any(f => f.Enabled && f.Verdict == "failed") ? ExitCodes.Failure : ExitCodes.Ok;
        }));
        return command;
    }

    /// <summary>What the running agent, if there is one, has switched off for its cost, with the reason.</summary>
    private static Dictionary<string, string> SwitchedOff(AgentOptions options)
    {
        var client = new AgentClient(null, new PeerOptions());
        using var status = client.TryGetAsync(options, "status").GetAwaiter().GetResult();
        return status is null ? [] : SwitchedOff(status.RootElement);
    }

    // Who answers may be an agent of another version, or none.
    internal static Dictionary<string, string> SwitchedOff(JsonElement status)
    {
        var off = new Dictionary<string, string>();
        foreach (var probe in StatusCommand.Items(status, "probes"))
        {
            if (StatusCommand.Text(probe, "state") == "off")
                off[StatusCommand.Text(probe, "id")] =
                    $"the running agent switched it off: {StatusCommand.Text(probe, "reason")}";
        }
        return off;
    }

    // Each probe alone, twice: the first collection opens files, the second is what an interval costs.
    private static DoctorFinding Examine(string id, AgentOptions options)
    {
        var enabled = options.Probes.GetValueOrDefault(id)?.Enabled
            ?? NodeFactory.Catalogue.First(p => p.Id == id).EnabledByDefault;
        // The runtime is asked once, for the machine; here only by the probe that tells about it.
        var alone = id == "pods"
            ? options
            : options with { Pods = options.Pods with { RuntimeEndpoint = PodOptions.None } };
        using var collector = Session.Collector(alone, [id])!;
        collector.CollectOnce();
        var failedBefore = collector.ReadFailures().ToDictionary(f => f.Key.Reason, f => f.Value);
        var start = Stopwatch.GetTimestamp();
        var figures = FiguresIn(collector.CollectOnce());
        var time = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        var runner = collector.Runners[0];
        var failures = string.Join(", ", collector.ReadFailures()
            .Select(f => (f.Key.Reason, First: failedBefore.GetValueOrDefault(f.Key.Reason), All: f.Value))
            .Select(f => $"{Output.Counted(Math.Max(f.First, f.All - f.First), "read")} failed: {f.Reason}"));
        var bpf = (collector.Node as LinuxNode)?.Host.Bpf;
        var ladder = bpf?.Reports.GetValueOrDefault(id);
        var finding = runner.State switch
        {
            ProbeState.Unavailable => new(id, enabled, "unavailable", runner.Reason, 0, time),
            ProbeState.Failed => new(id, enabled, "failed", runner.Reason, 0, time),
            _ when figures == 0 && failures.Length > 0 => new(id, enabled, "unavailable", failures, 0, time),
            _ when figures == 0 && OnceReport.IsOfKernel(runner.Info) =>
                new(id, enabled, "empty", OnceReport.NothingToTell, 0, time),
            _ when failures.Length > 0 => new(id, enabled, "partial", failures, collector.Series, time),
            _ => new DoctorFinding(id, enabled, "ok", "", collector.Series, time),
        };
        return finding with
        {
            Ladder = ladder,
            Parts = [.. collector.Node.Parts.Where(p => p.IsChosen)],
            Notes = [.. (bpf?.Notes ?? []).Select(n => n.Text), .. LeftOut(collector)],
        };
    }

    // Also those that leave under old names only.
    private static int FiguresIn(Snapshot snapshot) => snapshot.Tables.Where(t => !t.Info.SelfTelemetry)
        .Sum(t => t.Info.Metrics.Sum(m => t.Count - t.Column(m).Count(Metric.Absent)));

    // Namespaces that are left out are the machine's, and told once.
    private static IEnumerable<string> LeftOut(NodeCollector collector) => collector.Node.Limits
        .Where(l => l.LeftOut > 0 && !l.What.EndsWith("namespaces", StringComparison.Ordinal))
        .Select(l => l.ToString());

    private static void Print(MachineReport machine, DoctorFinding[] findings, bool verbose)
    {
        var screen = Output.Screen;
        new DoctorTable(screen, machine, findings).Print(whole: verbose || !screen.IsTerminal);
    }

    private static void PrintJson(MachineReport machine, DoctorFinding[] findings) => Output.Json(json =>
    {
        json.WriteStartObject();
        json.WriteStartObject("machine");
        foreach (var (name, value) in machine.Facts)
            json.WriteString(name, value);
        json.WriteEndObject();
        json.WriteStrings("problems", machine.Problems);
        json.WriteStartArray("parts");
        foreach (var part in DoctorTable.Parts(findings))
        {
            json.WriteStartObject();
            json.WriteString("part", part.Name);
            json.WriteString("source", part.Source);
            json.WriteString("reason", part.Reason);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("probes");
        foreach (var f in findings)
        {
            json.WriteStartObject();
            json.WriteString("probe", f.Probe);
            json.WriteBoolean("enabled", f.Enabled);
            json.WriteString("verdict", f.Verdict);
            json.WriteString("reason", f.Detail);
            json.WriteNumber("series", f.Series);
            json.WriteNumber("milliseconds", Math.Round(f.Milliseconds, 3));
            if (f.Ladder is { } ladder)
                HookJson.Write(json, ladder);
            json.WriteStrings("notes", f.Notes);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    });
}
