using System.Globalization;

namespace Collector.ScaleRun;

/// <summary>What Netlens set out to reach, and whether this run did: a table for docs/performance.md.</summary>
internal static class Goals
{
    private const int Large = 200;
    private const int Huge = 500;

    public static void Print(TextWriter to, IReadOnlyList<ScaleFigures> all)
    {
        to.WriteLine("| Goal | measured | limit | |\n|---|---|---|---|");
        foreach (var run in all)
        {
            if (run is { HostOnly: { } host, Exporter: { } exporter })
            {
                Write(to, $"host alone beside {run.Case.Pods} pods, a collection, ms", host.CpuPerCollection.Median, 1);
                Write(to, $"host alone beside {run.Case.Pods} pods, with a scrape, against node-exporter, ms",
                    host.CpuPerCollectionAndScrape.Median, exporter.CpuPerScrape.Median);
            }
            if (run.Case is { OtherSockets: false, Pods: Large or Huge } && run.Agents.Values.First() is var agent)
                Print(to, run, agent);
            if (run.Case is { OtherSockets: false, Pods: 100 })
            {
                Write(to, "100 pods every 2 s, % of a core",
                    run.Agents.Values.First().CpuPerCollection.Median / 20, 0.5);
            }
        }
        foreach (var step in Growth.Steps(all).Where(s => s.Of == all[0].Agents.Keys.First()))
            Print(to, step);
    }

    private static void Print(TextWriter to, ScaleFigures run, AgentFigures agent)
    {
        var where = Report.Title(run.Case);
        Write(to, $"{where}, CPU per collection, ms", agent.CpuPerCollection.Median, run.Case.Pods == Large ? 11 : 25);
        if (run.Case.Pods != Large)
            return;
        Write(to, $"{where}, recorder and rules, ms", agent.Recorder + agent.Rules, 3);
        Write(to, $"{where}, encoding for OTLP, ms", run.Push.Encoding, 4);
        Write(to, $"{where}, allocated per collection and series without the recorder, bytes",
            agent.AllocatedPerCollection / agent.Series, 0.05);
        Write(to, $"{where}, peak RSS, MiB", agent.PeakRss, 110 * 1e6 / 1024 / 1024);
        Write(to, $"{where}, start to first snapshot, ms", agent.StartToSnapshot.Median, 1500);
        Write(to, $"{where}, start to first answer of /metrics, ms", agent.StartToMetrics.Median, 1500);
    }

    // The pass over MIB counters is in the time of ip, whose turn is first; that over sockets in tcpsummary's.
    private static void Print(TextWriter to, Growth step)
    {
        if (step is { OfSockets: false, To: Large })
            Write(to, $"{step.Title}, MIB pass, µs", step.Microseconds.GetValueOrDefault("ip"), 2);
        if (step.OfSockets && step.From > 0)
            Write(to, $"{step.Title}, socket pass, µs", step.Microseconds.GetValueOrDefault("tcpsummary"), 0.5);
    }

    private static void Write(TextWriter to, string what, double measured, double limit) =>
        to.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {what} | {measured:0.##} | {limit:0.##} | {(measured <= limit ? "met" : "**not met**")} |"));
}
