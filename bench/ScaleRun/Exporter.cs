using System.Diagnostics;

namespace Collector.ScaleRun;

/// <summary>node-exporter of the distribution with the collectors that Netlens' host probes match.</summary>
internal static class Exporter
{
    private const int Port = 9100;
    private static readonly string[] Collectors = ["netdev", "netstat", "softnet", "sockstat", "conntrack"];

    public static async Task<ExporterFigures> Measure(int scrapes)
    {
        string[] arguments =
        [
            $"--web.listen-address=127.0.0.1:{Port}", "--web.disable-exporter-metrics", "--collector.disable-defaults",
            "--log.level=error", .. Collectors.Select(c => $"--collector.{c}"),
        ];
        using var process = Process.Start("prometheus-node-exporter", arguments);
        try
        {
            return await Measure(process.Id, scrapes);
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    private static async Task<ExporterFigures> Measure(int pid, int scrapes)
    {
        await Agent.FirstAnswer(Port);
        for (var i = 0; i < 5; i++)
            await Scraper.Get(Port);
        var meter = new CpuMeter(pid);
        var cpu = new List<double>();
        var pages = new List<Page>();
        var before = CpuMeter.Machine();
        for (var i = 0; i < scrapes; i++)
        {
            await Task.Delay(200);
            var (page, used) = await Agent.ScrapeMetered(meter, Port, gzip: false);
            cpu.Add(used);
            pages.Add(page);
        }
        return new ExporterFigures
        {
            CpuPerScrape = Takes.Of(cpu),
            Wall = Takes.Of(pages.Select(p => p.Milliseconds)),
            Rss = meter.Mebibytes("VmRSS"),
            Series = pages[^1].Series,
            Bytes = pages[^1].Bytes,
            MachineBusy = Agent.Busy(before, CpuMeter.Machine()),
        };
    }
}
