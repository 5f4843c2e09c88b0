using System.Diagnostics;

namespace Collector.ScaleRun;

/// <summary>
/// Watches a running Netlens interval by interval. Each begins and ends in the middle between two collections, and so
/// does whatever is asked meanwhile.
/// </summary>
internal sealed class Watch(int pid, int interval)
{
    private long _next = Stopwatch.GetTimestamp() + (Stopwatch.Frequency * interval / 2);

    public CpuMeter Meter { get; } = new(pid);

    /// <summary>CPU of a number of intervals, one collection in each, with a scrape in each or none.</summary>
    public async Task<Watched> Run(int intervals, Func<Task<Page>>? scrape = null)
    {
        var watched = new Watched();
        await WaitForGap();
        var ticks = Meter.Ticks();
        var threads = Meter.ByThread();
        var from = threads.Values.Sum();
        var perThread = new List<Dictionary<string, double>>();
        for (var i = 0; i < intervals; i++)
        {
            if (scrape is not null)
            {
                watched.Pages.Add(await scrape());
                await Task.Delay(20);
                watched.PerScrape.Add((Meter.Nanoseconds() - from) / 1e6);
            }
            await WaitForGap();
            var after = Meter.ByThread();
            perThread.Add(after.ToDictionary(t => t.Key, t => (t.Value - threads.GetValueOrDefault(t.Key)) / 1e6));
            threads = after;
            var to = after.Values.Sum();
            watched.PerInterval.Add((to - from) / 1e6);
            from = to;
        }
        var (user, system) = Meter.Ticks();
        watched.UserPart = (user - ticks.User) / (double)Math.Max(1, user + system - ticks.User - ticks.System);
        // What comes once, as the names of the kernel's functions with the first dropped packet, is in no median.
        foreach (var name in threads.Keys)
            watched.Threads[name] = Takes.Of(perThread.Select(t => t.GetValueOrDefault(name))).Median;
        return watched;
    }

    private async Task WaitForGap()
    {
        var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), _next);
        _next += Stopwatch.Frequency * interval;
        if (wait > TimeSpan.Zero)
            await Task.Delay(wait);
    }
}

/// <summary>What was seen, in milliseconds.</summary>
internal sealed class Watched
{
    public List<double> PerInterval { get; } = [];

    public List<double> PerScrape { get; } = [];

    /// <summary>Of an interval, by name of thread: medians.</summary>
    public Dictionary<string, double> Threads { get; } = [];

    public List<Page> Pages { get; } = [];

    public double UserPart { get; set; }
}
