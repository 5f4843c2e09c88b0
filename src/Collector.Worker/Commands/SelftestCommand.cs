using System.CommandLine;
using System.Globalization;
using Collector.Core;
using Collector.Core.Probes;
using Collector.Linux.Findings.Faults;
using Collector.Worker.Configuration;
using Collector.Worker.Findings;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens selftest</c>: causes faults and shows what an agent says of them on this kernel.</summary>
internal static class SelftestCommand
{
    private const string All = "all";

    /// <summary>Some faults number what they send, and would have no number left.</summary>
    private const string Longest = "10m";

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
        var lasting = For();
        var format = CommonOptions.Format("table", "json");
        format.Aliases.Add("-o");
        var command = new Command(
            "selftest", "Cause faults in network namespaces of its own, and show what is seen of each on this kernel.")
        {
            config, inject, lasting, format,
        };
        command.SetAction(parsed =>
        {
            var wanted = parsed.GetValue(inject) ?? [];
            var json = parsed.GetValue(format) == "json";
            var duration = parsed.GetValue(lasting) is { } text ? DurationText.Parse(text) : TimeSpan.Zero;
            if (wanted.Length == 0)
                return List(json);
            return Session.Configure(parsed.GetValue(config))?.Options is { } options
                ? Session.Guard(() => Run(options, wanted, duration, json))
                : ExitCodes.Configuration;
        });
        return command;
    }

    private static Option<string?> For() => CommonOptions.Duration(
        new Option<string?>("--for")
        {
            Description = "Go on causing them for so long, such as 2m, also when they were found, to look at them "
                + $"elsewhere. At most {Longest}; of more than {FaultPair.MostBeside} faults each "
                + $"{FaultPair.MostBeside} in turn.",
        }, Longest, "30s or 2m");

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
        Output.Error("'netlens selftest --inject all' causes each of them between two network namespaces of its own");
        return ExitCodes.Ok;
    }

    private static int Run(AgentOptions options, string[] wanted, TimeSpan lasting, bool json)
    {
        using var signals = new StopSignals();
        using var selftest = new Selftest(options, events => Session.Collector(options, [], events: events)!)
        {
            Lasting = lasting,
        };
        var faults = AllFaults.List.Where(f => wanted.Contains(All) || wanted.Contains(f.Finding.Kind)).ToArray();
        var results = new List<SelftestResult>();
        foreach (var result in selftest.Run(faults, group => Tell(group, json), signals.Token))
            results.Add(result);
        if (json)
            SelftestJson.Write(results);
        else
            Print(results, Output.Screen);
        if (results.Count < faults.Length)
            Output.Error($"stopped: {faults.Length - results.Count} faults were not caused");
        return results.Count == faults.Length && !results.Exists(static r => r.Failed || r.IsUnfinished)
            ? ExitCodes.Ok
            : ExitCodes.Failure;
    }

    private static void Tell(IReadOnlyList<Fault> group, bool json)
    {
        if (!json && Output.Screen.IsTerminal)
            Output.Error($"causing {string.Join(", ", group.Select(static f => f.Finding.Kind))}");
    }

    internal static void Print(IReadOnlyList<SelftestResult> results, Screen screen)
    {
        var table = Output.Table("FAULT", "METRIC", "EVENT", "FOUND", "SEEN BY");
        foreach (var r in results)
        {
            table.Row(r.Fault.Finding.Kind, Time(r.Metric), r.Fault.Event is null ? "-" : Time(r.Event),
                Time(r.Finding), r.SeenBy);
        }
        screen.Print(table);
        foreach (var r in results.Where(static r => !r.Passed))
        {
            screen.Line();
            screen.Text($"{r.Fault.Finding.Kind} {Verdict(r)}", "  ");
        }
        screen.Line();
        screen.Text(Summary(results));
    }

    private static string Verdict(SelftestResult r) =>
        r.IsUnfinished ? "was not finished"
        : r.IsUnasked ? $"was not asked for: {Why(r)}"
        : r.IsBeyond ? $"cannot be shown: {Why(r)}"
        : $"was not shown as it should be: {Why(r)}";

    private static string Summary(IReadOnlyList<SelftestResult> results)
    {
        string Part(string what, Func<SelftestResult, bool> which) =>
            results.Count(which) is > 0 and var count ? $", {count} {what}" : "";
        return $"{Output.Counted(results.Count, "fault")}: {results.Count(static r => r.Passed)} shown"
            + Part("beyond this kernel", static r => r.IsBeyond) + Part("not asked for", static r => r.IsUnasked)
            + Part("not finished", static r => r.IsUnfinished) + Part("not shown", static r => r.Failed) + ".";
    }

    internal static string Why(SelftestResult r) =>
        r.Reason.Length > 0 ? r.Reason
        : r.Metric is null ? $"{r.Fault.Metric.Name} did not grow"
        : r.Finding is null ? "it was not found"
        : r.Others.Count > 0 ? $"something else was found: {string.Join(", ", r.Others)}"
        : r.Passed ? ""
        : $"no event {r.Fault.Event!.Name}";

    private static string Time(TimeSpan? time) =>
        time is { } t ? string.Create(CultureInfo.InvariantCulture, $"{t.TotalSeconds:0.0} s") : "no";
}
