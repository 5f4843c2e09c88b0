using System.Globalization;

namespace Collector.ScaleRun;

/// <summary>What Netlens set out to reach, and whether this run did.</summary>
internal static class Goals
{
    private const int Large = 200;

    public static void Print(TextWriter to, IReadOnlyList<ScaleFigures> all)
    {
        to.WriteLine("Goals:");
        foreach (var run in all)
        {
            if (run is { HostOnly: { } host, Exporter: { } exporter })
            {
                Write(to, $"host alone costs no more than node-exporter beside {run.Case.Pods} pods, ms",
                    host.CpuPerCollectionAndScrape.Median, exporter.CpuPerScrape.Median);
                Write(to, "host alone, a collection, ms", host.CpuPerCollection.Median, 1);
            }
            foreach (var (source, agent) in run.Agents)
                Print(to, Report.Title(run.Case, source), run, agent);
        }
    }

    private static void Print(TextWriter to, string title, ScaleFigures run, AgentFigures agent)
    {
        if (run.HostOnly is null || run.Case.Pods is not (Large or 500))
            return;
        to.WriteLine($"  {title}:");
        Write(to, "CPU per collection, ms", agent.CpuPerCollection.Median, run.Case.Pods == Large ? 11 : 25);
        if (run.Case.Pods != Large)
            return;
        Write(to, "peak RSS, MiB", agent.PeakRss, 110 * 1e6 / 1024 / 1024);
        Write(to, "start to first snapshot, ms", agent.StartToSnapshot.Median, 1500);
        Write(to, "start to first answer of /metrics, ms", agent.StartToMetrics.Median, 1500);
        Write(to, "allocated per collection and series, bytes", agent.AllocatedPerCollection / agent.Series, 1);
        Write(to, "allocated per scrape and series, bytes", agent.AllocatedPerScrape / agent.Series, 1);
    }

    private static void Write(TextWriter to, string what, double measured, double limit) =>
        to.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {(measured <= limit ? "met    " : "NOT MET")} {what}: {measured:0.##}, limit {limit:0.##}"));
}
