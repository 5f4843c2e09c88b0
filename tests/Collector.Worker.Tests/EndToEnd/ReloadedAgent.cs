using System.Diagnostics;
using System.Text.Json;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>An agent whose file is a ConfigMap's, and what it says of each change.</summary>
internal sealed class ReloadedAgent : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly HttpClient _http = new() { Timeout = Patience };

    public ReloadedAgent(string configuration)
    {
        Port = FakeBackend.FreePort();
        Map = new(Whole(configuration));
        Agent = new AgentProcess("", $"exec \"$0\" run --config {Map.ConfigPath}");
        Agent.WaitForLog("first snapshot");
    }

    public ConfigMapFolder Map { get; }

    public AgentProcess Agent { get; }

    /// <summary>Where it is to listen.</summary>
    public int Port { get; set; }

    public string Get(string path) => GetFrom(Port, path);

    public string GetFrom(int port, string path) =>
        _http.GetStringAsync($"http://127.0.0.1:{port}{path}").GetAwaiter().GetResult();

    public JsonElement Status => JsonDocument.Parse(Get("/status")).RootElement;

    public JsonElement LastReload => Status.GetProperty("configuration").GetProperty("last_reload");

    public string Value(string key) => JsonDocument.Parse(Get("/config")).RootElement.GetProperty("values")
        .GetProperty(key).GetString()!;

    /// <summary>Swaps the file, and waits until this is what became of it.</summary>
    public JsonElement Swap(string configuration, string result = "applied")
    {
        var before = TimeOfLast();
        Map.Swap(Whole(configuration));
        Until(() => TimeOfLast() != before, $"no reload of:\n{configuration}");
        LastReload.GetProperty("result").GetString().ShouldBe(result, LastReload.ToString());
        return LastReload;
    }

    public void Until(Func<bool> condition, string otherwise)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < Patience; Thread.Sleep(50))
        {
            if (condition())
                return;
        }
        throw new InvalidOperationException($"{otherwise}\n{string.Join('\n', Agent.LogLines.TakeLast(30))}");
    }

    public void Dispose()
    {
        Agent.Dispose();
        Map.Dispose();
        _http.Dispose();
    }

    private string TimeOfLast()
    {
        try
        {
            return LastReload is { ValueKind: JsonValueKind.Object } last ? last.GetProperty("time").GetString()! : "";
        }
        catch (HttpRequestException)
        {
            return ""; // It listens elsewhere in a moment.
        }
    }

    private string Whole(string configuration) =>
        configuration.StartsWith("http:", StringComparison.Ordinal)
            ? configuration
            : $"http: {{ listen: '127.0.0.1:{Port}' }}\n{configuration}";
}
