using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>A configuration that changes while the agent runs.</summary>
public sealed class ReloadTests
{
    private const string Quick = "collection: { interval: 1s }\n";

    /// <summary>Each section by its effect, and a wrong file now and then: twenty swaps of one agent.</summary>
    [Fact]
    public void Every_swap_of_a_ConfigMap_is_taken_over_and_a_wrong_one_changes_nothing()
    {
        using var agent = new ReloadedAgent("collection: { interval: 5m }\nprobes: { tcp: true, udp: true }\n");
        agent.Status.GetProperty("configuration").GetProperty("last_reload").ValueKind.ShouldBe(JsonValueKind.Null);

        agent.Swap(Quick);
        var time = Figure(agent, "netlens_snapshot_time_seconds");
        agent.Until(() => Figure(agent, "netlens_snapshot_time_seconds") != time, "the five minutes were waited for");

        agent.Swap(Quick + "prometheus: { naming: kubeskoop }\n");
        agent.Get("/metrics").ShouldContain("kubeskoop_");
        var refused = agent.Swap(Quick + "prometheus: { naming: kubescope }\n", "refused");
        refused.GetProperty("errors")[0].GetString()!.ShouldContain("prometheus.naming");
        agent.Agent.WaitForLog("reload refused").ShouldContain("prometheus.naming");
        agent.Get("/metrics").ShouldContain("kubeskoop_");
        agent.Until(() => Figure(agent, "netlens_config_last_reload_successful") == "0", "no figure of the failure");
        agent.Swap("probes: [", "refused");
        agent.Swap(Quick);
        agent.Get("/metrics").ShouldNotContain("kubeskoop_");
        agent.Until(() => Figure(agent, "netlens_config_last_reload_successful") == "1", "no figure of the success");
        agent.Get("/metrics?naming=otel").ShouldContain("netlens_config_result=\"refused\"} 2");

        agent.Swap(Quick + "probes: { udp: false }\n");
        agent.Until(() => !agent.Get("/metrics").Contains("netlens_udp_"), "udp goes on");
        agent.Swap(Quick + "probes: { udp: true }\n");
        agent.Until(() => agent.Get("/metrics").Contains("netlens_udp_"), "udp does not come back");

        var all = agent.Get("/metrics").Split('\n').Length;
        agent.Swap("collection: { interval: 1s, zeros: drop }\n");
        agent.Until(() => agent.Get("/metrics").Split('\n').Length < all, "zeros stay");
        agent.Swap(Quick);
        agent.Until(() => agent.Get("/metrics").Split('\n').Length >= all * 9 / 10, "zeros do not come back");

        agent.Swap(Quick + "logging: { level: debug }\n");
        agent.Until(
            () => agent.Get("/healthz") == "ok\n" && agent.Agent.LogLines.Any(l => l.Contains(" debug ")), "no details");
        agent.Swap(Quick + "logging: { level: info }\n");

        const string Limits = Quick + "limits: { rows: 100 }\n", Pods = "pods: { poll: 20s, labels: [app] }\n";
        agent.Swap(Limits);
        agent.Value("limits.rows").ShouldBe("100");
        Told(agent, Limits + Pods, "pods.poll", "20s");
        const string Ebpf = "ebpf: { eventBuffer: 128KiB }\n";
        Told(agent, Limits + Pods + Ebpf, "ebpf.eventBuffer", "128KiB");
        Told(agent, $"{Limits}{Pods}{Ebpf}findings: {{ path-loss: {{ least: 77 }}, link-flap: off }}\n",
            "findings.path-loss.least", "77");
        agent.Value("findings.link-flap").ShouldBe("false");
        agent.Swap(Quick + "resource: { nodeName: node-of-the-test }\n");
        agent.Until(() => agent.Get("/metrics?naming=kubeskoop").Contains("\"node-of-the-test\""), "no new name");

        Events(agent);
        Listener(agent);
        agent.Swap($"{Quick}paths: {{ proc: /elsewhere }}\nprometheus: {{ naming: inspector }}\n", "partial")
            .GetProperty("errors")[0].GetString()!.ShouldContain("section 'paths' changed: it takes a restart");
        agent.Get("/metrics").ShouldContain("inspector_");
        agent.Map.Swaps.ShouldBeGreaterThan(20);
        agent.Agent.Signal("TERM");
        agent.Agent.WaitForExit().ShouldBe(0);
    }

    /// <summary>In the log, by /status, /config, the command and the figure.</summary>
    private static void Told(ReloadedAgent agent, string configuration, string key, string value)
    {
        var section = key.Split('.')[0];
        const string Reloads = "netlens_config_reloads_total{netlens_scope=\"node\",netlens_config_result=\"applied\"}";
        double Applied() => Sum(agent.Get("/metrics?naming=otel"), Reloads);
        // The collection that is under way may have begun before the last one.
        for (var i = 0; i < 2; i++)
        {
            var time = Figure(agent, "netlens_snapshot_time_seconds");
            agent.Until(() => Figure(agent, "netlens_snapshot_time_seconds") != time, "no collection");
        }
        var before = Applied();
        var reload = agent.Swap(configuration);
        reload.GetProperty("changed").EnumerateArray().Select(c => c.GetString()).ShouldBe([section]);
        agent.Agent.WaitForLog($"reloaded: {section} changed");
        agent.Value(key).ShouldBe(value);
        AgentProcess.Run("status", "-s", $"127.0.0.1:{agent.Port}").Output.ShouldContain($"applied ({section})");
        agent.Until(() => Applied() == before + 1, "no figure of it");
    }

    private static void Events(ReloadedAgent agent)
    {
        var (one, two) = (Path.Combine(agent.Map.Root, "one.json"), Path.Combine(agent.Map.Root, "two.json"));
        agent.Swap($"{Quick}events: {{ json: {one} }}\n");
        agent.Until(() => File.Exists(one), "the first file was not opened");
        agent.Swap($"{Quick}events: {{ json: {two}, burst: 5, window: 2s, queue: 17 }}\n");
        agent.Until(() => File.Exists(two), "the second file was not opened");
        Outlet(agent).GetProperty("open").GetBoolean().ShouldBeTrue();
        agent.Swap($"{Quick}events: {{ enabled: false, json: {two} }}\n");
        Outlet(agent).GetProperty("open").GetBoolean().ShouldBeFalse();
    }

    private static JsonElement Outlet(ReloadedAgent agent) => agent.Status.GetProperty("outlets").EnumerateArray()
        .Single(o => o.GetProperty("name").GetString() == "json");

    // The Unix socket beside the port goes along.
    private static void Listener(ReloadedAgent agent)
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var kept = agent.Swap(
            $"http: {{ listen: '{taken.LocalEndpoint}' }}\n{Quick}prometheus: {{ naming: inspector }}\n", "partial");
        kept.GetProperty("errors")[0].GetString()!.ShouldContain("already in use");
        agent.Get("/metrics").ShouldContain("inspector_", customMessage: "the rest applies");
        var (old, next) = (agent.Port, FakeBackend.FreePort());
        agent.Map.Swap($"http: {{ listen: '127.0.0.1:{next}' }}\n{Quick}");
        agent.Until(() => Answers(agent, next), "it does not move");
        agent.Port = next;
        agent.Until(() => !Answers(agent, old), "the old port stays open");
        // Told when the old listener is gone for good.
        agent.Until(() => agent.LastReload.GetProperty("result").GetString() == "applied", "it is not told");
    }

    private static bool Answers(ReloadedAgent agent, int port)
    {
        try
        {
            return agent.GetFrom(port, "/healthz") == "ok\n";
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    [Fact]
    public void Metrics_that_move_to_another_backend_are_neither_lost_nor_sent_twice()
    {
        using FakeBackend first = new(), second = new();
        using var agent = new ReloadedAgent(Quick + To(first));
        agent.Until(() => first.Pushes.Length >= 3, "nothing is pushed");
        foreach (var backend in (FakeBackend[])[second, first, second])
        {
            agent.Swap(Quick + To(backend));
            var before = backend.Pushes.Length;
            agent.Until(() => backend.Pushes.Length >= before + 2, "it did not move");
        }
        agent.Swap(Quick);
        var (page, pushes) = ("", Array.Empty<ulong>());
        agent.Until(() =>
        {
            (page, pushes) = (agent.Get("/metrics"), [.. first.Pushes, .. second.Pushes]);
            return Sum(page, "netlens_otlp_requests_total") == pushes.Length;
        }, "what was sent is not what came");
        pushes.Distinct().Count().ShouldBe(pushes.Length, "none twice");
        Sum(page, "netlens_otlp_snapshots_skipped_total").ShouldBe(0);
        Sum(page, "netlens_otlp_failures_total").ShouldBe(0);
        (first.Logs + second.Logs).ShouldBeGreaterThan(0);
    }

    private static string To(FakeBackend backend) =>
        $"otlp: {{ endpoint: '{backend.Url}', compression: none, maxRequestSize: 16MiB }}\n";

    [Fact]
    public void A_file_that_is_edited_in_place_taken_away_or_put_back_needs_no_signal()
    {
        using var agent = new AgentProcess(Quick);
        agent.Get("/metrics").ShouldNotContain("kubeskoop_");
        using (var file = new StreamWriter(agent.ConfigPath))
        {
            file.Write("http: { listen: 127.0.0.1:0 }\ncollection: { interval: 1s }\nprometheus: { nam");
            file.Flush();
            Thread.Sleep(100);
            file.Write("ing: kubeskoop }\n");
        }
        Until(agent, "kubeskoop_");
        File.Delete(agent.ConfigPath);
        agent.WaitForLog("there is no such file").ShouldContain("reload refused");
        agent.Get("/metrics").ShouldContain("kubeskoop_");
        File.WriteAllText(
            agent.ConfigPath + ".new", "http: { listen: 127.0.0.1:0 }\nprometheus: { naming: inspector }\n");
        File.Move(agent.ConfigPath + ".new", agent.ConfigPath);
        Until(agent, "inspector_");
        agent.Signal("TERM");
        agent.WaitForExit().ShouldBe(0);
    }

    [Fact]
    public void The_commands_tell_how_the_agent_is_and_what_a_file_would_change()
    {
        using var agent = new ReloadedAgent(Quick + "otlp: { headers: { authorization: secret } }\n");
        var server = $"127.0.0.1:{agent.Port}";
        var file = Path.Combine(agent.Map.Root, "other.yaml");
        File.WriteAllText(file, Quick + "prometheus: { naming: kubeskoop }\npaths: { sys: /elsewhere }\n"
            + "otlp: { headers: { authorization: another } }\n");

        var (code, output, error) = AgentProcess.Run("status", "-s", server);
        (code, error).ShouldBe((0, ""));
        output.ShouldContain(agent.Map.ConfigPath);
        output.ShouldContain("softnet");
        AgentProcess.Run("status", "--server", server, "-o", "json").Output.ShouldContain("\"inuse_probes\"");

        (code, output, error) = AgentProcess.Run("config", "diff", "-s", server, "-c", file);
        (code, error).ShouldBe((0, ""));
        output.Split('\n').ShouldContain(l => l.StartsWith("prometheus.naming") && l.EndsWith("at once"));
        output.Split('\n').ShouldContain(l => l.StartsWith("paths.sys") && l.EndsWith("with a restart"));
        output.Split('\n').ShouldContain(l => l.StartsWith("otlp.headers.authorization") && l.Contains("not compared"));
        (output + agent.Get("/config") + agent.Get("/status")).ShouldNotContain("another");

        agent.Agent.Signal("TERM");
        agent.Agent.WaitForExit();
        (code, _, error) = AgentProcess.Run("status", "-s", server);
        code.ShouldBe(5);
        error.ShouldContain("no running agent answers");
    }

    private static void Until(AgentProcess agent, string text)
    {
        for (var i = 0; i < 600 && !agent.Get("/metrics").Contains(text); i++)
            Thread.Sleep(100);
        agent.Get("/metrics").ShouldContain(text);
    }

    private static string Figure(ReloadedAgent agent, string name) => agent.Get("/metrics?naming=otel").Split('\n')
        .Where(l => l.StartsWith(name)).Select(l => l[(l.LastIndexOf(' ') + 1)..]).FirstOrDefault() ?? "";

    private static double Sum(string page, string name) => page.Split('\n').Where(l => l.StartsWith(name))
        .Sum(l => double.Parse(l[(l.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));
}
