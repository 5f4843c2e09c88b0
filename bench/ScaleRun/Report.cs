using System.Globalization;
using System.Text.Json;

namespace Collector.ScaleRun;

/// <summary>The figures as a table for people and as JSON.</summary>
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
        var agents = all
            .SelectMany(f => f.Agents.Select(a => (Title: Title(f.Case, a.Key), Figures: a.Value))).ToList();
        var whole = all.Where(f => f.HostOnly is not null).ToList();
        Table(to, "Netlens, every namespace", agents.Select(a => (a.Title, AgentRows(a.Figures))));
        Table(to, "CPU per collection by probe, ms", agents.Select(a => (a.Title, Probes(a.Figures))));
        Table(to, "Growth, µs of CPU per collection", Growth.Steps(all).Select(s => (s.Title, s.Rows)));
        Table(to, "Netlens, host alone", whole.Select(f => (Title(f.Case), AgentRows(f.HostOnly!))));
        Table(to, "node-exporter (host alone)", whole.Select(f => (Title(f.Case), ExporterRows(f.Exporter!))));
        Table(to, "Ratios", all.SelectMany(f => f.Agents.Select(a => (Title(f.Case, a.Key), Ratios(f, a.Value)))));
    }

    /// <summary>A node in words.</summary>
    public static string Title(ScaleCase node, string source = "") =>
        $"{node.Pods} pods, {2 * node.Connections} sockets{(source.Length > 0 ? ", " : "")}{source}";

    private static Dictionary<string, string> Probes(AgentFigures a) =>
        a.Probes.OrderByDescending(p => p.Value).ToDictionary(p => p.Key, p => F(p.Value));

    private static Dictionary<string, string> AgentRows(AgentFigures a) => new()
    {
        ["CPU per collection, ms"] = F(a.CpuPerCollection),
        ["of it user / system, ms"] =
            $"{F(a.UserPart * a.CpuPerCollection.Median)} / {F((1 - a.UserPart) * a.CpuPerCollection.Median)}",
        ["CPU per collection + scrape, ms"] = F(a.CpuPerCollectionAndScrape),
        ["CPU per scrape, ms"] = F(a.CpuPerScrape),
        ["CPU per gzip scrape, ms"] = F(a.CpuPerGzipScrape),
        ["wall of a collection, ms"] = F(a.CollectionWall),
        ["wall of a scrape, ms"] = F(a.ScrapeWall),
        ["wall of a gzip scrape, ms"] = F(a.GzipScrapeWall),
        ["allocated per collection, bytes"] = F(a.AllocatedPerCollection),
        ["allocated per scrape, bytes"] = F(a.AllocatedPerScrape),
        ["RSS (peak), MiB"] = $"{F(a.Rss)} ({F(a.PeakRss)})",
        ["namespaces"] = $"{a.Namespaces}",
        ["series"] = $"{a.Series}",
        ["bytes (gzip)"] = $"{a.Bytes} ({a.GzipBytes})",
        ["start to /metrics, ms"] = F(a.StartToMetrics),
        ["start to snapshot (own log), ms"] = F(a.StartToSnapshot),
        ["machine busy"] = P(a.MachineBusy),
    };

    private static Dictionary<string, string> ExporterRows(ExporterFigures e) => new()
    {
        ["CPU per scrape, ms"] = F(e.CpuPerScrape),
        ["wall of a scrape, ms"] = F(e.Wall),
        ["RSS, MiB"] = F(e.Rss),
        ["series"] = $"{e.Series}",
        ["bytes"] = $"{e.Bytes}",
        ["machine busy"] = P(e.MachineBusy),
    };

    private static Dictionary<string, string> Ratios(ScaleFigures f, AgentFigures agent)
    {
        var collection = agent.CpuPerCollection.Median;
        var both = agent.CpuPerCollectionAndScrape.Median;
        var ratios = new Dictionary<string, string>
        {
            ["CPU per namespace and collection, ms"] = F(collection / agent.Namespaces),
            ["CPU per 1000 series, ms"] = F(collection * 1000 / agent.Series),
        };
        if (f is { HostOnly: { } host, Exporter: { } exporter })
        {
            var scrape = exporter.CpuPerScrape.Median;
            ratios["host alone, collection / node-exporter"] = F(host.CpuPerCollection.Median / scrape);
            ratios["host alone, with scrape / node-exporter"] = F(host.CpuPerCollectionAndScrape.Median / scrape);
        }
        if (KubeSkoop.TryGetValue(f.Case.Pods, out var kubeskoop))
        {
            ratios["KubeSkoop / collection"] = F(kubeskoop / collection);
            ratios["KubeSkoop / collection + scrape"] = F(kubeskoop / both);
        }
        return ratios;
    }

    private static void Table(
        TextWriter to, string title, IEnumerable<(string Title, Dictionary<string, string> Rows)> of)
    {
        var columns = of.ToList();
        var cells = new List<string[]> { new[] { title }.Concat(columns.Select(c => c.Title)).ToArray() };
        cells.AddRange(columns.SelectMany(c => c.Rows.Keys).Distinct()
            .Select(key => new[] { key }.Concat(columns.Select(c => c.Rows.GetValueOrDefault(key, "-"))).ToArray()));
        var widths = Enumerable.Range(0, columns.Count + 1).Select(i => cells.Max(c => c[i].Length)).ToArray();
        for (var i = 0; i < cells.Count; i++)
        {
            to.WriteLine("| " + string.Join(" | ", cells[i].Select((c, n) => c.PadRight(widths[n]))) + " |");
            if (i == 0)
                to.WriteLine("|" + string.Join("|", widths.Select(w => new string('-', w + 2))) + "|");
        }
        to.WriteLine();
    }

    private static string F(Takes takes) => $"{F(takes.Median)} ({F(takes.Least)}-{F(takes.Most)})";

    public static string F(double number) =>
        number.ToString(
            Math.Abs(number) < 10 ? "0.00" : Math.Abs(number) < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);

    private static string P(double part) => (part * 100).ToString("0", CultureInfo.InvariantCulture) + " %";
}
