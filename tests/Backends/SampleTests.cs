using Collector.Tests.Support;
using Collector.Worker.Tests.EndToEnd;
using OpenTelemetry.Proto.Collector.Metrics.V1;
using YamlDotNet.RepresentationModel;

namespace Backends.Tests;

/// <summary>
/// The ready files of otel-config: each is read by what reads it, and delivers where its backend runs here.
/// </summary>
public sealed class SampleTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "otel-config");

    public static TheoryData<string> Files =>
        [.. Directory.GetFiles(Folder, "*.yaml").Select(f => Path.GetFileName(f)!)];

    public static TheoryData<string> PrometheusFiles => ["prometheus-otlp.yaml", "prometheus-scrape.yaml"];

    [Theory]
    [MemberData(nameof(Files))]
    public void Netlens_takes_it(string file)
    {
        var (code, output, error) =
            AgentProcess.Run("config", "check", "--config", Path.Combine(Folder, file));
        error.ShouldBeEmpty();
        code.ShouldBe(0, output);
    }

    // bookworm's promtool knows neither Kubernetes nor OTLP; sid's does.
    [DebianTheory("promtool", "sid")]
    [MemberData(nameof(PrometheusFiles))]
    public void Prometheus_takes_it(string file)
    {
        var fetch = Path.Combine(Repository.Root, "tools", "debian-package");
        var promtool = Path.Combine(Shell.Run(fetch, "promtool", "sid").Trim(), "usr/bin/promtool");
        Shell.Run(promtool, "check", "config", Path.Combine(Folder, "backends", file)).ShouldContain("SUCCESS");
    }

    [VictoriaMetricsFact]
    public async Task VictoriaMetrics_gets_what_the_agent_has()
    {
        await using var backend = await VictoriaMetrics.StartAsync();
        var file = await File.ReadAllTextAsync(Path.Combine(Folder, "victoriametrics.yaml"));
        file.ShouldContain("http://victoriametrics:8428/");
        using var agent = new AgentProcess(
            file.Replace("http://victoriametrics:8428/", backend.Address.ToString(), StringComparison.Ordinal),
            ("NETLENS_COLLECTION_INTERVAL", "1s"), ("NETLENS_PROBES", "-all,netdev,tcp"));
        agent.WaitForLog("first snapshot");
        for (var i = 0; ; i++)
        {
            var series = await backend.QueryAsync(
                """system_network_io_bytes_total{netlens_scope="node",network_interface_name="lo"}""");
            if (series.Count == 2)
            {
                series.ShouldAllBe(s => s.Labels["service_name"] == "netlens");
                break;
            }
            i.ShouldBeLessThan(300, string.Join('\n', agent.LogLines));
            await Task.Delay(100);
        }
    }

    [DebianTheory("prometheus", "sid")]
    [InlineData("prometheus-scrape.yaml")]
    public async Task Prometheus_scrapes_the_agent(string file)
    {
        using var agent = new AgentProcess("", ("NETLENS_PROBES", "-all,netdev"));
        agent.WaitForLog("first snapshot");
        var text = await File.ReadAllTextAsync(Path.Combine(Folder, "backends", file));
        text.ShouldContain("127.0.0.1:9102");
        await using var server = new PrometheusServer(text
            .Replace("127.0.0.1:9102", agent.Address.Authority, StringComparison.Ordinal)
            .Replace("scrape_interval: 15s", "scrape_interval: 1s", StringComparison.Ordinal));
        (await server.CountAsync("""system_network_io_bytes_total{job="netlens"}""")).ShouldBeGreaterThan(1);
    }

    [Theory]
    [InlineData("arms.yaml", "http://tracing-analysis-dc-hz.aliyuncs.com:8090", "authentication", "TOKEN")]
    [InlineData("gateway.yaml", "http://otel-gateway:4317", "", "")]
    [InlineData("mimir.yaml", "http://mimir:8080", "X-Scope-OrgID", "anonymous", "/otlp/v1/metrics")]
    [InlineData("prometheus.yaml", "http://prometheus:9090", "", "", "/api/v1/otlp/v1/metrics")]
    public async Task The_agent_sends_what_the_backend_expects(
        string file, string address, string header, string value, string? path = null)
    {
        await using var receiver = await Receiver.StartAsync();
        var text = await File.ReadAllTextAsync(Path.Combine(Folder, file));
        text.ShouldContain(address);
        var here = (path is null ? receiver.Grpc : receiver.Http).GetLeftPart(UriPartial.Authority);
        using var agent = new AgentProcess(
            text.Replace(address, here, StringComparison.Ordinal), ("NETLENS_PROBES", "-all,netdev"));
        var first = await receiver.TakeAsync();
        first.Path.ShouldBe(path ?? "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
        first.Gzipped.ShouldBeTrue();
        if (header.Length > 0)
            first.Headers[header].ShouldBe(value);
        ExportMetricsServiceRequest.Parser.ParseFrom(first.Message).ResourceMetrics
            .SelectMany(r => r.ScopeMetrics).SelectMany(s => s.Metrics).Select(m => m.Name)
            .ShouldContain("system.network.io");
    }

    // No Collector can be had here to ask: the keys are those that its components had when they were recorded.
    [Fact]
    public void The_gateway_says_only_what_a_Collector_knows()
    {
        var keys = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "collector-keys.txt"))
            .Where(line => line.Length > 0 && line[0] != '#').ToHashSet();
        var said = PathsOf(Gateway(), "").Select(Kind).Distinct().ToArray();
        said.Length.ShouldBeGreaterThan(40);
        said.Where(path => !keys.Contains(path)).ShouldBeEmpty();
    }

    [Fact]
    public void The_gateways_pipelines_use_each_part_and_no_other()
    {
        var root = Gateway();
        var pipelines = (YamlMappingNode)root["service"]["pipelines"];
        foreach (var section in new[] { "receivers", "processors", "exporters" })
        {
            pipelines.Children.Values.SelectMany(p => ((YamlSequenceNode)p[section]).Select(n => n.ToString()))
                .Distinct().ShouldBe(((YamlMappingNode)root[section]).Children.Keys.Select(k => k.ToString()), true);
        }
        foreach (var pipeline in pipelines.Children.Values)
        {
            var steps = ((YamlSequenceNode)pipeline["processors"]).Select(n => n.ToString()).ToArray();
            steps[0].ShouldBe("memory_limiter");
            steps[^1].ShouldBe("batch");
        }
    }

    private static YamlMappingNode Gateway()
    {
        using var reader = new StreamReader(Path.Combine(Folder, "backends", "collector.yaml"));
        var stream = new YamlStream();
        stream.Load(reader);
        return (YamlMappingNode)stream.Documents.ShouldHaveSingleItem().RootNode;
    }

    // "processors.filter/netlens.metrics.datapoint" is of the kind "processors.filter.metrics.datapoint".
    private static string Kind(string path)
    {
        var words = path.Split('.');
        if (words.Length > 1)
            words[1] = words[1].Split('/')[0];
        return string.Join('.', words);
    }

    private static IEnumerable<string> PathsOf(YamlNode node, string path) => node switch
    {
        // Names of headers are anybody's.
        YamlMappingNode map when !path.EndsWith(".headers", StringComparison.Ordinal) =>
            map.Children.SelectMany(child => PathsOfChild(child.Value, path, child.Key.ToString())),
        YamlSequenceNode list => list.SelectMany(item => PathsOf(item, path)),
        _ => [],
    };

    private static IEnumerable<string> PathsOfChild(YamlNode node, string parent, string name)
    {
        var path = parent.Length == 0 ? name : $"{parent}.{name}";
        return PathsOf(node, path).Prepend(path);
    }
}

/// <summary>A test with data that takes a program of another suite of Debian.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class DebianTheoryAttribute : TheoryAttribute
{
    public DebianTheoryAttribute(string package, string suite)
    {
        if (!OperatingSystem.IsLinux() || Shell.Find("apt-get") is null || Shell.Find("dpkg") is null)
            Skip = $"needs apt-get and dpkg to have {package} of {suite}";
    }
}
