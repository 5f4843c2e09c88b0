using System.Text;
using Collector.Core.Findings;
using Collector.Core.Metrics;
using Collector.Worker.Events.Outlets;
using ValueType = Collector.Worker.Configuration.ValueType;

namespace Collector.Worker.Commands;

/// <summary>
/// The generated part of docs/findings/KIND.md; what stands behind it is written by hand. A test holds the files to it.
/// </summary>
internal static class FindingDocs
{
    public const string End = ProbeDocs.End;

    private const string Begin = "<!-- generated from the rule: UPDATE_DOCS=1 ./test Docs -->";

    /// <summary>What every page says by hand, in this order.</summary>
    public static IReadOnlyList<string> Headings { get; } =
        ["## What it means", "## What else looks like it", "## What to do"];

    public static string Head(FindingInfo info)
    {
        var page = new StringBuilder($"# {info.Kind}\n\n{Begin}\n\n{info.Title}. Severity: ")
            .Append($"{EventJson.Severity(info.Severity)}.\n\n{info.Condition}\n\n{info.Advice}\n");
        Append(page, info);
        if (info.Blind.Length > 0)
            page.Append($"\nNot on every kernel: {info.Blind}\n");
        page.Append("\n| looked at when | |\n|---|---|\n");
        foreach (var trigger in info.Triggers)
            page.Append($"| {Describe(trigger)} |\n");
        Append(page, "evidence", info.Evidence.Select(m => $"`{m.Name}`{Tags(m)}").Distinct());
        Append(page, "explains", info.Explains.Select(k => $"[{k.Kind}]({k.Kind}.md)"));
        return page.Append($"\n{End}\n").ToString();
    }

    /// <summary>The list of all pages.</summary>
    public static string Index(IEnumerable<FindingInfo> catalogue)
    {
        var page = new StringBuilder("""
            # Findings

            Generated (`UPDATE_DOCS=1 ./test Docs` rewrites it). What `netlens why` can name: each page says what it
            means, what else looks like it, and what to do. [From a guide's symptom to a finding](guides.md) begins with
            what people see. `findings:` in the [configuration](../configuration.md#findings) switches kinds off and
            sets their thresholds.

            | kind | severity | |
            |---|---|---|

            """.ReplaceLineEndings("\n"));
        foreach (var info in catalogue)
        {
            page.Append($"| [{info.Kind}]({info.Kind}.md) | {EventJson.Severity(info.Severity)} ")
                .Append($"| {info.Title} |\n");
        }
        return page.ToString();
    }

    private static string Describe(FindingTrigger trigger) => trigger switch
    {
        { Event: { } e } => $"`{e.Name}`{Rows(trigger)} | happens",
        { Limit: { } limit } => $"`{trigger.Metric!.Name}`{Tags(trigger.Metric)} | is {trigger.Least / 10.0:0.#} % of "
            + $"`{limit.Name}` or more",
        { OfLevel: true } => $"`{trigger.Metric!.Name}`{Tags(trigger.Metric)} | is {Value(trigger)} or more",
        _ => $"`{trigger.Metric!.Name}`{Tags(trigger.Metric)}{Rows(trigger)} | grows by {Value(trigger)} or more",
    };

    private static string Value(FindingTrigger trigger) => FormattableString.Invariant(
        $"{Metric.Scaled(trigger.Least, trigger.Metric!.Scale):0.######}");

    private static string Rows(FindingTrigger trigger) =>
        trigger.Values.Count == 0 ? "" : $" ({string.Join(", ", trigger.Values)})";

    private static string Tags(Metric metric) =>
        metric.Tags.Count == 0 ? "" : $" ({string.Join(", ", metric.Tags.Select(t => t.Value.Text))})";

    private static void Append(StringBuilder page, FindingInfo info)
    {
        if (info.Thresholds.Count == 0)
        {
            page.Append("\nIt has no thresholds; `findings: {").Append(info.Kind).Append(": off}` switches it off.\n");
            return;
        }
        page.Append($"\n| `findings.{info.Kind}` | default | allowed | of what | why |\n|---|---|---|---|---|\n");
        foreach (var threshold in info.Thresholds)
        {
            page.Append($"| `{threshold.Name}` | `{threshold.Default}` | {ValueType.Of(threshold).Allowed} ")
                .Append($"| {threshold.Unit} | {threshold.Description} |\n");
        }
    }

    private static void Append(StringBuilder page, string what, IEnumerable<string> items)
    {
        var list = string.Join(", ", items);
        if (list.Length > 0)
            page.Append($"\n{char.ToUpperInvariant(what[0])}{what[1..]}: {list}.\n");
    }
}
