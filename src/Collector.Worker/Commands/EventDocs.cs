using System.Text;
using Collector.Core.Compatibility;
using Collector.Core.Probes;
using Collector.Worker.Events.Outlets;
using Collector.Worker.Export.Series;

namespace Collector.Worker.Commands;

/// <summary>The parts of docs/events.md that derive from the descriptors; a test holds the file to them.</summary>
internal static class EventDocs
{
    public const string Begin = "<!-- events: generated from the descriptors beside the probes -->";
    public const string End = "<!-- events: end -->";

    /// <summary>The common attributes, then every kind.</summary>
    public static string List(IEnumerable<ProbeInfo> catalogue)
    {
        var page = new StringBuilder("### Attributes\n\n| attribute | type | |\n|---|---|---|\n");
        foreach (var (key, type, meaning) in EventAttributes.Common)
            page.Append($"| `{key}` | {type} | {Cell(meaning)} |\n");
        page.Append("\n### Kinds\n\n");
        var kinds = catalogue.SelectMany(p => p.Events.Select(e => (Probe: p, Kind: e))).ToArray();
        if (kinds.Length == 0)
            return page.Append("No probe reports events yet.\n").ToString();
        page.Append("| event | probe | usual severity | own attributes | KubeSkoop type "
            + "| ACK Net Exporter's, if another | reported when |\n|---|---|---|---|---|---|---|\n");
        foreach (var (probe, kind) in kinds)
        {
            page.Append($"| `{kind.Name}` | {probe.Id} | {EventJson.Severity(kind.Severity)} ")
                .Append($"| {Names(kind.Fields.Select(f => f.Key))} | {Names(kind.KubeSkoopTypes())} ")
                .Append($"| {Names(kind.InspectorTypes())} ")
                .Append($"| {Cell(kind.Description)} |\n");
        }
        return page.ToString();
    }

    private static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(n => $"`{n}`"));

    private static string Cell(string text) => text.Replace("|", "\\|");
}
