using System.Diagnostics;

namespace Collector.ScaleRun;

/// <summary>Takes the figures of one Netlens: started several times, then left alone, then scraped.</summary>
internal sealed class AgentRun(Options options, Func<Agent> start)
{
    public async Task<AgentFigures> Measure()
    {
        var (toMetrics, toSnapshot) = await MeasureStarts();
        using var agent = start();
        await Agent.FirstAnswer(Agent.Port);
        var watch = new Watch(agent.Pid, options.Interval);
        await watch.Run(options.WarmUp, () => Scraper.Get(Agent.Port));
        var machine = CpuMeter.Machine();
        var first = await Scraper.Get(Agent.Port);
        var alone = await watch.Run(options.Collections);
        var last = await Scraper.Get(Agent.Port);
        var scraped = await watch.Run(options.Collections, () => Scraper.Get(Agent.Port));
        var end = await Scraper.Get(Agent.Port);
        var zipped = await watch.Run(1, () => Scraper.Get(Agent.Port, gzip: true));
        var busy = Agent.Busy(machine, CpuMeter.Machine());
        var collections = last.Collections - first.Collections;
        return new AgentFigures
        {
            Namespaces = (int)last.Single("netlens_namespaces"),
            // Where a collection takes longer than an interval, there are fewer collections than intervals.
            CpuPerCollection = Takes.Of(
                alone.PerInterval.Select(ms => ms * Math.Max(1, options.Collections / Math.Max(1, collections)))),
            UserPart = alone.UserPart,
            CollectionThread = last.Since(first, "netlens_collection_cpu_time_seconds_total") * 1000 / collections,
            Recorder = last.Since(first, "netlens_recorder_cpu_time_seconds_total") * 1000 / collections,
            Rules = last.Since(first, "netlens_finding_cpu_time_seconds_total") * 1000 / collections,
            Threads = alone.Threads,
            CpuPerCollectionAndScrape = Takes.Of(scraped.PerInterval),
            CpuPerScrape = Takes.Of(scraped.PerScrape),
            CpuPerGzipScrape = Takes.Of(zipped.PerScrape),
            CollectionWall = Takes.Of(
                scraped.Pages.Select(p => p.Single("netlens_collection_duration_seconds") * 1000)),
            ScrapeWall = Takes.Of(scraped.Pages.Select(p => p.Milliseconds)),
            GzipScrapeWall = Takes.Of(zipped.Pages.Select(p => p.Milliseconds)),
            // What the recorder keeps grows until its hour is full, or its memory; that is no garbage.
            AllocatedPerCollection = Math.Max(0, last.Since(first, CollectionAllocated)
                - Math.Max(0, last.Since(first, "netlens_recorder_memory_bytes"))) / collections,
            AllocatedPerScrape = AllocatedPerScrape(last, end),
            Rss = watch.Meter.Mebibytes("VmRSS"),
            PeakRss = watch.Meter.Mebibytes("VmHWM"),
            Series = end.Series,
            Bytes = end.Bytes,
            GzipBytes = zipped.Pages[^1].Bytes,
            StartToMetrics = toMetrics,
            StartToSnapshot = toSnapshot,
            Probes = PerProbe(first, last),
            MachineBusy = busy,
        };
    }

    private const string CollectionAllocated = "netlens_collection_allocated_bytes_total";

    private async Task<(Takes ToMetrics, Takes ToSnapshot)> MeasureStarts()
    {
        var toMetrics = new List<double>();
        var toSnapshot = new List<double>();
        for (var i = 0; i < options.Starts; i++)
        {
            using var agent = start();
            await Agent.FirstAnswer(Agent.Port);
            toMetrics.Add(Stopwatch.GetElapsedTime(agent.StartedAt).TotalMilliseconds);
            toSnapshot.Add(await agent.FirstSnapshot);
        }
        return (Takes.Of(toMetrics), Takes.Of(toSnapshot));
    }

    // A page tells what was allocated up to its own collection: between two of them lie as many scrapes as the second
    // has collections more. The runtime counts by the 8 KB that a thread takes at once.
    private static double AllocatedPerScrape(Page first, Page last) =>
        (last.Since(first, "dotnet_gc_heap_allocated_bytes_total") - last.Since(first, CollectionAllocated))
            / (last.Collections - first.Collections);

    private static Dictionary<string, double> PerProbe(Page first, Page last)
    {
        const string name = "netlens_probe_cpu_time_seconds_total";
        var before = first.By("netlens_probe", name);
        return last.By("netlens_probe", name).ToDictionary(
            p => p.Key, p => (p.Value - before[p.Key]) * 1000 / (last.Collections - first.Collections));
    }
}
