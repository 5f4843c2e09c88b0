using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Collector.Tests.Support;

namespace Backends.Tests;

/// <summary>Runs where Debian's package of VictoriaMetrics can: Linux on x86-64 with apt and dpkg.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class VictoriaMetricsFactAttribute : FactAttribute
{
    public VictoriaMetricsFactAttribute()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.OSArchitecture != Architecture.X64)
            Skip = "needs Linux on x86-64";
        else if (!File.Exists("/usr/bin/apt-get") || !File.Exists("/usr/bin/dpkg"))
            Skip = "needs apt-get and dpkg to have VictoriaMetrics";
    }
}

/// <summary>A real VictoriaMetrics on a port and a data folder of its own.</summary>
internal sealed class VictoriaMetrics : IAsyncDisposable
{
    private static readonly Lazy<Task<string>> Program = new(UnpackAsync);

    private readonly DirectoryInfo _data;
    private readonly Process _process;
    private readonly HttpClient _http;

    private VictoriaMetrics(Process process, DirectoryInfo data, Uri address)
    {
        _process = process;
        _data = data;
        Address = address;
        _http = new HttpClient { BaseAddress = address };
    }

    public Uri Address { get; }

    public Uri OtlpMetrics => new(Address, "/opentelemetry/v1/metrics");

    public static async Task<VictoriaMetrics> StartAsync()
    {
        var program = await Program.Value;
        for (var attempt = 1; ; attempt++)
        {
            var server = Start(program);
            if (await server.IsReadyAsync())
                return server;
            await server.DisposeAsync();
            // Another process may have taken the port meanwhile.
            attempt.ShouldBeLessThan(4, "VictoriaMetrics does not start");
        }
    }

    /// <summary>What it answers, of an error too.</summary>
    public async Task<string> GetAsync(string path)
    {
        using var answer = await _http.GetAsync(path);
        return await answer.Content.ReadAsStringAsync();
    }

    /// <summary>Takes a page of an agent as if it had scraped it.</summary>
    public async Task ImportAsync(string page, string job)
    {
        using var body = new StringContent(page);
        var answer = await _http.PostAsync($"/api/v1/import/prometheus?extra_label=job={job}", body);
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>Values of an instant query by their labels.</summary>
    public async Task<IReadOnlyList<(IReadOnlyDictionary<string, string> Labels, double Value)>> QueryAsync(
        string query)
    {
        // What was written a moment ago is searchable after a flush.
        (await _http.GetAsync("/internal/force_flush")).EnsureSuccessStatusCode();
        var json = await _http.GetStringAsync($"/api/v1/query?query={Uri.EscapeDataString(query)}");
        using var answer = JsonDocument.Parse(json);
        return [.. answer.RootElement.GetProperty("data").GetProperty("result").EnumerateArray().Select(Read)];
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _data.Delete(recursive: true);
    }

    private static (IReadOnlyDictionary<string, string>, double) Read(JsonElement series) => (
        series.GetProperty("metric").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!),
        double.Parse(series.GetProperty("value")[1].GetString()!));

    private static VictoriaMetrics Start(string program)
    {
        int port;
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }
        var data = Directory.CreateTempSubdirectory("netlens-vm-");
        var start = new ProcessStartInfo(program)
        {
            UseShellExecute = false,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            ArgumentList =
            {
                $"-httpListenAddr=127.0.0.1:{port}", $"-storageDataPath={data.FullName}",
                "-opentelemetry.usePrometheusNaming", "-search.latencyOffset=0s", "-memory.allowedBytes=256MB",
            },
        };
        var process = Process.Start(start)!;
        process.ErrorDataReceived += static (_, _) => { };
        process.OutputDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        return new VictoriaMetrics(process, data, new Uri($"http://127.0.0.1:{port}"));
    }

    private async Task<bool> IsReadyAsync()
    {
        for (var i = 0; i < 300 && !_process.HasExited; i++)
        {
            try
            {
                if ((await _http.GetAsync("/health")).IsSuccessStatusCode)
                    return true;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }
            await Task.Delay(100);
        }
        return false;
    }

    /// <summary>bookworm's version has no OTLP receiver with Prometheus names; trixie's has, and runs there.</summary>
    private static async Task<string> UnpackAsync()
    {
        var start = new ProcessStartInfo("/bin/bash")
        {
            ArgumentList =
            {
                Path.Combine(Repository.Root, "tools", "debian-package"), "victoria-metrics", "trixie",
            },
            RedirectStandardOutput = true,
            UseShellExecute = false,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var folder = (await process.StandardOutput.ReadToEndAsync()).Trim();
        await process.WaitForExitAsync();
        process.ExitCode.ShouldBe(0, await errors);
        return Path.Combine(folder, "usr/bin/victoria-metrics");
    }
}
