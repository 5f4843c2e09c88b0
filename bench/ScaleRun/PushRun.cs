namespace Collector.ScaleRun;

/// <summary>Takes the figures of a Netlens that pushes every snapshot, and is not scraped.</summary>
internal sealed class PushRun(Options options, Func<Uri, Agent> start)
{
    public async Task<PushFigures> Measure()
    {
        await using var backend = new Backend();
        using var agent = start(backend.Address);
        await Agent.FirstAnswer(Agent.Port);
        var watch = new Watch(agent.Pid, options.Interval);
        await watch.Run(options.WarmUp);
        var first = await Scraper.Get(Agent.Port);
        var pushed = await watch.Run(options.Collections);
        var last = await Scraper.Get(Agent.Port);
        var pushes = last.Since(first, "netlens_otlp_requests_total") is var requests and > 0
            ? Math.Min(requests, last.Collections - first.Collections)
            : throw new IOException("nothing was pushed");
        return new(
            Takes.Of(pushed.PerInterval),
            last.Since(first, "netlens_otlp_encode_cpu_time_seconds_total") * 1000 / pushes,
            last.Since(first, "netlens_otlp_io_bytes_total") / pushes,
            last.Since(first, "netlens_otlp_points_exported_total") / pushes);
    }
}
