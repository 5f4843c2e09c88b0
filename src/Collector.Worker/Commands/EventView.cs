using System.CommandLine;
using Collector.Core.Events;
using Collector.Core.Probes;
using Collector.Worker.Agent;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Hosting;

namespace Collector.Worker.Commands;

/// <summary><c>netlens list events</c>: the kinds of events that probes report.</summary>
internal static class EventView
{
    public static Command Create()
    {
        var format = CommonOptions.Format("table", "json");
        var command = new Command(
            "events", "Every kind of event with its fields, the KubeSkoop types it leaves as, and its meaning.")
        { format };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(format) == "json")
                PrintJson(NodeFactory.Catalogue);
            else
                Print(NodeFactory.Catalogue);
            return ExitCodes.Ok;
        });
        return command;
    }

    internal static void Print(IReadOnlyList<ProbeInfo> catalogue)
    {
        var table = Output.Table("EVENT", "SEVERITY", "FIELDS", "KUBESKOOP TYPE", "REPORTED WHEN");
        foreach (var kind in catalogue.SelectMany(p => p.Events))
        {
            table.Row(kind.Name, Severity(kind), string.Join(' ', ShortKey.Of([.. kind.Fields.Select(f => f.Key)])),
                string.Join(' ', kind.LegacyTypes), kind.Description);
        }
        Output.Print(table);
    }

    internal static void PrintJson(IReadOnlyList<ProbeInfo> catalogue) => Output.Json(json =>
    {
        json.WriteStartArray();
        foreach (var (probe, kind) in catalogue.SelectMany(p => p.Events.Select(e => (p, e))))
        {
            json.WriteStartObject();
            json.WriteString("probe", probe.Id);
            json.WriteString("name", kind.Name);
            json.WriteString("severity", Severity(kind));
            json.WriteString("description", kind.Description);
            Output.WriteStrings(json, "fields", kind.Fields.Select(f => f.Key));
            Output.WriteStrings(json, "kubeskoop", kind.LegacyTypes);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    private static string Severity(EventInfo kind) => EventJson.Severity(kind.Severity);
}
