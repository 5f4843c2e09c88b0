using System.Diagnostics;
using System.Text.Json;
using Collector.Tests.Support;
using Xunit.Abstractions;

namespace Backends.Tests.Dashboards;

/// <summary>
/// Every query of every dashboard, asked of a real Prometheus and a real VictoriaMetrics, and an alert that a real
/// Alertmanager got, all from one agent under real faults.
/// </summary>
[Collection(AloneCollection.Name)] // it watches the machine
public sealed class DashboardQueryTests(FaultyBackends backends, ITestOutputHelper output)
    : IClassFixture<FaultyBackends>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(150);

    /// <summary>An answer that comes after it is told, to see what it waited for.</summary>
    private static readonly TimeSpan Late = TimeSpan.FromSeconds(30);

    /// <summary>What this machine may not have, and how it is known that it has not.</summary>
    private static readonly (string Series, string Reason, Func<string, bool> IsSo)[] Absent =
    [
        ("kubeskoop_rdma_", "no RDMA device", static _ => !Has("/sys/class/infiniband")),
        ("netlens_virtcmdlatency_duration", "no virtio-net device was commanded",
            static page => !page.Contains("netlens_virtcmdlatency_duration_seconds_count{", StringComparison.Ordinal)),
        ("netlens_throttling_periods", "no pod with a quota", HasNoPod),
        ("k8s_namespace_name) (", "no pod with a name", HasNoPod),
        ("k8s_pod_name) (", "no pod with a name", HasNoPod),
        ("netlens_ports_snat_", "nobody translates addresses", static page => Lacks(page, "netlens_ports_snat_used")),
    ];

    [RequiresBackendsFact]
    public async Task Both_backends_have_an_answer_to_every_query()
    {
        await backends.StartAsync();
        // Side by side: some faults do not last.
        await Task.WhenAll(
            AskAllAsync("instance", backends.Prometheus.GetAsync, static () => Task.CompletedTask),
            AskAllAsync("host_name", backends.Victoria.GetAsync, ImportAsync));
    }

    // Over OTLP names are OpenTelemetry's: for KubeSkoop's a page stands for its scraper.
    private async Task ImportAsync()
    {
        await backends.Victoria.ImportAsync(await backends.PageAsync("/metrics?naming=kubeskoop"), "netlens");
        await backends.Victoria.GetAsync("/internal/force_flush");
    }

    [RequiresBackendsFact]
    public async Task Alertmanager_gets_the_alert_of_a_finding()
    {
        await backends.StartAsync();
        var found = default(JsonElement);
        for (var clock = Stopwatch.StartNew(); found.ValueKind == JsonValueKind.Undefined; await Task.Delay(500))
        {
            var answer = await backends.AlertsAsync();
            clock.Elapsed.ShouldBeLessThan(Patience, answer);
            found = JsonDocument.Parse(answer).RootElement.EnumerateArray().FirstOrDefault(a =>
                Label(a, "alertname") == "NetlensAcceptQueueOverflow"
                && Label(a, "netlens_netns_name") == backends.Listening);
        }
        Label(found, "severity").ShouldBe("warning");
        var annotations = found.GetProperty("annotations");
        annotations.GetProperty("runbook_url").GetString()!.ShouldEndWith("/findings/accept-queue-overflow.md");
        annotations.GetProperty("summary").GetString()!
            .ShouldStartWith($"A listener's accept queue overflows: namespace {backends.Listening}, 127.0.0.1:");
    }

    private async Task AskAllAsync(string nodeLabel, Func<string, Task<string>> get, Func<Task> before)
    {
        var open = AllDashboards.List.SelectMany(d => QueriesOf(d, nodeLabel)).Distinct().ToList();
        open.Count.ShouldBeGreaterThan(150);
        var said = new Dictionary<string, string>();
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(1000))
        {
            await before();
            foreach (var query in open.ToArray())
            {
                var answer = await get($"/api/v1/query?query={Uri.EscapeDataString(query)}");
                said[query] = answer;
                if (!HasValue(answer))
                    continue;
                open.Remove(query);
                if (clock.Elapsed > Late)
                    output.WriteLine($"by {nodeLabel} after {clock.Elapsed.TotalSeconds:0} s: {query}");
            }
            var page = await backends.PageAsync("/metrics");
            var missing = open.Where(q => !Array.Exists(Absent, a => q.Contains(a.Series) && a.IsSo(page))).ToArray();
            if (missing.Length == 0)
            {
                output.WriteLine($"by {nodeLabel} all but {open.Count} after {clock.Elapsed.TotalSeconds:0} s:");
                open.ForEach(output.WriteLine);
                return;
            }
            clock.Elapsed.ShouldBeLessThan(Patience, string.Join('\n', missing.Select(q => $"{q}\n   {said[q]}")));
        }
    }

    private static IEnumerable<string> QueriesOf(Dashboard dashboard, string nodeLabel) =>
        dashboard.Panels.SelectMany(p => p.Queries).Select(q => q.Text)
            .Concat(dashboard.Variables.Select(v =>
                $"group by ({v.ValuesOf}) ({v.Metric}) unless on ({v.ValuesOf}) vector(0)"))
            .Select(q => q.Replace("$__rate_interval", "30s", StringComparison.Ordinal)
                .Replace("$nodelabel", nodeLabel, StringComparison.Ordinal)
                .Replace("$node", ".+", StringComparison.Ordinal)
                .Replace("$namespace", ".*", StringComparison.Ordinal)
                .Replace("$pod", ".*", StringComparison.Ordinal));

    // A quantile of nothing is a value, too: NaN.
    private static bool HasValue(string answer)
    {
        if (answer.Length == 0)
            return false;
        using var json = JsonDocument.Parse(answer);
        return json.RootElement.TryGetProperty("data", out var data) && data.GetProperty("result").EnumerateArray()
            .Any(s => s.GetProperty("value")[1].GetString() is not "NaN");
    }

    private static string? Label(JsonElement alert, string name) =>
        alert.GetProperty("labels").TryGetProperty(name, out var label) ? label.GetString() : null;

    private static bool Has(string folder) =>
        Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any();

    private static bool HasNoPod(string page) => Lacks(page, "k8s_pod_name=");

    private static bool Lacks(string page, string text) => !page.Contains(text, StringComparison.Ordinal);
}

/// <summary>Skips where a backend, a tool or the kernel's permission is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresBackendsFactAttribute : FactAttribute
{
    public RequiresBackendsFactAttribute() => Skip = RootSupport.WhyNot(["nft", "tc", "prometheus-alertmanager"])
        ?? new DebianTheoryAttribute("prometheus", "sid").Skip ?? new VictoriaMetricsFactAttribute().Skip;
}
