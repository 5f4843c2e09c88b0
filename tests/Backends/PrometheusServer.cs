using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Tests.Support;

namespace Backends.Tests;

/// <summary>A real Prometheus 3 of Debian sid, with a configuration, a port and a data folder of its own.</summary>
internal sealed class PrometheusServer : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-prometheus-");
    private readonly HttpClient _http;
    private readonly Process _process;

    /// <param name="configuration">Content of its file.</param>
    /// <param name="arguments">More of the command line.</param>
    public PrometheusServer(string configuration, params string[] arguments)
    {
        var fetch = Path.Combine(Repository.Root, "tools", "debian-package");
        var program = Path.Combine(Shell.Run(fetch, "prometheus", "sid").Trim(), "usr/bin/prometheus");
        var file = Path.Combine(_folder.FullName, "prometheus.yaml");
        File.WriteAllText(file, configuration);
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var address = probe.LocalEndpoint.ToString();
        probe.Stop();
        _http = new HttpClient { BaseAddress = new Uri($"http://{address}") };
        _process = Process.Start(new ProcessStartInfo(program,
        [
            $"--config.file={file}", $"--storage.tsdb.path={Path.Combine(_folder.FullName, "data")}",
            $"--web.listen-address={address}", "--log.level=error", .. arguments,
        ])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
        })!;
        _process.ErrorDataReceived += static (_, _) => { };
        _process.BeginErrorReadLine();
    }

    /// <summary>What it answers; empty while it is starting.</summary>
    public async Task<string> GetAsync(string path)
    {
        _process.HasExited.ShouldBeFalse();
        try
        {
            return await _http.GetStringAsync(path);
        }
        catch (HttpRequestException)
        {
            return "";
        }
    }

    /// <summary>How many series a query has, once it has some.</summary>
    public async Task<int> CountAsync(string query)
    {
        for (var i = 0; i < 300; i++, await Task.Delay(100))
        {
            _process.HasExited.ShouldBeFalse();
            try
            {
                var answer = await _http.GetStringAsync($"/api/v1/query?query={Uri.EscapeDataString(query)}");
                using var json = JsonDocument.Parse(answer);
                var count = json.RootElement.GetProperty("data").GetProperty("result").GetArrayLength();
                if (count > 0)
                    return count;
            }
            catch (HttpRequestException)
            {
                // It is starting.
            }
        }
        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }
}
