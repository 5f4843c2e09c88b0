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
            Write(to, $"host alone costs no more than node-exporter beside {run.Pods} pods, ms",
                run.HostOnly.CpuPerCollectionAndScrape.Median, run.Exporter.CpuPerScrape.Median);
        if (all.FirstOrDefault(f => f.Pods == Large) is not { } large)
            return;
        var agent = large.Agent;
        Write(to, $"CPU per collection at {Large} pods, ms", agent.CpuPerCollection.Median, 150);
        Write(to, "of it in user mode, %", agent.UserPart * 100, 30);
        Write(to, $"peak RSS at {Large} pods, MiB", agent.PeakRss, 110 * 1e6 / 1024 / 1024);
        Write(to, "start to first snapshot, ms", agent.StartToSnapshot.Median, 1500);
        Write(to, "start to first answer of /metrics, ms", agent.StartToMetrics.Median, 1500);
        Write(to, "allocated per collection and series, bytes", agent.AllocatedPerCollection / agent.Series, 1);
        Write(to, "allocated per scrape and series, bytes", agent.AllocatedPerScrape / agent.Series, 1);
        if (all.FirstOrDefault(f => f.Pods < Large && f.Pods > 1) is { } small)
        {
            // Linear: what one more namespace costs is the same at both ends; a quarter is left to noise and caches.
            Write(to, $"a namespace at {Large} pods / at {small.Pods} pods",
                PerNamespace(agent) / PerNamespace(small.Agent), 1.25);
        }
    }

    private static double PerNamespace(AgentFigures agent) => agent.CpuPerCollection.Median / agent.Namespaces;

    private static void Write(TextWriter to, string what, double measured, double limit) =>
        to.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {(measured <= limit ? "met    " : "NOT MET")} {what}: {measured:0.##}, limit {limit:0.##}"));
}
