using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Collector.Linux.Findings.Faults;
using Collector.Tests.Support;

namespace Collector.Worker.Tests.Conventions;

/// <summary>docs/evidence.md: what a selftest saw of each fault on which kernel, made of what it printed.</summary>
public sealed partial class EvidenceDocsTests
{
    private static readonly string Docs = Path.Combine(Repository.Root, "docs");

    private static readonly IReadOnlyList<Run> Runs =
    [
        .. Directory.GetFiles(Path.Combine(Docs, "evidence"), "*.json").Select(static f => new Run(f))
            .OrderBy(static r => r.Version),
    ];

    [Fact]
    public void The_page_says_what_the_runs_saw()
    {
        var path = Path.Combine(Docs, "evidence.md");
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, Page());
        File.ReadAllText(path).ShouldBe(Page(), $"UPDATE_DOCS=1 ./test Docs rewrites {path}");
    }

    [Fact]
    public void Every_fault_was_caused_and_none_was_missed()
    {
        var kinds = AllFaults.List.Select(static f => f.Finding.Kind).ToArray();
        Runs.SelectMany(static r => r.Faults.Keys).Distinct().ShouldBe(kinds, ignoreOrder: true);
        foreach (var run in Runs)
        {
            run.Faults.Where(static f => Text(f.Value, "result") == "failed").Select(static f => f.Key)
                .ShouldBeEmpty(run.Kernel);
        }
    }

    private static string Page()
    {
        var page = new StringBuilder($"""
            # Evidence

            Generated (`UPDATE_DOCS=1 ./test Docs` rewrites it) from what `netlens selftest --inject all -o json`
            printed on these kernels: {string.Join(", ", Runs.Select(Link))}. Each fault was really caused, between
            two namespaces that the command makes; the times are seconds since its group of up to twelve was begun,
            until its finding stood. All of it on your own kernel takes less than three minutes and leaves nothing
            behind.

            ## Which fault shows by what, on which kernel

            | fault | how it is caused | metric | event | {string.Join(" | ", Runs.Select(static r => r.Short))} |
            |---|---|---|---|{string.Concat(Enumerable.Repeat("---|", Runs.Count))}

            """.ReplaceLineEndings("\n"));
        foreach (var fault in AllFaults.List)
        {
            page.Append($"| [{fault.Finding.Kind}](findings/{fault.Finding.Kind}.md) | {fault.How} ")
                .Append($"| `{fault.Metric.Name}` | {(fault.Event is { } e ? $"`{e.Name}`" : "")} |");
            foreach (var run in Runs)
                page.Append($" {Outcome(run.Faults.GetValueOrDefault(fault.Finding.Kind))} |");
            page.Append('\n');
        }
        page.Append("\n## What is said, and by which hook it is seen\n");
        foreach (var fault in AllFaults.List)
            AppendWords(page, fault.Finding.Kind);
        AppendBeyond(page);
        return page.ToString();
    }

    private static string Link(Run run) => $"[{run.Kernel}](evidence/{run.Kernel}.json)";

    private static string Outcome(JsonElement fault) =>
        fault.ValueKind == JsonValueKind.Undefined ? "not tried"
        : Text(fault, "result") != "shown" ? "[no](#what-a-kernel-cannot-show)"
        : string.Create(CultureInfo.InvariantCulture, $"{fault.GetProperty("finding_seconds").GetDouble():0.0} s");

    // The newest kernel's words; hooks of each, those that have the same ones together.
    private static void AppendWords(StringBuilder page, string kind)
    {
        var seen = Runs.Where(r => r.Faults.ContainsKey(kind) && Text(r.Faults[kind], "result") == "shown").ToArray();
        if (seen.Length == 0)
            return;
        page.Append($"\n**{kind}**: {ProcessId().Replace(Text(seen[^1].Faults[kind], "sentence"), "")}.\n\n");
        foreach (var same in seen.GroupBy(r => Text(r.Faults[kind], "seen_by")))
            page.Append($"- {string.Join(", ", same.Select(static r => r.Short))}: {same.Key}\n");
    }

    private static void AppendBeyond(StringBuilder page)
    {
        var beyond = Runs.SelectMany(static r => r.Faults.Where(static f => Text(f.Value, "result") == "beyond")
            .Select(f => $"- {r.Short}, {f.Key}: {Text(f.Value, "reason")}")).ToArray();
        page.Append("\n## What a kernel cannot show\n\n")
            .Append(beyond.Length == 0 ? "Nothing of the above.\n" : string.Join('\n', beyond) + "\n");
    }

    [GeneratedRegex(@"(?<=\w)\[\d+\]", RegexOptions.None, 1000)]
    private static partial Regex ProcessId();

    private static string Text(JsonElement fault, string name) => fault.GetProperty(name).GetString() ?? "";

    /// <summary>What the command printed on one kernel.</summary>
    private sealed class Run
    {
        public Run(string file)
        {
            using var json = JsonDocument.Parse(File.ReadAllText(file));
            Kernel = json.RootElement.GetProperty("kernel").GetString()!;
            Path.GetFileNameWithoutExtension(file).ShouldBe(Kernel);
            Faults = json.RootElement.GetProperty("faults").EnumerateArray()
                .ToDictionary(static f => Text(f, "fault"), static f => f.Clone());
        }

        public string Kernel { get; }

        public IReadOnlyDictionary<string, JsonElement> Faults { get; }

        public string Short => string.Join('.', Kernel.Split('.', '-').Take(2));

        public Version Version => Version.Parse(Short);
    }
}
