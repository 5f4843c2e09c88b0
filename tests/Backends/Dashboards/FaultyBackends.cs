using Backends.Tests.Alerts;
using Collector.Tests.Support;
using Collector.Worker.Tests.EndToEnd;

namespace Backends.Tests.Dashboards;

/// <summary>
/// An agent on a node with faults, all probes on; a Prometheus that scrapes it, with the rules and an Alertmanager, and
/// a VictoriaMetrics that it sends to. Started once, by the first test that asks.
/// </summary>
public sealed class FaultyBackends : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("netlens-dashboards-");
    private Task? _started;
    private FaultyNode? _node;
    private AgentProcess? _agent;
    private VictoriaMetrics? _victoria;
    private PrometheusServer? _prometheus;
    private DebianProgram? _alertmanager;
    private HttpClient? _http;

    internal PrometheusServer Prometheus => _prometheus!;

    internal VictoriaMetrics Victoria => _victoria!;

    /// <summary>Name of the namespace whose listener accepts nobody.</summary>
    public string Listening => _node!.Listening;

    public Task StartAsync() => _started ??= BeginAsync();

    /// <summary>A page of the agent.</summary>
    public Task<string> PageAsync(string path) => _http!.GetStringAsync(new Uri(path, UriKind.Relative));

    /// <summary>Alerts that Alertmanager has, as its API gives them.</summary>
    public Task<string> AlertsAsync() => _http!.GetStringAsync(new Uri($"http://{AlertAddress}/api/v2/alerts"));

    private string AlertAddress { get; } = $"127.0.0.1:{DebianProgram.FreePort()}";

    private async Task BeginAsync()
    {
        _victoria = await VictoriaMetrics.StartAsync();
        var port = int.Parse(AlertAddress.Split(':')[1]);
        _alertmanager = new DebianProgram(null, Shell.Find("prometheus-alertmanager")!, static _ => """
                route: { receiver: nobody, group_wait: 0s }
                receivers: [ { name: nobody } ]
                """, port, $"--storage.path={_folder.FullName}", $"--web.listen-address={AlertAddress}",
            "--cluster.listen-address=", "--config.file");
        _agent = new AgentProcess($$"""
            collection: { interval: 2s }
            otlp: { endpoint: {{_victoria.Address}}opentelemetry, protocol: http/protobuf }
            events: { otlp: false }
            resource: { nodeName: node-1 }
            budget: { cpu: off }
            probes:
              dns: { enabled: on, timeout: 1s }
              flow: { enabled: on }
              receive: { enabled: on }
              transmit: { enabled: on }
              socketlatency: { enabled: on }
              runqueue: { enabled: on }
            """);
        _agent.WaitForLog("first snapshot");
        _http = new HttpClient { BaseAddress = _agent.Address };
        var rules = Path.Combine(_folder.FullName, "rules.yaml");
        // What comes within the time of a test.
        await File.WriteAllTextAsync(rules, AlertYaml.Rules().Replace("for: 2m", "for: 0s", StringComparison.Ordinal));
        _prometheus = new PrometheusServer($$"""
            global: { scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s }
            rule_files: [ {{rules}} ]
            alerting: { alertmanagers: [ { static_configs: [ { targets: [ "{{AlertAddress}}" ] } ] } ] }
            scrape_configs:
              - job_name: netlens
                static_configs: [ { targets: [ "{{_agent.Address.Authority}}" ] } ]
              - job_name: netlens-kubeskoop
                params: { naming: [ kubeskoop ] }
                static_configs: [ { targets: [ "{{_agent.Address.Authority}}" ] } ]
            """);
        _node = new FaultyNode();
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        _node?.Dispose();
        _http?.Dispose();
        if (_prometheus is not null)
            await _prometheus.DisposeAsync();
        _agent?.Dispose();
        _alertmanager?.Dispose();
        if (_victoria is not null)
            await _victoria.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
