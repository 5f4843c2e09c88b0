using System.Globalization;
using System.Text.Json;

namespace Collector.ScaleRun;

/// <summary>The figures as a table for people and as JSON.</summary>
internal static class Report
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>
    /// KubeSkoop's exporter on a machine of this kind: milliseconds of CPU per scrape by number of pods.
    /// </summary>
    private static readonly Dictionary<int, double> KubeSkoop = new() { [1] = 25.5, [50] = 643, [200] = 4494 };

    public static void WriteJson(string path, IReadOnlyList<ScaleFigures> all) =>
        File.WriteAllText(path, JsonSerializer.Serialize(all, Json) + "\n");

    public static void Print(TextWriter to, IReadOnlyList<ScaleFigures> all)
    {
        Table(to, "Netlens, every namespace", all, f => AgentRows(f.Agent));
        Table(to, "Netlens, host alone", all, f => AgentRows(f.HostOnly));
        Table(to, "node-exporter (host alone)", all, f => ExporterRows(f.Exporter));
        Table(to, "Ratios", all, Ratios);
        Table(to, "CPU per collection by probe, ms", all, f => f.Agent.Probes.OrderByDescending(p => p.Value)
            .ToDictionary(p => p.Key, p => F(p.Value)));
    }

    private static Dictionary<string, string> AgentRows(AgentFigures a) => new()
    {
        ["CPU per collection, ms"] = F(a.CpuPerCollection),
        ["user part of it"] = P(a.UserPart),
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

    private static Dictionary<string, string> Ratios(ScaleFigures f)
    {
        var collection = f.Agent.CpuPerCollection.Median;
        var both = f.Agent.CpuPerCollectionAndScrape.Median;
        var exporter = f.Exporter.CpuPerScrape.Median;
        var kubeskoop = KubeSkoop.GetValueOrDefault(f.Pods);
        return new()
        {
            ["CPU per namespace and collection, ms"] = F(collection / f.Agent.Namespaces),
            ["CPU per 1000 series, ms"] = F(collection * 1000 / f.Agent.Series),
            ["host alone, collection / node-exporter"] = F(f.HostOnly.CpuPerCollection.Median / exporter),
            ["host alone, with scrape / node-exporter"] = F(f.HostOnly.CpuPerCollectionAndScrape.Median / exporter),
            ["KubeSkoop / collection"] = kubeskoop > 0 ? F(kubeskoop / collection) : "-",
            ["KubeSkoop / collection + scrape"] = kubeskoop > 0 ? F(kubeskoop / both) : "-",
        };
    }

    private static void Table(
        TextWriter to, string title, IReadOnlyList<ScaleFigures> all,
        Func<ScaleFigures, Dictionary<string, string>> rows)
    {
        var columns = all.Select(rows).ToList();
        var cells = new List<string[]> { new[] { title }.Concat(all.Select(f => $"{f.Pods} pods")).ToArray() };
        cells.AddRange(columns.SelectMany(c => c.Keys).Distinct()
            .Select(key => new[] { key }.Concat(columns.Select(c => c.GetValueOrDefault(key, "-"))).ToArray()));
        var widths = Enumerable.Range(0, all.Count + 1).Select(i => cells.Max(c => c[i].Length)).ToArray();
        for (var i = 0; i < cells.Count; i++)
        {
            to.WriteLine("| " + string.Join(" | ", cells[i].Select((c, n) => c.PadRight(widths[n]))) + " |");
            if (i == 0)
                to.WriteLine("|" + string.Join("|", widths.Select(w => new string('-', w + 2))) + "|");
        }
        to.WriteLine();
    }

    private static string F(Takes takes) => $"{F(takes.Median)} ({F(takes.Least)}-{F(takes.Most)})";

    private static string F(double number) =>
        number.ToString(
            Math.Abs(number) < 10 ? "0.00" : Math.Abs(number) < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);

    private static string P(double part) => (part * 100).ToString("0", CultureInfo.InvariantCulture) + " %";
}
