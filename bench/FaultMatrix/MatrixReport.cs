using System.Globalization;
using System.Text.Json;
using Collector.ScaleRun;

namespace Collector.FaultMatrix;

/// <summary>The matrix as tables of Markdown, and as JSON.</summary>
internal static class MatrixReport
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    private static string Kernel => File.ReadAllText("/proc/sys/kernel/osrelease").Trim();

    /// <summary>One line of progress.</summary>
    public static void Tell(Cell c) => Console.Error.WriteLine($"{Where(c)}: {Outcome(c)}");

    public static void Print(Matrix matrix, TimeSpan took)
    {
        var load = File.ReadAllText("/proc/loadavg").Split(' ')[0];
        Console.WriteLine(Text($"{Environment.ProcessorCount} CPUs, Linux {Kernel}, load average {load} at the end;")
            + Text($" {took.TotalMinutes:0.0} minutes; {matrix.HealthyRate:0} healthy requests per second.\n"));
        MarkdownTable.Print(Console.Out, "", Rows(matrix));
        foreach (var c in matrix.Cells.Where(static c => c.IsBeyond || c.Found == 0 || c.Wrong.Count > 0))
            Console.WriteLine($"* {Where(c)}: {Outcome(c)}");
        var late = matrix.Cells.Where(static c => c.Found > 0 && !Score.IsInTime(c));
        foreach (var kind in late.GroupBy(static c => c.Fault))
        {
            var each = kind.Select(static c => Text($"{Setting(c)} by {c.Found}, counted by {c.Counted}"));
            Console.WriteLine($"* {kind.Key}, later than by the second collection: {string.Join("; ", each)}");
        }
        Console.WriteLine();
        Print("Found in the healthy namespaces", matrix.Strays);
        Print("Said of the machine itself meanwhile", matrix.OfMachine);
        PrintGoals(matrix);
    }

    private static IEnumerable<(string Title, Dictionary<string, string> Cells)> Rows(Matrix matrix)
    {
        foreach (var alone in new[] { true, false })
        {
            foreach (var intensity in Matrix.Intensities)
            {
                yield return Row(Text($"{(alone ? "alone" : "beside two others")}, x{intensity}"), matrix.Cells.Where(
                    c => c.Intensity.Equals(intensity) && c.Beside.Count == 0 == alone));
            }
        }
        yield return Row("all", matrix.Cells);
    }

    private static (string, Dictionary<string, string>) Row(string title, IEnumerable<Cell> cells)
    {
        var score = Score.Of(cells);
        return (title, new()
        {
            ["caused"] = Text($"{score.Caused}"),
            ["found"] = Text($"{score.Found} ({score.Recall:0.0 %})"),
            ["with a wrong cause"] = Text($"{score.Wrong} ({score.WrongPart:0.0 %})"),
            ["by the second collection"] = Text($"{score.InTime}"),
            ["within two of the count"] = Text($"{score.InTimeOfCount}"),
            ["median, collections"] = Text($"{score.Collections}"),
            ["median, ms"] = Text($"{score.Milliseconds:0}"),
            ["longest, ms"] = Text($"{score.Longest:0}"),
        });
    }

    private static void Print(string title, List<Stray> strays)
    {
        foreach (var kind in strays.GroupBy(static s => s.Kind))
            Console.WriteLine($"{title}: {kind.Key}, {kind.Count()} times: {kind.First().Sentence}");
    }

    private static void PrintGoals(Matrix matrix)
    {
        var score = Score.Of(matrix.Cells);
        var wrong = score.WrongPart + (score.Caused == 0 ? 0 : (double)matrix.Strays.Count / score.Caused);
        Console.WriteLine("\n| Goal | measured | limit | |\n|---|---|---|---|");
        Goal("found", Text($"{score.Recall:0.0 %}"), "95 % at least", score.Recall >= Score.LeastRecall);
        Goal("wrong cause, those of healthy namespaces included", Text($"{wrong:0.0 %}"), "2 % at most",
            wrong <= Score.MostWrong);
        Goal("found by the second collection after the cause", $"{score.InTime} of {score.Found}", "all",
            score.InTime == score.Found);
        Goal("found by the second collection of those that show the metric",
            $"{score.InTimeOfCount} of {score.Found}", "all", score.InTimeOfCount == score.Found);
    }

    private static void Goal(string name, string measured, string limit, bool met) =>
        Console.WriteLine($"| {name} | {measured} | {limit} | {(met ? "met" : "**not met**")} |");

    public static void WriteJson(string path, Matrix matrix, int seed, TimeSpan took)
    {
        using var file = File.Create(path);
        JsonSerializer.Serialize(file, new
        {
            Kernel,
            Processors = Environment.ProcessorCount,
            Seed = seed,
            Seconds = Math.Round(took.TotalSeconds),
            HealthyRequestsPerSecond = Math.Round(matrix.HealthyRate),
            matrix.Cells,
            Healthy = matrix.Strays,
            Machine = matrix.OfMachine,
        }, Indented);
    }

    private static string Where(Cell c) => $"{c.Fault}, {Setting(c)}";

    private static string Setting(Cell c) => Text(
        $"x{c.Intensity}{(c.Beside.Count > 0 ? $" beside {string.Join(" and ", c.Beside)}" : "")}");

    private static string Outcome(Cell c) => string.Join("; ", new[]
    {
        c.IsBeyond ? "cannot be shown here" : c.Found > 0
            ? Text($"found by collection {c.Found}, {c.Milliseconds:0} ms, counted by {c.Counted}")
            : c.Counted > 0 ? Text($"not found, counted by collection {c.Counted}") : "not found, not counted",
        c.Wrong.Count > 0 ? $"found beside: {string.Join(", ", c.Wrong)}" : "",
        c.Reason,
    }.Where(static s => s.Length > 0));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
