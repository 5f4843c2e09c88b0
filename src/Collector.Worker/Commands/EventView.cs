using System.CommandLine;
using Collector.Core;
using Collector.Core.Compatibility;
using Collector.Core.Events;
using Collector.Core.Probes;
using Collector.Worker.Agent;
using Collector.Worker.Configuration;
using Collector.Worker.Events;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Export.Otlp;
using Collector.Worker.Hosting;
using Collector.Worker.Recorder;

namespace Collector.Worker.Commands;

/// <summary><c>netlens list events</c>: the kinds of events that probes report, and where they go.</summary>
internal static class EventView
{
    public static Command Create()
    {
        var config = CommonOptions.Config();
        var format = CommonOptions.Format("table", "json");
        var command = new Command(
            "events", "Every kind of event: where it goes by this configuration, its fields, old types, and meaning.")
        { config, format };
        command.SetAction(parsed =>
        {
            if (Session.Configure(parsed.GetValue(config))?.Options is not { } options)
                return ExitCodes.Configuration;
            var errors = new List<string>();
            var otlp = OtlpSettings.Resolve(options, Environment.GetEnvironmentVariable, errors);
            errors.ForEach(Output.Error);
            if (errors.Count > 0)
                return ExitCodes.Configuration;
            var settings = new OutletSettings(options, otlp, null, AgentIdentity.Version, new EventRing());
            if (parsed.GetValue(format) == "json")
                PrintJson(settings);
            else
                Print(settings);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static void Print(OutletSettings settings)
    {
        var table = Output.Table("EVENT", "SEVERITY", "GOES TO", "FIELDS", "KUBESKOOP TYPE", "REPORTED WHEN");
        foreach (var (probe, kind) in Kinds())
        {
            var where = WhyNot(settings.Options, probe) is { } why ? $"nowhere: {why}"
                : Outlets(settings, probe, kind) is { Length: > 0 } outlets ? string.Join(' ', outlets)
                : "nowhere";
            table.Row(kind.Name, EventJson.Severity(kind.Severity), where,
                string.Join(' ', ShortKey.Of([.. kind.Fields.Select(f => f.Key)])),
                string.Join(' ', kind.KubeSkoopTypes()), kind.Description);
        }
        Output.Print(table);
        Console.WriteLine();
        Console.WriteLine(Output.Printable(AllOutlets.Goes(settings)));
    }

    private static void PrintJson(OutletSettings settings) => Output.Json(json =>
    {
        json.WriteStartArray();
        foreach (var (probe, kind) in Kinds())
        {
            json.WriteStartObject();
            json.WriteString("probe", probe.Id);
            json.WriteString("name", kind.Name);
            json.WriteString("severity", EventJson.Severity(kind.Severity));
            json.WriteString("description", kind.Description);
            json.WriteBoolean("reported", WhyNot(settings.Options, probe) is null);
            json.WriteStrings("outlets", Outlets(settings, probe, kind));
            json.WriteStrings("fields", kind.Fields.Select(f => f.Key));
            json.WriteStrings("kubeskoop", kind.KubeSkoopTypes());
            json.WriteStrings("inspector", kind.InspectorTypes());
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private static IEnumerable<(ProbeInfo Probe, EventInfo Kind)> Kinds() =>
        NodeFactory.Catalogue.SelectMany(p => p.Events.Select(e => (p, e)));

    private static string[] Outlets(OutletSettings settings, ProbeInfo probe, EventInfo kind) =>
        WhyNot(settings.Options, probe) is not null
            ? []
            : [.. AllOutlets.Asked(settings).Where(o => o.Takes?.Invoke(kind) ?? true).Select(o => o.Name)];

    private static string? WhyNot(AgentOptions options, ProbeInfo probe) =>
        !options.Events.Enabled ? "events are off"
        : !(options.Probes.GetValueOrDefault(probe.Id)?.Enabled ?? probe.EnabledByDefault) ? "the probe is off"
        : null;
}
