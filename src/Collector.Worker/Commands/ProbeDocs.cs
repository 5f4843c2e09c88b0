using System.Text;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Common;
using Collector.Worker.Events.Outlets;

namespace Collector.Worker.Commands;

/// <summary>
/// The generated part of docs/probes/NAME.md; what stands behind it is written by hand. A test holds the files to it.
/// </summary>
internal static class ProbeDocs
{
    public const string End = "<!-- generated: end -->";

    private const string Begin = "<!-- generated from the descriptors beside the probe: UPDATE_DOCS=1 ./test Docs -->";

    /// <summary>What every page says by hand, in this order.</summary>
    public static IReadOnlyList<string> Headings { get; } =
        ["## What it proves", "## What it costs", "## What to do"];

    /// <param name="probe">The probe.</param>
    /// <param name="places">Where its programs go.</param>
    public static string Head(ProbeInfo probe, IReadOnlyList<ProbePlace> places)
    {
        var page = new StringBuilder($"# {probe.Id}\n\n{Begin}\n\n{probe.Description}\n\n");
        page.Append($"{(probe.EnabledByDefault ? "On" : "Off")} by default. Source: {probe.Source}.\n");
        Append(page, probe.Options);
        AppendMetrics(page, probe);
        AppendEvents(page, probe);
        Append(page, places, probe.Essential);
        return page.Append($"\n{End}\n").ToString();
    }

    /// <summary>The list of all pages.</summary>
    public static string Index(IEnumerable<ProbeInfo> catalogue)
    {
        var page = new StringBuilder("""
            # Probes

            Generated (`UPDATE_DOCS=1 ./test Docs` rewrites it). Each page says what a probe proves, what it costs, and
            what to do about what it finds.

            | probe | default | reads | |
            |---|---|---|---|

            """.ReplaceLineEndings("\n"));
        foreach (var probe in catalogue)
        {
            page.Append($"| [{probe.Id}]({probe.Id}.md) | {(probe.EnabledByDefault ? "on" : "off")} ")
                .Append($"| {(probe.Watches ? "by eBPF" : "files, sockets")} | {Cell(probe.Description)} |\n");
        }
        return page.ToString();
    }

    private static void Append(StringBuilder page, IReadOnlyList<ProbeOption> options)
    {
        if (options.Count == 0)
            return;
        page.Append("\n| option | default | allowed | |\n|---|---|---|---|\n");
        foreach (var option in options)
        {
            page.Append($"| `{option.Name}` | `{option.Default}` | {Cell(Configuration.ValueType.Of(option).Allowed)} ")
                .Append($"| {Cell(option.Description)} |\n");
        }
    }

    // Attributes and legacy names are in metrics.md: here a name stands once, whatever its attributes are.
    private static void AppendMetrics(StringBuilder page, ProbeInfo probe)
    {
        var metrics = probe.Metrics.Where(m => !m.Hidden).GroupBy(m => m.Name).ToArray();
        if (metrics.Length == 0)
            return;
        page.Append($"\n| metric ([with attributes and old names](../metrics.md#{probe.Id})) | kind | unit | |\n")
            .Append("|---|---|---|---|\n");
        foreach (var same in metrics)
        {
            var metric = same.First();
            page.Append($"| `{metric.Name}` | {MetricDocs.KindOf(metric)} | `{metric.Unit}` ")
                .Append($"| {(same.All(m => m.Optional) ? "*Optional.* " : "")}{Cell(metric.Description)} |\n");
        }
    }

    private static void AppendEvents(StringBuilder page, ProbeInfo probe)
    {
        if (probe.Events.Count == 0)
            return;
        page.Append("\n| event ([all](../events.md)) | usual severity | reported when |\n|---|---|---|\n");
        foreach (var kind in probe.Events)
            page.Append($"| `{kind.Name}` | {EventJson.Severity(kind.Severity)} | {Cell(kind.Description)} |\n");
    }

    private static void Append(StringBuilder page, IReadOnlyList<ProbePlace> places, bool essential)
    {
        if (places.Count == 0)
            return;
        page.Append("\nNeeds CAP_BPF and CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8) and the kernel's types "
            + "([ebpf.md](../ebpf.md)). ");
        page.Append(essential
            ? "`budget.cpu` never switches it off.\n"
            : "`budget.cpu` may switch it off ([ebpf.md](../ebpf.md#the-budget)).\n");
        page.Append("\n| sees | by, the best that the kernel has |\n|---|---|\n");
        foreach (var place in places)
        {
            page.Append($"| {Cell(place.Sees)}{(place.Optional ? " (may be missing)" : "")} ")
                .Append($"| {string.Join("; else ", place.Ways.Select(w => $"`{Cell(w)}`"))} |\n");
        }
    }

    private static string Cell(string text) => text.Replace("|", "\\|");
}
