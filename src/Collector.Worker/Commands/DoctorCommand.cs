using System.CommandLine;
using System.Diagnostics;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens doctor</c>: what this machine offers each probe, and why not.</summary>
internal static class DoctorCommand
{
    /// <param name="Probe">Probe id.</param>
    /// <param name="Enabled">Whether the configuration switches it on.</param>
    /// <param name="Verdict">ok, empty, partial, unavailable or failed.</param>
    /// <param name="Detail">Why, or what it found.</param>
    /// <param name="Series">Series of one collection.</param>
    /// <param name="Milliseconds">How long that collection took.</param>
    private sealed record Finding(
        string Probe, bool Enabled, string Verdict, string Detail, long Series, double Milliseconds);

    public static Command Create()
    {
        var config = CommonOptions.Config();
        var format = CommonOptions.Format("table", "json");
        var command = new Command(
            "doctor", "Try every probe on this machine and say what is missing.") { config, format };
        command.SetAction(parsed => Session.Guard(() =>
        {
            if (Session.Configure(parsed.GetValue(config))?.Options is not { } options)
                return ExitCodes.Configuration;
            var machine = MachineReport.Read(options.Paths);
            var findings = NodeFactory.Catalogue.Select(p => Examine(p.Id, options)).ToArray();
            if (parsed.GetValue(format) == "json")
                PrintJson(machine, findings);
            else
                Print(machine, findings);
            return findings.Any(f => f.Enabled && f.Verdict == "failed") ? ExitCodes.Failure : ExitCodes.Ok;
        }));
        return command;
    }

    // Each probe alone, twice: the first collection opens files, the second is what an interval costs.
    private static Finding Examine(string id, AgentOptions options)
    {
        var enabled = options.Probes.GetValueOrDefault(id)?.Enabled
            ?? NodeFactory.Catalogue.First(p => p.Id == id).EnabledByDefault;
        using var collector = Session.Collector(options, [id])!;
        collector.CollectOnce();
        var failedBefore = collector.ReadFailures().ToDictionary(f => f.Key.Reason, f => f.Value);
        var start = Stopwatch.GetTimestamp();
        collector.CollectOnce();
        var time = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        var runner = collector.Runners[0];
        var failures = string.Join(", ", collector.ReadFailures()
            .Select(f => (f.Key.Reason, First: failedBefore.GetValueOrDefault(f.Key.Reason), All: f.Value))
            .Select(f => $"{Output.Counted(Math.Max(f.First, f.All - f.First), "read")} failed: {f.Reason}"));
        return runner.State switch
        {
            ProbeState.Unavailable => new(id, enabled, "unavailable", runner.Reason, 0, time),
            ProbeState.Failed => new(id, enabled, "failed", runner.Reason, 0, time),
            _ when collector.Series == 0 && failures.Length > 0 => new(id, enabled, "unavailable", failures, 0, time),
            _ when collector.Series == 0 =>
                new(id, enabled, "empty", "the kernel has nothing to tell: its module is not loaded", 0, time),
            _ when failures.Length > 0 => new(id, enabled, "partial", failures, collector.Series, time),
            _ => new(id, enabled, "ok", "", collector.Series, time),
        };
    }

    private static void Print(MachineReport machine, Finding[] findings)
    {
        var facts = Output.Table("MACHINE", "");
        foreach (var (name, value) in machine.Facts)
            facts.Row(name, value);
        Output.Print(facts);
        Console.Out.WriteLine();
        var table = Output.Table("PROBE", "ON", "VERDICT", "SERIES", "MS", "WHY");
        foreach (var f in findings)
        {
            table.Row(f.Probe, f.Enabled ? "yes" : "no", f.Verdict, f.Series.ToString(),
                f.Milliseconds.ToString("F2"), f.Detail);
        }
        Output.Print(table);
        foreach (var problem in machine.Problems)
            Output.Error(problem);
    }

    private static void PrintJson(MachineReport machine, Finding[] findings) => Output.Json(json =>
    {
        json.WriteStartObject();
        json.WriteStartObject("machine");
        foreach (var (name, value) in machine.Facts)
            json.WriteString(name, value);
        json.WriteEndObject();
        json.WriteStartArray("problems");
        foreach (var problem in machine.Problems)
            json.WriteStringValue(problem);
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
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    });
}
