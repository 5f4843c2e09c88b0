using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Tests.Support;

namespace Collector.Worker.Tests.EndToEnd;

/// <summary>The running agent as an operator meets it.</summary>
public sealed class AgentTests
{
    private const string Quick = "collection: { interval: 1s }\n";

    [RequiresRootFact("nstat")]
    public void Its_numbers_are_those_of_nstat_for_a_namespace_that_appeared_while_it_ran()
    {
        using var agent = new AgentProcess(Quick);
        agent.Get("/metrics").ShouldContain("netlens_scope=\"node\"");
        using var ns = new TestNetns();
        ns.Run("ping", "-c", "5", "-i", "0.2", "127.0.0.1");

        var truth = JsonDocument.Parse(ns.Run("nstat", "-a", "-z", "-j")).RootElement.GetProperty("kernel");
        var page = WaitForPage(agent, $"netlens_netns_name=\"{ns.Name}\"");
        Value(page, "kubeskoop_ip_inreceives", "/metrics?naming=kubeskoop", agent, ns)
            .ShouldBe(truth.GetProperty("IpInReceives").GetInt64());
        Value(page, "inspector_pod_udpindatagrams", "/metrics?naming=inspector", agent, ns)
            .ShouldBe(truth.GetProperty("UdpInDatagrams").GetInt64());
        page.ShouldContain("netlens_namespaces ");
        page.ShouldContain("netlens_probe_running{netlens_scope=\"node\",netlens_probe=\"tcp\"} 1");
    }

    [RequiresRootFact]
    public void An_idle_pod_costs_at_most_110_series_and_the_evidence_is_among_them()
    {
        using var pair = new TestNetnsPair();
        pair.Right.Start("sleep", "60");
        using var agent = new AgentProcess(Quick);
        var label = $"netlens_netns_name=\"{pair.Right.Name}\"";
        WaitForPage(agent, label);
        // The collection after the first one: every row is there by then.
        Thread.Sleep(1100);
        var lines = agent.Get("/metrics").Split('\n').Where(l => l.Contains(label)).ToList();

        lines.Count.ShouldBeInRange(75, 110, string.Join(
            ' ', lines.CountBy(l => l.Split('{')[0]).OrderBy(n => n.Key).Select(n => $"{n.Key}:{n.Value}")));
        foreach (var name in new[] { "prune_called", "sack_reneging", "to_zero_window_adv", "listen_drops" })
            lines.ShouldContain(l => l.StartsWith($"netlens_tcpext_{name}_total{{"));
        lines.ShouldNotContain(l => l.StartsWith("netlens_tcpext_ack_skipped_paws_total{"));
        // KubeSkoop's names are all there, whatever leaves under ours.
        agent.Get("/metrics?naming=kubeskoop").Split('\n')
            .ShouldContain(l => l.StartsWith("kubeskoop_tcpext_tcpackskippedpaws{")
                && l.Contains($"ns{pair.Right.Inode}"));
    }

    [RequiresRootFact]
    public void With_zeros_dropped_a_series_begins_with_its_first_count_and_stays()
    {
        using var ns = new TestNetns();
        using var agent = new AgentProcess("collection: { interval: 1s, zeros: drop }\n");
        var label = $"netlens_netns_name=\"{ns.Name}\"";
        bool Has(string page, string start) => page.Split('\n').Any(l => l.StartsWith(start) && l.Contains(label));
        ns.Inside(() => SendToNobody());
        var page = WaitForPage(agent, label);
        Has(page, "netlens_udp_rcvbuf_errors_total").ShouldBeFalse();
        for (var i = 0; i < 100 && !Has(page, "netlens_udp_no_ports_total"); i++)
        {
            Thread.Sleep(100);
            page = agent.Get("/metrics");
        }
        Thread.Sleep(2100);
        page = agent.Get("/metrics");
        page.Split('\n').Single(l => l.StartsWith("netlens_udp_no_ports_total{") && l.Contains(label))
            .ShouldEndWith("network_type=\"ipv4\"} 1");
        // The agent's own zeros are news: nothing failed.
        page.ShouldContain("netlens_prometheus_duplicates_total{netlens_scope=\"node\"} 0");
    }

    private static void SendToNobody()
    {
        using var socket = new UdpClient();
        socket.Send([1], new IPEndPoint(IPAddress.Loopback, 9));
    }

    [RequiresRootFact]
    public void Where_descriptors_run_out_it_stays_alive_says_so_once_and_recovers()
    {
        var many = Enumerable.Range(0, 40).Select(_ => new TestNetns()).ToArray();
        // The source that has most files open.
        using var agent = new AgentProcess(
            Quick, shell: "ulimit -n 576; NETLENS_COLLECTION_SOURCE=proc exec \"$0\" run --config \"$1\"");
        try
        {
            agent.Get("/metrics").ShouldContain("error_type=\"EMFILE\"");
            var page = agent.Get("/metrics");
            page.ShouldContain("netlens_probe_running{netlens_scope=\"node\",netlens_probe=\"softnet\"} 1");
            page.ShouldContain("netlens_probe_running{netlens_scope=\"node\",netlens_probe=\"io\"} 1");
            page.ShouldContain("process_memory_usage_bytes");
            agent.LogLines.Count(l => l.Contains("probe tcpsummary: a read failed (EMFILE)")).ShouldBe(1);
        }
        finally
        {
            foreach (var ns in many)
                ns.Dispose();
        }
        using var later = new TestNetns();
        WaitForPage(agent, $"netlens_netns_name=\"{later.Name}\"");
    }

    /// <summary>It says what it needs, or answers: with the first request the runtime opens what it had no use for.</summary>
    [RequiresRootFact]
    public void At_whichever_limit_of_files_it_answers_or_refuses_to_start()
    {
        var many = Enumerable.Range(0, 61).Select(_ => new TestNetns()).ToArray();
        try
        {
            foreach (var limit in (int[])[64, 256, 384, 512, 576, 640])
                Answer(limit);
        }
        finally
        {
            foreach (var ns in many)
                ns.Dispose();
        }
    }

    private static void Answer(int limit)
    {
        using var agent = new AgentProcess(Quick, shell: $"ulimit -n {limit}; exec \"$0\" run --config \"$1\"");
        SpinWait.SpinUntil(() => agent.LogLines.Any(l => l.Contains("first snapshot") || l.Contains("cannot start")),
            TimeSpan.FromMinutes(1)).ShouldBeTrue($"{limit} files: {string.Join('\n', agent.LogLines)}");
        if (agent.LogLines.FirstOrDefault(l => l.Contains("cannot start")) is { } refused)
        {
            refused.ShouldContain($"at most {limit} open files are allowed; netlens needs ");
            agent.WaitForExit().ShouldBe(4);
            return;
        }
        var idle = Enumerable.Range(0, 100)
            .Select(_ => new TcpClient(agent.Address.Host, agent.Address.Port)).ToArray();
        agent.Get("/metrics").ShouldContain("netlens_tcp_");
        agent.Get("/healthz").ShouldBe("ok\n");
        Array.ForEach(idle, c => c.Dispose());
        agent.Signal("TERM");
        agent.WaitForExit().ShouldBe(0, $"{limit} files");
    }

    [RequiresRootFact]
    public void A_folder_that_is_no_proc_is_refused()
    {
        using var agent = new AgentProcess($"{Quick}paths: {{ proc: /dev }}\n");
        agent.WaitForExit().ShouldBe(4);
        agent.LogLines.ShouldContain(l => l.Contains("cannot start: paths.proc: /dev is no proc file system"));
    }

    [Fact]
    public void A_process_that_was_stopped_does_not_blame_its_collections()
    {
        using var agent = new AgentProcess(Quick);
        agent.WaitForLog("first snapshot");
        agent.Signal("STOP");
        Thread.Sleep(5000);
        agent.Signal("CONT");
        agent.WaitForLog("the process or the machine was stopped or starved");
        agent.LogLines.ShouldNotContain(l => l.Contains("a collection took 0.0 s"));
    }

    /// <summary>Four lines a minute at most, whatever a stranger does.</summary>
    [Fact]
    public async Task Connections_by_the_thousand_are_one_line_and_no_memory()
    {
        using var agent = new AgentProcess(Quick);
        agent.Get("/metrics").ShouldNotBeEmpty();
        var (lines, before) = (agent.LogLines.Count(), Resident(agent.Id));
        var idle = new List<TcpClient>();
        for (var i = 0; i < 2000; i++)
        {
            idle.Add(new TcpClient(agent.Address.Host, agent.Address.Port));
            if (i % 100 != 0)
                continue;
            // Not by a connection that may be closed for another in this very moment.
            using var fresh = new HttpClient { BaseAddress = agent.Address };
            (await fresh.GetStringAsync("/healthz")).ShouldBe("ok\n");
        }
        agent.Get("/metrics").ShouldContain("netlens_http_connections_evicted_total");
        var loops = Enumerable.Range(0, 8).Select(_ => ScrapeFor(TimeSpan.FromSeconds(3), agent)).ToArray();
        for (var i = 0; i < 10; i++)
            agent.Get("/healthz").ShouldBe("ok\n");
        await Task.WhenAll(loops);
        (agent.LogLines.Count() - lines).ShouldBeLessThanOrEqualTo(4, string.Join('\n', agent.LogLines));
        agent.LogLines.Count(l => l.Contains("connections at once")).ShouldBe(1);
        (Resident(agent.Id) - before).ShouldBeLessThan(40 * 1024, "KiB");
        idle.ForEach(c => c.Dispose());
    }

    private static async Task ScrapeFor(TimeSpan time, AgentProcess agent)
    {
        using var client = new HttpClient { BaseAddress = agent.Address };
        client.DefaultRequestHeaders.AcceptEncoding.ParseAdd("gzip");
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); clock.Elapsed < time;)
            (await client.GetByteArrayAsync("/metrics")).ShouldNotBeEmpty();
    }

    /// <summary>KiB.</summary>
    private static long Resident(int pid) => long.Parse(File.ReadLines($"/proc/{pid}/status")
        .Single(l => l.StartsWith("VmRSS:")).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]);

    [Fact]
    public void An_outlet_for_events_is_open_from_the_start_and_counted()
    {
        var file = Path.Combine(Path.GetTempPath(), $"netlens-{Guid.NewGuid():N}.json");
        try
        {
            using (var agent = new AgentProcess($"{Quick}events: {{ json: {file} }}\n"))
            {
                var page = agent.Get("/metrics");
                page.ShouldContain("netlens_events_published_total{netlens_scope=\"node\"} ");
                page.ShouldContain(
                    "netlens_events_failed_total{netlens_scope=\"node\",netlens_event_outlet=\"json\"} 0");
                File.Exists(file).ShouldBeTrue();
                agent.WaitForLog($"events go as JSON lines to {file}; nowhere else");
                agent.Signal("TERM");
                agent.WaitForExit().ShouldBe(0);
            }
            using (var plain = new AgentProcess(Quick))
            {
                plain.Get("/metrics").ShouldContain(
                    "netlens_events_failed_total{netlens_scope=\"node\",netlens_event_outlet=\"stream\"} 0");
            }
            using var none = new AgentProcess($"{Quick}events: {{ recent: 0 }}\n");
            none.WaitForLog("events go nowhere (see events.json, events.otlp and otlp.endpoint)");
            none.Get("/metrics").ShouldNotContain("netlens_events_");
        }
        finally
        {
            File.Delete(file);
        }
    }

    [RequiresRootFact]
    public void A_namespace_that_ended_leaves_the_page()
    {
        // So long its last figures stay, for who scrapes seldom.
        using var agent = new AgentProcess(Quick + "prometheus: { scrapeInterval: 5s }\n");
        string name;
        using (var ns = new TestNetns())
        {
            name = ns.Name;
            WaitForPage(agent, $"netlens_netns_name=\"{name}\"");
        }
        for (var i = 0; i < 200 && agent.Get("/metrics").Contains(name); i++)
            Thread.Sleep(100);
        agent.Get("/metrics").ShouldNotContain(name);
    }

    [Fact]
    public void A_reload_switches_probes_and_a_wrong_file_changes_nothing()
    {
        using var agent = new AgentProcess(Quick + "probes: { tcp: true, udp: true }\n");
        agent.Get("/metrics").ShouldContain("netlens_udp_");

        agent.Write(Quick + "probes: { tcp: true, udp: maybe }\n");
        agent.Signal("HUP");
        agent.WaitForLog("reload refused").ShouldContain("probes.udp");
        agent.Get("/metrics").ShouldContain("netlens_udp_");

        agent.Write(Quick + "probes: { tcp: true, udp: false }\n");
        agent.Signal("HUP");
        agent.WaitForLog("reloaded");
        for (var i = 0; i < 200 && agent.Get("/metrics").Contains("netlens_udp_"); i++)
            Thread.Sleep(100);
        agent.Get("/metrics").ShouldNotContain("netlens_udp_");
        agent.Get("/metrics").ShouldContain("netlens_tcp_");
    }

    [Fact]
    public void A_key_that_is_set_back_takes_no_restart()
    {
        using var agent = new AgentProcess($"{Quick}paths: {{ sys: /sys }}\n");
        agent.WaitForLog("first snapshot");
        agent.Write($"{Quick}paths: {{ sys: /elsewhere }}\n");
        Reload(1).Count(l => l.Contains("section 'paths' changed: it takes a restart")).ShouldBe(1);
        agent.Write($"{Quick}paths: {{ sys: /sys }}\n");
        Reload(2).Count(l => l.Contains("takes a restart")).ShouldBe(1, "the second time there is nothing to restart for");

        IEnumerable<string> Reload(int times)
        {
            agent.Signal("HUP");
            for (var i = 0; i < 600 && agent.LogLines.Count(l => l.Contains(" reloaded")) < times; i++)
                Thread.Sleep(100);
            return agent.LogLines;
        }
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public void A_signal_ends_it_in_good_order(string signal)
    {
        using var agent = new AgentProcess(Quick);
        agent.WaitForLog("first snapshot");
        agent.Signal(signal);
        agent.WaitForExit().ShouldBe(0);
    }

    [Fact]
    public void A_port_in_use_is_one_line_and_exit_code_4()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        using var agent = new AgentProcess("", ("NETLENS_HTTP_LISTEN", taken.LocalEndpoint.ToString()!));
        agent.WaitForExit().ShouldBe(4);
        agent.LogLines.Count(l => l.Contains("cannot listen on 127.0.0.1")).ShouldBe(1, string.Join('\n', agent.LogLines));
        agent.LogLines.ShouldNotContain(l => l.StartsWith("   at "));
    }

    [Fact]
    public void A_wrong_OTLP_variable_is_named_and_ends_with_exit_code_3()
    {
        using var agent = new AgentProcess("", ("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon"));
        agent.WaitForExit().ShouldBe(3);
        agent.LogLines.ShouldContain(l => l.Contains("OTEL_EXPORTER_OTLP_PROTOCOL") && l.Contains("http/protobuf"));
    }

    [Fact]
    public void Without_HTTP_no_port_is_opened_and_it_still_collects()
    {
        using var agent = new AgentProcess(Quick, ("NETLENS_HTTP_ENABLED", "false"));
        agent.WaitForLog("first snapshot");
        agent.LogLines.ShouldNotContain(l => l.Contains("listening"));
        agent.Signal("TERM");
        agent.WaitForExit().ShouldBe(0);
    }

    [Fact]
    public void A_backend_that_is_down_is_said_once_and_counted_and_the_page_goes_on()
    {
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var endpoint = $"http://{closed.LocalEndpoint}";
        closed.Stop();
        using var agent = new AgentProcess(
            Quick, ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), ("OTEL_EXPORTER_OTLP_TIMEOUT", "500"));
        for (var i = 0; i < 300 && Failures(agent.Get("/metrics")) < 2; i++)
            Thread.Sleep(100);
        Failures(agent.Get("/metrics")).ShouldBeGreaterThanOrEqualTo(2);
        agent.Signal("TERM");
        agent.WaitForExit().ShouldBe(0);
    }

    private static double Failures(string page) => page.Split('\n')
        .Where(l => l.StartsWith("netlens_otlp_failures_total{"))
        .Sum(l => double.Parse(l.AsSpan(l.LastIndexOf(' ')), CultureInfo.InvariantCulture));

    private static string WaitForPage(AgentProcess agent, string text)
    {
        for (var i = 0; i < 200; i++)
        {
            var page = agent.Get("/metrics");
            if (page.Contains(text))
                return page;
            Thread.Sleep(100);
        }
        throw new InvalidOperationException($"no {text} on the page");
    }

    private static long Value(string page, string name, string path, AgentProcess agent, TestNetns ns)
    {
        page.ShouldNotContain(name, customMessage: "legacy names are for their naming only");
        // A later snapshot than the one that first showed the namespace: all traffic was over before it was taken.
        Thread.Sleep(2100);
        var line = agent.Get(path).Split('\n').Single(l => l.StartsWith(name + "{") && l.Contains($"ns{ns.Inode}"));
        return long.Parse(line.AsSpan(line.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture);
    }
}
