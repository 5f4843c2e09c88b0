using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Collector.Core;
using Collector.Linux.Findings.Faults;
using Collector.Worker.Findings;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens selftest</c>: causes faults and shows what an agent says of them on this kernel.</summary>
internal static class SelftestCommand
{
    private const string All = "all";

    public static Command Create()
    {
        var config = CommonOptions.Config();
        var kinds = AllFaults.List.Select(f => f.Finding.Kind).ToArray();
        var inject = CommonOptions.OneOf(
            new Option<string[]>("--inject", "-i")
            {
                Description = "The faults to cause, by the kind of their finding, or all. Without it they are listed.",
                HelpName = "KIND",
                AllowMultipleArgumentsPerToken = true,
            }, [All, .. kinds]);
        var format = CommonOptions.Format("table", "json");
        format.Aliases.Add("-o");
        var command = new Command(
            "selftest", "Cause faults in network namespaces of its own, and show what is seen of each on this kernel.")
        {
            config, inject, format,
        };
        command.SetAction(parsed =>
        {
            var wanted = parsed.GetValue(inject) ?? [];
            var json = parsed.GetValue(format) == "json";
            if (wanted.Length == 0)
                return List(json);
            return Session.Configure(parsed.GetValue(config))?.Options is { } options
                ? Session.Guard(() => Run(options, wanted, json))
                : ExitCodes.Configuration;
        });
        return command;
    }

    private static int List(bool json)
    {
        if (json)
        {
            Output.Json(writer =>
            {
                writer.WriteStartArray();
                foreach (var fault in AllFaults.List)
                {
                    writer.WriteStartObject();
                    writer.WriteString("kind", fault.Finding.Kind);
                    writer.WriteString("how", fault.How);
                    writer.WriteEndObject();
                }
                writer.WriteEndArray();
            });
            return ExitCodes.Ok;
        }
        var table = Output.Table("FAULT", "HOW IT IS CAUSED");
        foreach (var fault in AllFaults.List)
            table.Row(fault.Finding.Kind, fault.How);
        Output.Print(table);
        Output.Error("'netlens selftest --inject all' causes each of them in a network namespace of its own");
        return ExitCodes.Ok;
    }

    private static int Run(Configuration.AgentOptions options, string[] wanted, bool json)
    {
        using var signals = new StopSignals();
        using var selftest = new Selftest(options, events => Session.Collector(options, [], events: events)!);
        var faults = AllFaults.List.Where(f => wanted.Contains(All) || wanted.Contains(f.Finding.Kind)).ToArray();
        var results = new List<SelftestResult>();
        foreach (var fault in faults)
        {
            if (signals.Token.IsCancellationRequested)
                break;
            if (!json && Output.Screen.IsTerminal)
                Output.Error($"{fault.Finding.Kind}: {fault.How}");
            results.Add(selftest.Run(fault, signals.Token));
        }
        if (json)
            Output.Json(writer => Write(writer, results));
        else
            Print(results);
        if (results.Count < faults.Length)
            Output.Error($"stopped: {faults.Length - results.Count} faults were not caused");
        return results.Count == faults.Length && results.TrueForAll(r => r.Passed) ? ExitCodes.Ok : ExitCodes.Failure;
    }

    private static void Print(List<SelftestResult> results)
    {
        var table = Output.Table("FAULT", "METRIC", "EVENT", "FOUND", "SEEN BY");
        foreach (var r in results)
        {
            table.Row(r.Fault.Finding.Kind, Time(r.Metric), r.Fault.Event is null ? "-" : Time(r.Event),
                Time(r.Finding), r.Hooks);
        }
        var screen = Output.Screen;
        screen.Print(table);
        foreach (var r in results.Where(r => !r.Passed))
        {
            screen.Line();
            screen.Text($"{r.Fault.Finding.Kind} was not shown as it should be: {Why(r)}", "  ");
        }
    }

    private static string Why(SelftestResult r) =>
        r.Hooks.StartsWith("it could not", StringComparison.Ordinal) ? r.Hooks
        : r.Metric is null ? $"{r.Fault.Metric.Name} did not grow"
        : r.Finding is null ? "it was not found"
        : r.Others.Count > 0 ? $"something else was found: {string.Join(", ", r.Others)}"
        : $"no event {r.Fault.Event!.Name} ({r.Hooks})";

    private static string Time(TimeSpan? time) =>
        time is { } t ? string.Create(CultureInfo.InvariantCulture, $"{t.TotalSeconds:0.0} s") : "no";

    private static void Write(Utf8JsonWriter json, List<SelftestResult> results)
    {
        json.WriteStartArray();
        foreach (var r in results)
        {
            json.WriteStartObject();
            json.WriteString("fault", r.Fault.Finding.Kind);
            json.WriteString("how", r.Fault.How);
            json.WriteBoolean("passed", r.Passed);
            json.WriteString("metric", r.Fault.Metric.Name);
            Write(json, "metric_seconds", r.Metric);
            json.WriteString("event", r.Fault.Event?.Name);
            Write(json, "event_seconds", r.Event);
            Write(json, "finding_seconds", r.Finding);
            json.WriteString("sentence", r.Sentence);
            json.WriteStrings("other_findings", r.Others);
            json.WriteString("seen_by", r.Hooks);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, string name, TimeSpan? time)
    {
        if (time is { } t)
            json.WriteNumber(name, Math.Round(t.TotalSeconds, 2));
        else
            json.WriteNull(name);
    }
}
