using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Collector.ScaleRun;

/// <summary>A running Netlens. Ended when disposed.</summary>
internal sealed partial class Agent : IDisposable
{
    public const int Port = 9102;

    /// <summary>Beside 90,000 sockets the first collection by sock_diag takes a while.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private readonly Process _process;
    private readonly TaskCompletionSource<double> _firstSnapshot = new();

    private Agent(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        StartedAt = Stopwatch.GetTimestamp();
        _process = Process.Start(start) ?? throw new IOException($"{start.FileName} does not start");
        _process.OutputDataReceived += (_, line) => Read(line.Data);
        _process.ErrorDataReceived += (_, line) => Read(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public long StartedAt { get; }

    public int Pid { get; private set; }

    /// <summary>Milliseconds that Netlens' own log line says.</summary>
    public Task<double> FirstSnapshot => _firstSnapshot.Task.WaitAsync(Patience);

    /// <summary>Starts Netlens with every probe of its default, seeing all pods.</summary>
    public static Agent Start(Options options, string source)
    {
        var agent = new Agent(Environment(new(options.Netlens, ["run"]), options, source));
        agent.Pid = agent._process.Id;
        return agent;
    }

    /// <summary>The same, with a push of every snapshot.</summary>
    public static Agent StartPushing(Options options, string source, Uri backend)
    {
        var start = Environment(new(options.Netlens, ["run"]), options, source);
        start.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = backend.ToString();
        start.Environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        start.Environment["OTEL_LOGS_EXPORTER"] = "none";
        var agent = new Agent(start);
        agent.Pid = agent._process.Id;
        return agent;
    }

    /// <summary>
    /// Starts Netlens in process and mount namespaces of its own, in which it finds no pod, with the probes that
    /// node-exporter's five collectors match.
    /// </summary>
    public static Agent StartHostOnly(Options options, string source)
    {
        var start = Environment(
            new("unshare",
            [
                "--pid", "--fork", "--kill-child", "--mount-proc",
                "sh", "-c", $"umount -R {Node.Mounts} && exec \"$0\" run", options.Netlens,
            ]),
            options, source);
        start.Environment["NETLENS_PROBES"] = "-all,netdev,softnet,tcp,udp,ip,icmp,tcpext,ipext,sock,conntrack";
        var agent = new Agent(start);
        agent.Pid = ChildOf(agent._process.Id);
        return agent;
    }

    private static ProcessStartInfo Environment(ProcessStartInfo start, Options options, string source)
    {
        foreach (var key in start.Environment.Keys.Where(IsSetting).ToList())
            start.Environment.Remove(key);
        start.Environment["NETLENS_COLLECTION_INTERVAL"] = $"{options.Interval}s";
        if (source.Length > 0)
            start.Environment["NETLENS_COLLECTION_SOURCE"] = source;
        start.Environment["NETLENS_HTTP_LISTEN"] = $"127.0.0.1:{Port}";
        return start;
    }

    /// <summary>What the caller's environment must not change.</summary>
    private static bool IsSetting(string key) =>
        key.StartsWith("NETLENS_", StringComparison.Ordinal) || key.StartsWith("OTEL_", StringComparison.Ordinal);

    private static int ChildOf(int parent)
    {
        for (var i = 0; i < 500; i++)
        {
            var children = File.ReadAllText($"/proc/{parent}/task/{parent}/children");
            if (children.Length > 0)
                return int.Parse(children.Trim(), CultureInfo.InvariantCulture);
            Thread.Sleep(10);
        }
        throw new IOException("unshare started nothing");
    }

    /// <summary>Waits until /metrics answers 200.</summary>
    /// <exception cref="TimeoutException">Not within two minutes.</exception>
    public static async Task<Page> FirstAnswer(int port)
    {
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < Patience;)
        {
            try
            {
                return await Scraper.Get(port);
            }
            catch (HttpRequestException)
            {
                await Task.Delay(5);
            }
        }
        throw new TimeoutException($"nothing answers on port {port}");
    }

    /// <summary>A scrape and the milliseconds of CPU that it cost the process, 20 ms of afterwork included.</summary>
    public static async Task<(Page Page, double Cpu)> ScrapeMetered(CpuMeter meter, int port, bool gzip)
    {
        var before = meter.Nanoseconds();
        var page = await Scraper.Get(port, gzip);
        await Task.Delay(20);
        return (page, (meter.Nanoseconds() - before) / 1e6);
    }

    /// <summary>Part of the machine's time that was not idle, 0 to 1.</summary>
    public static double Busy((long Busy, long Total) before, (long Busy, long Total) after) =>
        (after.Busy - before.Busy) / (double)Math.Max(1, after.Total - before.Total);

    private void Read(string? line)
    {
        if (line is not null && FirstSnapshotLine().Match(line) is { Success: true } match)
            _firstSnapshot.TrySetResult(double.Parse(match.Groups["ms"].ValueSpan, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(@"first snapshot after (?<ms>\d+) ms", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex FirstSnapshotLine();

    public void Dispose()
    {
        using (var agent = Process.GetProcessById(Pid))
            agent.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
