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
        var from = Meter.Nanoseconds();
        for (var i = 0; i < intervals; i++)
        {
            if (scrape is not null)
            {
                watched.Pages.Add(await scrape());
                await Task.Delay(20);
                watched.PerScrape.Add((Meter.Nanoseconds() - from) / 1e6);
            }
            await WaitForGap();
            var to = Meter.Nanoseconds();
            watched.PerInterval.Add((to - from) / 1e6);
            from = to;
        }
        var after = Meter.Ticks();
        watched.UserPart = (after.User - ticks.User)
            / (double)Math.Max(1, after.User + after.System - ticks.User - ticks.System);
        foreach (var (name, nanoseconds) in Meter.ByThread())
            watched.Threads[name] = (nanoseconds - threads.GetValueOrDefault(name)) / 1e6 / intervals;
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

    /// <summary>Per interval, by name of thread.</summary>
    public Dictionary<string, double> Threads { get; } = [];

    public List<Page> Pages { get; } = [];

    public double UserPart { get; set; }
}
