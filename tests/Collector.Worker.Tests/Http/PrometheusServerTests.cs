using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Worker.Configuration;
using Collector.Worker.Export.Prometheus;
using Collector.Worker.Tests.Export.Prometheus;
using Collector.Worker.Tests.Support;

namespace Collector.Worker.Tests.Http;

/// <summary>A real Prometheus scrapes the real endpoint; its query API must know every number.</summary>
public sealed class PrometheusServerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("netlens-prometheus-").FullName;
    private Process? _process;

    [ToolFact("prometheus")]
    public async Task Every_sample_arrives_in_both_formats_and_all_namings()
    {
        await using var server = await HttpServerFixture.StartAsync();
        var snapshot = server.Node.CollectGolden();
        using var prometheus = new HttpClient { BaseAddress = Start(server.Address.Port) };

        // Prometheus asks for OpenMetrics of its own accord; the legacy namings answer in the text format.
        foreach (var naming in Enum.GetValues<MetricNaming>())
        {
            var job = naming.ToString().ToLowerInvariant();
            await Scraped(prometheus, job);
            var expected = ExpositionReader.Read(PrometheusSnapshotFixture.Page(snapshot, naming), openMetrics: false);
            expected.Count.ShouldBeGreaterThan(10);
            foreach (var sample in expected)
                ShouldBeNumber(await ValueOf(prometheus, job, sample), sample.Value, $"{job}: {sample.Name}");
        }
        await Scraped(prometheus, "created");
        var first = ExpositionReader.Read(PrometheusSnapshotFixture.Page(snapshot, MetricNaming.Otel), false)[0];
        ShouldBeNumber(await ValueOf(prometheus, "created", first), first.Value, "created");
        ShouldBeNumber(await ValueOf(prometheus, "created", first with { Name = "system_network_io_bytes_created" }),
            PrometheusSnapshotFixture.Boot / 1_000_000 / 1000.0, "created");
    }

    public void Dispose()
    {
        if (_process is not null)
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
        Directory.Delete(_folder, recursive: true);
    }

    private static void ShouldBeNumber(double? value, double expected, string what) =>
        value.ShouldNotBeNull(what).ShouldBe(expected, what);

    /// <summary>Waits for the scrape that answers, whenever that is.</summary>
    private static async Task Scraped(HttpClient prometheus, string job)
    {
        for (var i = 0; i < 600; i++)
        {
            if (await Query(prometheus, $"up{{job=\"{job}\"}}") == 1)
                return;
            await Task.Delay(100);
        }
        throw new TimeoutException($"Prometheus did not scrape {job}: "
            + await prometheus.GetStringAsync("/api/v1/targets"));
    }

    private static Task<double?> ValueOf(HttpClient prometheus, string job, ExpositionSample sample)
    {
        // A selector without netns would also find the namespaces that have one.
        var all = new Dictionary<string, string>(sample.Labels);
        all.TryAdd("netns", "");
        var labels = all.Select(l => $"{l.Key}={JsonSerializer.Serialize(l.Value)}");
        return Query(prometheus, $"{sample.Name}{{job=\"{job}\",{string.Join(',', labels)}}}");
    }

    private static async Task<double?> Query(HttpClient prometheus, string query)
    {
        try
        {
            var answer = await prometheus.GetStringAsync($"/api/v1/query?query={Uri.EscapeDataString(query)}");
            using var json = JsonDocument.Parse(answer);
            var results = json.RootElement.GetProperty("data").GetProperty("result").EnumerateArray().ToArray();
            if (results.Length == 0)
                return null;
            var value = results.ShouldHaveSingleItem().GetProperty("value")[1].GetString()!;
            return double.Parse(value, CultureInfo.InvariantCulture);
        }
        catch (HttpRequestException)
        {
            return null; // it is starting
        }
    }

    private Uri Start(int target)
    {
        var port = FreePort();
        var config = Path.Combine(_folder, "prometheus.yml");
        File.WriteAllText(config, $$"""
            global: {scrape_interval: 1s, scrape_timeout: 1s}
            scrape_configs:
              - {job_name: otel, static_configs: [targets: ["127.0.0.1:{{target}}"]]}
              - {job_name: kubeskoop, params: {naming: [kubeskoop]}, static_configs: [targets: ["127.0.0.1:{{target}}"]]}
              - {job_name: inspector, params: {naming: [inspector]}, static_configs: [targets: ["127.0.0.1:{{target}}"]]}
              - {job_name: created, params: {created: ["true"]}, static_configs: [targets: ["127.0.0.1:{{target}}"]]}
            """);
        var start = new ProcessStartInfo(ToolFactAttribute.Find("prometheus")!,
        [
            $"--config.file={config}", $"--storage.tsdb.path={Path.Combine(_folder, "data")}",
            $"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
        ])
        {
            WorkingDirectory = _folder,
        };
        _process = Process.Start(start);
        return new Uri($"http://127.0.0.1:{port}");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
