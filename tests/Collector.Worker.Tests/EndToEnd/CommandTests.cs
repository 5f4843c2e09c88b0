using System.Diagnostics;
using System.Text.Json;
using Collector.Core.Compatibility;
using Collector.Tests.Support;
using Collector.Worker.Agent;

namespace Collector.Worker.Tests.EndToEnd;

public sealed class CommandTests
{
    [Fact]
    public void Help_and_version_say_what_there_is()
    {
        var help = AgentProcess.Run("--help");
        help.Code.ShouldBe(0);
        foreach (var command in (string[])["run", "once", "list", "config", "doctor", "version"])
            help.Output.ShouldContain($"  {command}");
        AgentProcess.Run("version").Output.ShouldStartWith("netlens 0.1.0");
        JsonDocument.Parse(AgentProcess.Run("version", "--format", "json").Output)
            .RootElement.GetProperty("version").GetString().ShouldBe("0.1.0");
    }

    [RequiresRootFact]
    public void The_name_of_a_namespace_does_not_drive_the_terminal()
    {
        var result = AgentProcess.RunInShell(
            "name=$(printf 'nl\\033[31m%s' $$); ip netns add \"$name\" || exit 9; "
            + "\"$0\" once --probe ip --zeros; code=$?; ip netns del \"$name\"; exit $code");
        result.Code.ShouldBe(0, result.Error);
        result.Output.ShouldContain("nl\uFFFD[31m");
        result.Output.ShouldNotContain("\u001b");
    }

    [RequiresRootFact("unshare")]
    public void A_node_is_called_by_its_whole_host_name_unless_somebody_named_it()
    {
        const string Once = "\"$0\" once --probe tcp --netns host --naming kubeskoop --format prometheus";
        AgentProcess.RunInShell($"export NODE_NAME=; unshare --uts sh -c 'hostname node-1.example.com; {Once}' \"$0\"")
            .Output.ShouldContain("k8s_node=\"node-1.example.com\"");
        AgentProcess.RunInShell($"NODE_NAME=node-2 {Once}").Output.ShouldContain("k8s_node=\"node-2\"");
    }

    [RequiresRootFact("unshare")]
    public void The_nodes_addresses_are_series_with_its_name_in_the_naming_of_KubeSkoop_alone()
    {
        const string Node = "export NODE_NAME=node-2; unshare --net --pid --fork --mount-proc sh -c '"
            + "ip addr add 192.0.2.1/32 dev lo; ip link set lo up; \"$0\" once --probe pods --format ";
        AgentProcess.RunInShell(Node + "prometheus --naming kubeskoop' \"$0\"").Output.Split('\n')
            .Single(l => l.StartsWith("kubeskoop_info_node{", StringComparison.Ordinal))
            .ShouldSatisfyAllConditions(
                line => line.ShouldContain("node_name=\"node-2\""), line => line.ShouldContain("ip=\"192.0.2.1\""),
                line => line.ShouldContain("k8s_node=\"node-2\""), line => line.ShouldEndWith(" 1"));
        AgentProcess.RunInShell(Node + "json --naming kubeskoop' \"$0\"").Output
            .ShouldMatch("(?s)kubeskoop_info_node.{0,300}\"node_name\": ?\"node-2\"");
        AgentProcess.RunInShell(Node + "prometheus' \"$0\"").Output.ShouldNotContain("192.0.2.1");
    }

    [Fact]
    public void A_configuration_of_KubeSkoop_is_imported_into_a_file_that_is_valid_and_never_overwritten()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("netlens-import-").FullName, "netlens.yaml");
        var script = "printf 'port: 9102\nmetrics: {probes: [{name: tcp}, {name: procsched}]}\n' | \"$0\" config import - -o "
            + file;
        var imported = AgentProcess.RunInShell(script);
        imported.Code.ShouldBe(0, imported.Error);
        imported.Error.ShouldContain("metrics.probes procsched:");
        AgentProcess.Run("config", "check", "--config", file).Code.ShouldBe(0);
        AgentProcess.RunInShell($"INSPECTOR_NODENAME=n \"$0\" config print --config {file}").Output
            .ShouldContain("nodeName: n  # env INSPECTOR_NODENAME");
        var again = AgentProcess.RunInShell(script);
        again.Code.ShouldBe(1);
        again.Error.ShouldContain("--output: ");
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    [Theory]
    [InlineData(2, "no-such-command")]
    [InlineData(2, "once", "--format", "xml")]
    [InlineData(2, "once", "--naming", "mine")]
    [InlineData(2, "once", "--probe", "no-such-probe")]
    [InlineData(2, "list")]
    [InlineData(3, "once", "--config", "/no/such/netlens.yaml")]
    [InlineData(3, "run", "--config", "/no/such/netlens.yaml")]
    [InlineData(3, "config", "check", "--config", "/no/such/netlens.yaml")]
    [InlineData(3, "config", "print", "--config", "/no/such/netlens.yaml")]
    [InlineData(3, "config", "import", "/no/such/kubeskoop.yaml")]
    [InlineData(2, "config", "import")]
    public void Wrong_words_end_with_their_exit_code_and_a_line_on_standard_error(int code, params string[] words)
    {
        var result = AgentProcess.Run(words);
        result.Code.ShouldBe(code);
        result.Error.ShouldNotBeEmpty();
        result.Error.ShouldNotContain("   at ", customMessage: "a stack trace is no message");
        result.Output.ShouldBeEmpty();
    }

    [Fact]
    public void Every_fault_of_a_file_is_printed_at_once_with_its_place()
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "colection:\n  interval: 15s\nprobes:\n  tcpexd: true\nhttp:\n  listen: 9102\n");
            var check = AgentProcess.Run("config", "check", "--config", file);
            check.Code.ShouldBe(3);
            check.Error.ShouldContain($"{file}:1:1");
            check.Error.ShouldContain("did you mean 'collection'");
            check.Error.ShouldContain("did you mean 'tcpext'");
            check.Error.ShouldContain($"{file}:6:11");
            var json = JsonDocument.Parse(
                AgentProcess.Run("config", "check", "--config", file, "--format", "json").Output);
            json.RootElement.GetProperty("valid").GetBoolean().ShouldBeFalse();
            json.RootElement.GetProperty("errors").GetArrayLength().ShouldBe(3);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void The_printed_configuration_is_a_valid_one()
    {
        var printed = AgentProcess.Run("config", "print");
        printed.Code.ShouldBe(0);
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, printed.Output);
            AgentProcess.Run("config", "check", "--config", file).Code.ShouldBe(0);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void The_lists_have_every_probe_and_metric()
    {
        var probes = JsonDocument.Parse(AgentProcess.Run("list", "probes", "--format", "json").Output).RootElement;
        probes.EnumerateArray().Select(p => p.GetProperty("id").GetString())
            .ShouldBe(NodeFactory.Catalogue.Select(p => p.Id));
        var metrics = JsonDocument.Parse(AgentProcess.Run("list", "metrics", "--format", "json").Output).RootElement;
        metrics.GetArrayLength().ShouldBe(NodeFactory.Catalogue.Sum(p => p.AllMetrics.Count()));
        JsonDocument.Parse(AgentProcess.Run("list", "events", "--format", "json").Output).RootElement.EnumerateArray()
            .Select(e => e.GetProperty("name").GetString())
            .ShouldBe(NodeFactory.Catalogue.SelectMany(p => p.Events).Select(e => e.Name));
        AgentProcess.Run("list", "events").Output.ShouldStartWith("EVENT");
        Listed("netlens.softirq.slow", "events: { json: stdout, spans: on }", "probes: { tcpretrans: off }")
            .ShouldBe("reported json");
        Listed("netlens.tcpretrans.retransmit", "events: { json: stdout }", "probes: { tcpretrans: off }")
            .ShouldBe("not reported");
        Listed("netlens.softirq.slow", "events: { enabled: off, json: stdout }").ShouldBe("not reported");
        string[] spans = ["events: { otlp: off, spans: on }", "otlp: { endpoint: 'http://192.0.2.1:4318' }"];
        Listed("netlens.softirq.slow", spans).ShouldBe("reported spans");
        Listed("netlens.tcpreset.sent", spans).ShouldBe("reported");
        AgentProcess.Run("list", "metrics", "--probe", "tcp").Output.ShouldContain("kubeskoop_tcp_retranssegs");
    }

    // Whether a kind of event is reported by a configuration, and where it goes beside the ring that keeps it.
    private static string Listed(string kind, params string[] lines)
    {
        var file = Path.GetTempFileName();
        File.WriteAllLines(file, lines);
        var output = AgentProcess.Run("list", "events", "--format", "json", "--config", file).Output;
        File.Delete(file);
        var listed = JsonDocument.Parse(output).RootElement.EnumerateArray()
            .Single(e => e.GetProperty("name").GetString() == kind);
        var outlets = listed.GetProperty("outlets").EnumerateArray().Select(o => o.GetString());
        var reported = listed.GetProperty("reported").GetBoolean() ? "reported" : "not reported";
        return string.Join(' ', outlets.Where(o => o != "stream").Prepend(reported));
    }

    [RequiresRootFact("nstat")]
    public void Once_shows_a_namespace_by_its_name_in_every_format()
    {
        using var ns = new TestNetns();
        ns.Run("ping", "-c", "3", "-i", "0.2", "127.0.0.1");

        var listed = AgentProcess.Run("list", "namespaces", "--format", "json");
        JsonDocument.Parse(listed.Output).RootElement.EnumerateArray()
            .Single(n => n.GetProperty("name").GetString() == ns.Name).GetProperty("netns").GetUInt64()
            .ShouldBe(ns.Inode);

        var table = AgentProcess.Run("once", "--netns", ns.Name, "--probe", "icmp", "ip");
        table.Code.ShouldBe(0, table.Error);
        table.Output.ShouldStartWith($"{ns.Name} ({ns.Inode})");

        var truth = JsonDocument.Parse(ns.Run("nstat", "-a", "-z", "-j")).RootElement.GetProperty("kernel");
        var json = AgentProcess.Run(
            "once", "--netns", ns.Name, "--probe", "ip", "--format", "json", "--naming", "kubeskoop");
        Series(json.Output, "kubeskoop_ip_inreceives").ShouldBe(truth.GetProperty("IpInReceives").GetInt64());
        var prometheus = AgentProcess.Run(
            "once", "--netns", ns.Name, "--probe", "ip", "--format", "prometheus", "--naming", "inspector");
        prometheus.Output.ShouldContain($"netns=\"ns{ns.Inode}\"");

        AgentProcess.Run("once", "--netns", "no-such-namespace").Code.ShouldBe(2);
    }

    [RequiresRootFact("nstat", "ping")]
    public void Once_for_a_while_shows_nothing_of_what_was_before()
    {
        using var ns = new TestNetns();
        ns.Run("ping", "-c", "7", "-i", "0.01", "127.0.0.1");
        ns.Run("nstat", "-a", "-z").ShouldContain("IcmpInEchos                     7 ");
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "probes: { icmp: { include: all } }\n");
            string[] once = ["once", "--config", file, "--netns", ns.Name, "--probe", "icmp", "--format", "json"];
            var all = AgentProcess.Run(once);
            Values(all.Output).ShouldContain(7);
            all.Error.ShouldBeEmpty();
            Values(AgentProcess.Run([.. once, "--for", "300ms"]).Output).ShouldAllBe(v => v == 0);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [RequiresRootFact("setpriv")]
    public void Doctor_does_not_ask_for_what_CAP_SYS_ADMIN_carries()
    {
        var doctor = Shell.Try("setpriv", "--bounding-set", "-cap_38,-cap_39,-cap_34", "--inh-caps",
            "-cap_38,-cap_39,-cap_34", AgentProcess.Program, "doctor", "--format", "json");
        doctor.Code.ShouldBe(0, doctor.Error);
        using var report = JsonDocument.Parse(doctor.Output);
        report.RootElement.GetProperty("machine").GetProperty("capabilities").GetString()!
            .ShouldNotContain("CAP_BPF");
        report.RootElement.GetProperty("problems").EnumerateArray().Select(p => p.GetString()!.Split(' ')[0])
            .Where(p => p.StartsWith("CAP_")).ShouldBe(["CAP_SYSLOG"]);
        report.RootElement.GetProperty("probes").EnumerateArray()
            .Single(p => p.GetProperty("probe").GetString() == "tcpreset").GetProperty("verdict").GetString()
            .ShouldBe("ok");
    }

    [RequiresRootFact("unshare")]
    public void Doctor_says_what_a_user_namespace_means()
    {
        var doctor = Shell.Try("unshare", "-U", "-r", AgentProcess.Program, "doctor", "--format", "json");
        doctor.Code.ShouldBe(0, doctor.Error);
        using var report = JsonDocument.Parse(doctor.Output);
        report.RootElement.GetProperty("problems").EnumerateArray().Select(p => p.GetString())
            .ShouldContain(p => p!.StartsWith("this is a user namespace: its capabilities do not count outside it"));
        JsonDocument.Parse(AgentProcess.Run("doctor", "--format", "json").Output).RootElement
            .GetProperty("problems").EnumerateArray()
            .ShouldNotContain(p => p.GetString()!.StartsWith("this is a user namespace"));
    }

    [RequiresRootFact("setpriv", "nft")]
    public void Doctor_says_partial_where_conntrack_of_other_namespaces_is_out_of_reach()
    {
        using var ns = new TestNetns();
        var doctor = Shell.Try("setpriv", "--bounding-set", "-cap_21", "--inh-caps", "-cap_21",
            AgentProcess.Program, "doctor", "--format", "json");
        doctor.Code.ShouldBe(0, doctor.Error);
        using var report = JsonDocument.Parse(doctor.Output);
        var conntrack = report.RootElement.GetProperty("probes").EnumerateArray()
            .Single(p => p.GetProperty("probe").GetString() == "conntrack");
        if (conntrack.GetProperty("reason").GetString()!.Contains("connection tracking is not loaded"))
            return; // This kernel has none, as it says.
        conntrack.GetProperty("verdict").GetString().ShouldBe("partial");
        conntrack.GetProperty("reason").GetString()!.ShouldContain("EPERM");
    }

    private static List<long> Values(string json) =>
    [
        .. JsonDocument.Parse(json).RootElement.GetProperty("series").EnumerateArray()
            .Select(s => s.GetProperty("value").GetInt64()),
    ];

    [RequiresRootFact("promtool")]
    public void What_once_prints_for_Prometheus_passes_promtool()
    {
        var page = AgentProcess.Run("once", "--format", "prometheus");
        page.Code.ShouldBe(0, page.Error);
        var info = new ProcessStartInfo("promtool", ["check", "metrics"])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using var promtool = Process.Start(info)!;
        promtool.StandardInput.Write(page.Output);
        promtool.StandardInput.Close();
        var complaints = promtool.StandardError.ReadToEnd() + promtool.StandardOutput.ReadToEnd();
        promtool.WaitForExit();
        complaints.ShouldBeEmpty();
        promtool.ExitCode.ShouldBe(0);
    }

    [RequiresRootFact]
    public void Doctor_judges_every_probe()
    {
        var doctor = AgentProcess.Run("doctor", "--format", "json");
        doctor.Code.ShouldBe(0, doctor.Error);
        var probes = JsonDocument.Parse(doctor.Output).RootElement.GetProperty("probes").EnumerateArray().ToArray();
        probes.Select(p => p.GetProperty("probe").GetString()).ShouldBe(NodeFactory.Catalogue.Select(p => p.Id));
        foreach (var probe in probes)
        {
            probe.GetProperty("verdict").GetString().ShouldBeOneOf("ok", "empty", "partial", "unavailable");
            if (probe.GetProperty("verdict").GetString() == "unavailable")
                probe.GetProperty("reason").GetString().ShouldNotBeNullOrEmpty();
        }
        probes.Single(p => p.GetProperty("probe").GetString() == "tcp").GetProperty("verdict").GetString()
            .ShouldBe("ok");
    }

    [RequiresRootFact]
    public void Doctor_shows_for_an_eBPF_probe_every_way_to_attach()
    {
        var doctor = AgentProcess.Run("doctor", "--format", "json");
        var packetloss = JsonDocument.Parse(doctor.Output).RootElement.GetProperty("probes").EnumerateArray()
            .Single(p => p.GetProperty("probe").GetString() == "packetloss");
        if (packetloss.GetProperty("verdict").GetString() == "unavailable")
        {
            packetloss.GetProperty("reason").GetString().ShouldNotBeNullOrEmpty();
            return;
        }
        var ways = packetloss.GetProperty("hooks")[0].GetProperty("ways").EnumerateArray().ToArray();
        ways.Select(w => w.GetProperty("by").GetString()).ShouldContain("raw_tp/kfree_skb");
        ways.Count(w => w.GetProperty("verdict").GetString() == "taken").ShouldBe(1);
        ways.Where(w => w.GetProperty("verdict").GetString() == "refused")
            .ShouldAllBe(w => w.GetProperty("reason").GetString()!.Length > 0);
        AgentProcess.Run("doctor").Output.ShouldContain("raw_tp/kfree_skb");
    }

    [Fact]
    public void Btf_discover_shows_where_it_looked()
    {
        var found = AgentProcess.Run("btf", "discover", "--format", "json");
        var search = JsonDocument.Parse(found.Output).RootElement;
        var first = search.GetProperty("searched")[0];
        first.GetProperty("file").GetString().ShouldBe("/sys/kernel/btf/vmlinux");
        if (first.GetProperty("verdict").GetString() == "used")
            search.GetProperty("used").GetString().ShouldBe("/sys/kernel/btf/vmlinux");
        found.Code.ShouldBe(search.GetProperty("used").ValueKind == JsonValueKind.Null ? 1 : 0);
        AgentProcess.Run("btf", "discover").Output.ShouldContain("/sys/kernel/btf/vmlinux");
    }

    [Fact]
    public void Once_leaves_out_what_needs_time_unless_it_gets_some()
    {
        var none = AgentProcess.Run("once", "--probe", "ebpf");
        none.Error.ShouldContain("ebpf counts only what happens while it runs: --for 10s lets it watch that long");
        AgentProcess.Run("once", "--format", "prometheus").Output.ShouldNotContain("netlens_ebpf_memory");
        AgentProcess.Run("once", "--for", "100ms", "--probe", "ip", "--zeros").Error.ShouldBeEmpty();
        var wrong = AgentProcess.Run("once", "--for", "soon");
        wrong.Code.ShouldBe(2);
        wrong.Error.ShouldContain("--for: 'soon' is not a duration up to 1h, such as 500ms, 10s or 1m");
        wrong = AgentProcess.Run("selftest", "--inject", "all", "--for", "11m");
        wrong.Code.ShouldBe(2);
        wrong.Error.ShouldContain("--for: '11m' is not a duration up to 10m, such as 30s or 2m");
    }

    [Theory]
    [InlineData("did you mean 'once'", "onc")]
    [InlineData("'netlens list' needs one of: probes, metrics, events, namespaces", "list")]
    [InlineData("did you mean 'probes'", "list", "probs")]
    [InlineData("--format: 'xml' is not one of its values; allowed: table, json", "list", "probes", "--format", "xml")]
    [InlineData("'kubeskop' is not one of its values, did you mean 'kubeskoop'?", "once", "--naming", "kubeskop")]
    [InlineData("there is no probe 'tpc', did you mean 'tcp'?", "list", "metrics", "--probe", "tpc")]
    public void A_wrong_word_is_named_with_what_is_allowed(string message, params string[] words)
    {
        var result = AgentProcess.Run(words);
        result.Code.ShouldBe(2);
        result.Error.ShouldContain(message);
        result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldAllBe(l => l.StartsWith("netlens: "));
    }

    [Fact]
    public void The_check_sees_the_variables_that_a_start_would_refuse_and_those_that_nobody_reads()
    {
        var refused = Shell.Try("env", "OTEL_EXPORTER_OTLP_ENDPOINT=nowhere", AgentProcess.Program, "config", "check");
        refused.Code.ShouldBe(3);
        refused.Error.ShouldContain("OTEL_EXPORTER_OTLP_ENDPOINT: not a URL");
        var unread = Shell.Try(
            "env", "NETLENS_HTTP_LISTN=x", "NETLENS_SERVICE_HOST=10.0.0.1", AgentProcess.Program, "config", "check");
        unread.Code.ShouldBe(0);
        unread.Error.ShouldContain("NETLENS_HTTP_LISTN is not read, did you mean 'NETLENS_HTTP_LISTEN'?");
        unread.Error.ShouldNotContain("NETLENS_SERVICE_HOST");
    }

    [Fact]
    public void A_word_with_an_at_sign_is_no_file_to_read()
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "--probe\nhunter2\n");
            var result = AgentProcess.Run("once", $"@{file}");
            result.Code.ShouldBe(2);
            result.Error.ShouldContain($"@{file}");
            (result.Error + result.Output).ShouldNotContain("hunter2");
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>As systemd mounts it with ProcSubset=pid.</summary>
    [RequiresRootFact("unshare")]
    public void A_proc_of_processes_only_has_the_figures_of_namespaces()
    {
        var result = Shell.Try("unshare", "--mount", "sh", "-c",
            $"mount -t proc -o subset=pid proc /proc && exec '{AgentProcess.Program}' once --probe tcp");
        result.Code.ShouldBe(0, result.Error);
        result.Output.ShouldContain("netlens.tcp.segments");
    }

    [RequiresRootFact("script")]
    public void A_narrow_terminal_hides_no_column()
    {
        var wide = AgentProcess.Run("list", "probes").Output;
        wide.Split('\n').ShouldAllBe(l => l.Length == l.TrimEnd().Length);
        var narrow = Shell.Try(
            "script", "-qec", $"stty cols 80; '{AgentProcess.Program}' list probes", "/dev/null").Output;
        foreach (var probe in NodeFactory.Catalogue)
            narrow.ShouldContain($"\n{probe.Id} ");
        narrow.ShouldContain("WHAT IT TELLS");
    }

    [RequiresRootFact("bash")]
    public void A_limit_of_files_that_the_runtime_cannot_live_with_is_said_in_one_line()
    {
        foreach (var command in (string[])["run", "once", "doctor"])
        {
            var result = Shell.Try("bash", "-c", $"ulimit -n 64; '{AgentProcess.Program}' {command}");
            result.Code.ShouldBe(4);
            // The runtime that compiles at run time holds two for every assembly.
            result.Error.ShouldMatch("^netlens: cannot start: at most 64 open files are allowed; netlens needs "
                + "(384|576), and 10 per network namespace \\(ulimit -n, LimitNOFILE=\\)\n$");
        }
    }

    [RequiresRootFact("setpriv")]
    public void A_probe_that_lacks_a_right_does_not_blame_a_missing_module()
    {
        using var ns = new TestNetns();
        var folder = Directory.CreateTempSubdirectory("netlens-doctor-");
        try
        {
            var program = Path.GetDirectoryName(AgentProcess.Program)!;
            Shell.Try("cp", "-r", program, $"{folder.FullName}/bin").Code.ShouldBe(0);
            Shell.Try("chmod", "-R", "a+rX", folder.FullName).Code.ShouldBe(0);
            var doctor = Shell.Try(
                "setpriv", "--reuid", "65534", "--clear-groups", $"{folder.FullName}/bin/netlens",
                "doctor", "--format", "json");
            doctor.Code.ShouldBe(0, doctor.Error);
            var root = JsonDocument.Parse(doctor.Output).RootElement;
            root.GetProperty("problems").EnumerateArray()
                .ShouldContain(p => p.GetString()!.StartsWith("CAP_SYS_ADMIN is missing"));
            var tcp = root.GetProperty("probes").EnumerateArray()
                .Single(p => p.GetProperty("probe").GetString() == "tcp");
            tcp.GetProperty("verdict").GetString().ShouldBe("partial");
            tcp.GetProperty("reason").GetString()!.ShouldContain("failed: EPERM");
            var mine = JsonDocument.Parse(AgentProcess.Run("doctor", "--format", "json").Output)
                .RootElement.GetProperty("probes");
            foreach (var (probe, here) in root.GetProperty("probes").EnumerateArray().Zip(mine.EnumerateArray()))
            {
                if (here.GetProperty("series").GetInt64() > 0)
                    probe.GetProperty("verdict").GetString()
                        .ShouldNotBe("empty", probe.GetProperty("probe").GetString());
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_reader_that_closes_the_pipe_is_no_error()
    {
        var shell = Shell.Try(
            "bash", "-c", $"set -o pipefail; '{AgentProcess.Program}' list metrics --format json | head -n 1");
        shell.Output.Trim().ShouldBe("[");
        shell.Error.ShouldBeEmpty();
        shell.Code.ShouldBe(0);
    }

    private static long Series(string json, string name) =>
        JsonDocument.Parse(json).RootElement.GetProperty("series").EnumerateArray()
            .Single(s => s.GetProperty("name").GetString() == name).GetProperty("value").GetInt64();
}
