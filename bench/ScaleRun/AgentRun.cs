using System.Diagnostics;

namespace Collector.ScaleRun;

/// <summary>Takes the figures of one Netlens: started several times, then left alone, then scraped.</summary>
internal sealed class AgentRun(Options options, Func<Agent> start)
{
    private long _next;

    public async Task<AgentFigures> Measure()
    {
        var (toMetrics, toSnapshot) = await MeasureStarts();
        using var agent = start();
        await Agent.FirstAnswer(Agent.Port);
        // Everything below happens half an interval after a collection began, so that the two never meet.
        _next = Stopwatch.GetTimestamp() + (Stopwatch.Frequency * options.Interval / 2);
        var meter = new CpuMeter(agent.Pid);
        await Watch(meter, options.WarmUp, () => Scraper.Get(Agent.Port));
        var machine = CpuMeter.Machine();
        var first = await Scraper.Get(Agent.Port);
        var alone = await Watch(meter, options.Collections, scrape: null);
        var last = await Scraper.Get(Agent.Port);
        var scraped = await Watch(meter, options.Collections, () => Scraper.Get(Agent.Port));
        var end = await Scraper.Get(Agent.Port);
        var zipped = await Watch(meter, Math.Min(3, options.Collections), () => Scraper.Get(Agent.Port, gzip: true));
        var allocated = Allocated(first, last, end);
        return new AgentFigures
        {
            Namespaces = (int)last.Single("netlens_namespaces"),
            // Where a collection takes longer than an interval, there are fewer collections than intervals.
            CpuPerCollection = Takes.Of(alone.PerInterval.Select(
                ms => ms * Math.Max(1, options.Collections / Math.Max(1, Collections(last) - Collections(first))))),
            UserPart = alone.UserPart,
            CpuPerCollectionAndScrape = Takes.Of(scraped.PerInterval),
            CpuPerScrape = Takes.Of(scraped.PerScrape),
            CpuPerGzipScrape = Takes.Of(zipped.PerScrape),
            CollectionWall = Takes.Of(
                scraped.Pages.Select(p => p.Single("netlens_collection_duration_seconds") * 1000)),
            ScrapeWall = Takes.Of(scraped.Pages.Select(p => p.Milliseconds)),
            GzipScrapeWall = Takes.Of(zipped.Pages.Select(p => p.Milliseconds)),
            AllocatedPerCollection = allocated.PerCollection,
            AllocatedPerScrape = allocated.PerScrape,
            Rss = meter.Mebibytes("VmRSS"),
            PeakRss = meter.Mebibytes("VmHWM"),
            Series = end.Series,
            Bytes = end.Bytes,
            GzipBytes = zipped.Pages[^1].Bytes,
            StartToMetrics = toMetrics,
            StartToSnapshot = toSnapshot,
            Probes = PerProbe(first, last),
            MachineBusy = Agent.Busy(machine, CpuMeter.Machine()),
        };
    }

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

    /// <summary>CPU of a number of intervals, one collection in each, with a scrape in each or none.</summary>
    private async Task<Watched> Watch(CpuMeter meter, int intervals, Func<Task<Page>>? scrape)
    {
        var watched = new Watched();
        await WaitForGap();
        var ticks = meter.Ticks();
        var from = meter.Nanoseconds();
        for (var i = 0; i < intervals; i++)
        {
            if (scrape is not null)
            {
                watched.Pages.Add(await scrape());
                await Task.Delay(20);
                watched.PerScrape.Add((meter.Nanoseconds() - from) / 1e6);
            }
            await WaitForGap();
            var to = meter.Nanoseconds();
            watched.PerInterval.Add((to - from) / 1e6);
            from = to;
        }
        var after = meter.Ticks();
        watched.UserPart = (after.User - ticks.User)
            / (double)Math.Max(1, after.User + after.System - ticks.User - ticks.System);
        return watched;
    }

    private async Task WaitForGap()
    {
        var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), _next);
        _next += Stopwatch.Frequency * options.Interval;
        if (wait > TimeSpan.Zero)
            await Task.Delay(wait);
    }

    /// <summary>
    /// A page tells what was allocated up to its own collection. Between the first two lie n collections and one
    /// scrape, between the last two as many collections and n + 1 scrapes.
    /// </summary>
    private static (double PerCollection, double PerScrape) Allocated(Page first, Page last, Page end)
    {
        var collections = Collections(last) - Collections(first);
        var alone = Total(last) - Total(first);
        var scraped = Total(end) - Total(last);
        var scrapes = Collections(end) - Collections(last);
        var perScrape = (scraped - (alone * scrapes / collections)) / (scrapes + 1 - (scrapes / collections));
        return ((alone - perScrape) / collections, perScrape);

        static double Total(Page page) => page.Single("dotnet_gc_heap_allocated_bytes_total");
    }

    private static double Collections(Page page) =>
        page.By("netlens_probe", "netlens_probe_collections_total").Values.Max();

    private static Dictionary<string, double> PerProbe(Page first, Page last)
    {
        const string name = "netlens_probe_cpu_time_seconds_total";
        var before = first.By("netlens_probe", name);
        var collections = Collections(last) - Collections(first);
        return last.By("netlens_probe", name)
            .ToDictionary(p => p.Key, p => (p.Value - before[p.Key]) * 1000 / collections);
    }

    private sealed class Watched
    {
        public List<double> PerInterval { get; } = [];

        public List<double> PerScrape { get; } = [];

        public List<Page> Pages { get; } = [];

        public double UserPart { get; set; }
    }
}
