using System.Text;
using Collector.Core.Compatibility;
using Collector.Core.Metrics;
using Collector.Core.Probes;

namespace Collector.Worker.Commands;

/// <summary>docs/metrics.md, derived from the descriptors; a test holds the file to it.</summary>
internal static class MetricDocs
{
    public static string Page(IEnumerable<ProbeInfo> catalogue)
    {
        var page = new StringBuilder("""
        # Metrics

        Generated from the descriptors beside the probes (`UPDATE_DOCS=1 ./test Docs` rewrites it). Names are those of
        OpenTelemetry; how they look in Prometheus and under the KubeSkoop namings is in [prometheus.md](prometheus.md).
        *Optional* metrics are exported with `include: all` only. A statistic that the kernel does not have is absent.

        """.ReplaceLineEndings("\n"));
        foreach (var probe in catalogue)
            Append(page, probe);
        return page.ToString();
    }

    private static void Append(StringBuilder page, ProbeInfo probe)
    {
        page.Append($"\n## {probe.Id}\n\n{probe.Description} Source: {probe.Source}. ")
            .Append(probe.EnabledByDefault ? "On by default. " : "Off by default. ")
            .Append($"[What it proves, what it costs, what to do](probes/{probe.Id}.md).\n");
        if (probe.Options.Count > 0)
        {
            page.Append("\n| option | default | allowed | |\n|---|---|---|---|\n");
            foreach (var option in probe.Options)
                page.Append($"| `{option.Name}` | `{option.Default}` | {string.Join(", ", option.Allowed)} ")
                    .Append($"| {Cell(option.Description)} |\n");
        }
        foreach (var table in probe.Tables)
            Append(page, table);
    }

    private static void Append(StringBuilder page, TableInfo table)
    {
        var scope = table.Scope == RowScope.Node ? "One row for the node" : "One row per network namespace";
        var tags = table.RowTags.Count > 0 ? $" and {string.Join(", ", table.RowTags.Select(t => $"`{t.Key}`"))}" : "";
        page.Append(
            $"\n{scope}{tags}.\n\n| metric | attributes | kind | unit | KubeSkoop | ACK Net Exporter | meaning |\n");
        page.Append("|---|---|---|---|---|---|---|\n");
        Append(page, table.Metrics);
        foreach (var view in LegacyViews.Of(table).Select(v => v.Table))
        {
            if (view.RowTags.SequenceEqual(table.RowTags))
                Append(page, view.Metrics);
            else
                Append(page, view);
        }
    }

    private static void Append(StringBuilder page, IReadOnlyList<Metric> metrics)
    {
        foreach (var metric in metrics)
        {
            var name = metric.Hidden ? "(legacy only)" : $"`{metric.Name}`";
            page.Append($"| {name} | {string.Join(", ", metric.Tags.Select(t => $"{t.Key}={t.Value}"))} ")
                .Append(
                    $"| {KindOf(metric)} | `{metric.Unit}` | {Names(metric.KubeSkoop)} | {Names(metric.Inspector)} ")
                .Append($"| {(metric.Optional ? "*Optional.* " : "")}{Cell(metric.Description)} |\n");
        }
    }

    /// <summary>A metric's kind in one word, for documents and lists.</summary>
    internal static string KindOf(Metric metric) => metric.Kind.ToString().ToLowerInvariant();

    private static string Names(IReadOnlyList<string> names) => string.Join(", ", names.Select(n => $"`{n}`"));

    private static string Cell(string text) => text.Replace("|", "\\|");
}
