using System.Globalization;
using System.Text.Json;

namespace Collector.ScaleRun;

/// <summary>The figures as JSON, and as tables of Markdown for people and for docs/performance.md.</summary>
internal static class Report
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>
    /// KubeSkoop's exporter on a machine of this kind: milliseconds of CPU per scrape by number of idle pods, measured
    /// apart (docs/performance.md).
    /// </summary>
    private static readonly Dictionary<int, double> KubeSkoop = new() { [1] = 25.5, [50] = 643, [200] = 4494 };

    public static void WriteJson(string path, IReadOnlyList<ScaleFigures> all) =>
        File.WriteAllText(path, JsonSerializer.Serialize(all, Json) + "\n");

    public static void Print(TextWriter to, IReadOnlyList<ScaleFigures> all)
    {
        to.WriteLine("CPU of the whole process per collection, ms: median (least-most).\n");
        MarkdownTable.Print(to, "Beside", all.Select(f => (Title(f.Case), Summary(f))));
        var first = all.Select(f => (Title: Title(f.Case), Figures: f.Agents.Values.First())).ToList();
        to.WriteLine($"More of `{all[0].Agents.Keys.First()}`.\n");
        MarkdownTable.Print(to, "Beside", all.Select(f => (Title(f.Case), More(f.Agents.Values.First(), f.Push))));
        to.WriteLine("The same, CPU per collection by probe (at least 0.05 ms somewhere), ms.\n");
        MarkdownTable.Print(to, "Beside", Parts(first.Select(f => (f.Title, f.Figures.Probes))));
        to.WriteLine("The same, CPU per collection by thread, medians, ms.\n");
        MarkdownTable.Print(to, "Beside", Parts(first.Select(f => (f.Title, f.Figures.Threads))));
        to.WriteLine("What one more costs, µs of CPU per collection.\n");
        MarkdownTable.Print(to, "More", Growth.Steps(all).Select(s => ($"{s.Title}{Of(s.Of)}", Grown(s))));
        to.WriteLine("The host alone.\n");
        MarkdownTable.Print(to, "Beside", all.Where(f => f.HostOnly is not null).Select(f => (Title(f.Case), Host(f))));
    }

    /// <summary>A node in words.</summary>
    public static string Title(ScaleCase node) => $"{node.Pods} pods, {2 * node.Connections} sockets";

    private static string Of(string source) => source.Length > 0 ? $", {source}" : "";

    private static Dictionary<string, string> Summary(ScaleFigures run)
    {
        var cells = new Dictionary<string, string>();
        foreach (var (source, agent) in run.Agents)
            cells[source.Length > 0 ? source : "Netlens"] = F(agent.CpuPerCollection);
        var first = run.Agents.Values.First();
        cells["user part"] = P(first.UserPart);
        cells["% of a core at 2 s"] = F(first.CpuPerCollection.Median / 20);
        if (KubeSkoop.TryGetValue(run.Case.Pods, out var kubeskoop) && !run.Case.OtherSockets)
        {
            cells["KubeSkoop, idle pods"] = F(kubeskoop);
            cells["of Netlens' times"] = F(kubeskoop / first.CpuPerCollection.Median);
        }
        if (run.Exporter is { } exporter)
            cells["node-exporter, host only"] = F(exporter.CpuPerScrape);
        cells["machine busy"] = P(first.MachineBusy);
        return cells;
    }

    private static Dictionary<string, string> More(AgentFigures agent, PushFigures push) => new()
    {
        ["series"] = $"{agent.Series}",
        ["collection thread, ms"] = F(agent.CollectionThread),
        ["all probes, ms"] = F(agent.Probes.Values.Sum()),
        ["recorder, ms"] = F(agent.Recorder),
        ["rules, ms"] = F(agent.Rules),
        ["wall, ms"] = F(agent.CollectionWall.Median),
        ["allocated, bytes"] = F(agent.AllocatedPerCollection),
        ["a scrape more, ms"] = F(agent.CpuPerScrape.Median),
        ["of a push: encoding, ms"] = F(push.Encoding),
        ["whole push and collection, ms"] = F(push.CpuPerPush.Median),
        ["points"] = F(push.Points),
        ["kB sent"] = F(push.Bytes / 1000),
        ["RSS (peak), MiB"] = $"{F(agent.Rss)} ({F(agent.PeakRss)})",
        ["start to snapshot, ms"] = F(agent.StartToSnapshot.Median),
    };

    private static Dictionary<string, string> Host(ScaleFigures run) => new()
    {
        ["Netlens, a collection, ms"] = F(run.HostOnly!.CpuPerCollection),
        ["with a scrape, ms"] = F(run.HostOnly.CpuPerCollectionAndScrape),
        ["node-exporter, a scrape, ms"] = F(run.Exporter!.CpuPerScrape),
        ["RSS, MiB"] = $"{F(run.HostOnly.Rss)} and {F(run.Exporter.Rss)}",
        ["series"] = $"{run.HostOnly.Series} and {run.Exporter.Series}",
    };

    private static Dictionary<string, string> Grown(Growth step) => step.Microseconds
        .Where(m => m.Key.Contains(' ', StringComparison.Ordinal) || Math.Abs(m.Value) >= (step.OfSockets ? 0.01 : 0.3))
        .ToDictionary(m => m.Key, m => F(m.Value));

    // The largest first, without those that are small everywhere.
    private static IEnumerable<(string, Dictionary<string, string>)> Parts(
        IEnumerable<(string Title, IReadOnlyDictionary<string, double> Milliseconds)> of)
    {
        var rows = of.ToList();
        var parts = rows.SelectMany(r => r.Milliseconds).GroupBy(m => m.Key, m => m.Value)
            .Where(g => g.Max() >= 0.05).OrderByDescending(g => g.Max()).Select(g => g.Key).ToList();
        return rows.Select(r => (
            r.Title, parts.ToDictionary(p => p, p => F(r.Milliseconds.GetValueOrDefault(p)))));
    }

    private static string F(Takes takes) => $"{F(takes.Median)} ({F(takes.Least)}-{F(takes.Most)})";

    public static string F(double number) =>
        number.ToString(
            Math.Abs(number) < 10 ? "0.00" : Math.Abs(number) < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);

    private static string P(double part) => (part * 100).ToString("0", CultureInfo.InvariantCulture) + " %";
}
