using Collector.Worker.Configuration;
using Microsoft.Extensions.Logging;
using static Collector.Worker.Tests.Configuration.Samples;

namespace Collector.Worker.Tests.Configuration;

public class ConfigurationLoaderTests
{
    private const string Full = """
        collection: {interval: 30s}
        http: {enabled: off, listen: "[::1]:0"}
        prometheus: {naming: kubeskoop}
        otlp:
          endpoint: https://backend:4318/base
          protocol: http/protobuf
          headers: {Authorization: Bearer x, x-scope: "7"}
          compression: gzip
          timeout: 500ms
          temporality: lowmemory
          certificate: /etc/ca.pem
          clientCertificate: /etc/c.pem
          clientKey: /etc/c.key
          interval: 1m
        resource: {nodeName: n1, attributes: {zone: a b}}
        logging: {level: warning}
        paths: {proc: /host/proc, sys: /host/sys}
        """;

    [Fact]
    public void Every_key_of_a_full_file_reaches_the_options()
    {
        var options = LoadGood(Full);

        options.Collection.Interval.ShouldBe(TimeSpan.FromSeconds(30));
        options.Http.ShouldBe(new HttpOptions { Enabled = false, Listen = "[::1]:0" });
        options.Prometheus.Naming.ShouldBe(MetricNaming.KubeSkoop);
        options.Resource.NodeName.ShouldBe("n1");
        options.Resource.Attributes.ShouldBe(new Dictionary<string, string> { ["zone"] = "a b" });
        options.Logging.Level.ShouldBe(LogLevel.Warning);
        options.Paths.ShouldBe(new PathOptions { Proc = "/host/proc", Sys = "/host/sys" });
    }

    [Fact]
    public void Every_otlp_key_reaches_the_options()
    {
        var otlp = LoadGood(Full).Otlp;

        otlp.Endpoint.ShouldBe(new Uri("https://backend:4318/base"));
        otlp.Protocol.ShouldBe(OtlpProtocol.HttpProtobuf);
        otlp.Headers.ShouldBe(new Dictionary<string, string> { ["Authorization"] = "Bearer x", ["x-scope"] = "7" });
        otlp.Gzip.ShouldBe(true);
        otlp.Timeout.ShouldBe(TimeSpan.FromMilliseconds(500));
        otlp.Temporality.ShouldBe(OtlpTemporality.LowMemory);
        otlp.Certificate.ShouldBe("/etc/ca.pem");
        otlp.ClientCertificate.ShouldBe("/etc/c.pem");
        otlp.ClientKey.ShouldBe("/etc/c.key");
        otlp.Interval.ShouldBe(TimeSpan.FromMinutes(1));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("# only a comment\n")]
    [InlineData("---\n")]
    [InlineData("--- ~\n...\n")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("collection:\nprobes:\nhttp: {}\notlp: {headers: , endpoint: null, interval: ~}\n")]
    public void What_says_nothing_gives_the_defaults(string yaml) =>
        Describe(LoadGood(yaml)).ShouldBe(Describe(LoadGood("", [])));

    [Fact]
    public void Defaults_are_those_of_the_options_record()
    {
        var expected = new AgentOptions() with
        {
            Probes = LoadGood("").Probes,
            Findings = LoadGood("").Findings,
        };
        Describe(LoadGood("")).ShouldBe(Describe(expected));
        LoadGood("").Probes.Where(p => !p.Value.Enabled).Select(p => p.Key).ShouldBe(["slab"]);
    }

    [Fact]
    public void A_byte_order_mark_is_no_content() => LoadGood("\ufeffcollection: {interval: 2s}\n")
        .Collection.Interval.ShouldBe(TimeSpan.FromSeconds(2));

    [Fact]
    public void Windows_line_ends_are_line_ends() => LoadGood("collection:\r\n  interval: 2s\r\nhttp:\r\n")
        .Collection.Interval.ShouldBe(TimeSpan.FromSeconds(2));

    [Fact]
    public void Probes_are_switched_and_given_arguments()
    {
        var probes = LoadGood("""
            probes:
              netdev: false
              slab: on
              tcpext: {include: all}
              softnet: {perCpu: yes, enabled: no}
              everything: {count: 007, every: 60s, note: "a: b", links: [all, root], skip: "x, y"}
            """).Probes;

        probes["netdev"].Enabled.ShouldBeFalse();
        probes["slab"].Enabled.ShouldBeTrue();
        probes["tcp"].Enabled.ShouldBeTrue();
        probes["tcpext"].Enabled.ShouldBeTrue();
        probes["tcpext"].Argument("tcpext", "include").ShouldBe("all");
        probes["softnet"].Enabled.ShouldBeFalse();
        probes["softnet"].Argument("softnet", "perCpu").ShouldBe("true");
        var everything = probes["everything"].Settings;
        everything.Get(Samples.Count).ShouldBe(7);
        everything.Get(Samples.Every).ShouldBe(TimeSpan.FromMinutes(1));
        everything.Get(Samples.Note).ShouldBe("a: b");
        everything.Get(Samples.Links).ShouldBe(["all", "root"]);
        everything.Get(Samples.Skip).ShouldBe(["x", "y"]);
    }

    [Fact]
    public void Arguments_switch_on_a_probe_that_is_off_by_default()
    {
        LoadGood("probes: {slab: {}}").Probes["slab"].Enabled.ShouldBeTrue();
        LoadGood("probes: {slab: {enabled: off}}").Probes["slab"].Enabled.ShouldBeFalse();
    }

    [Theory]
    [InlineData("-tcp", "netdev,udp,tcpext,everything")]
    [InlineData("softnet, +slab ,", "netdev,tcp,udp,tcpext,softnet,slab,everything")]
    [InlineData("-all,tcp,udp", "tcp,udp")]
    [InlineData("all,-slab", "netdev,tcp,udp,tcpext,softnet,everything")]
    [InlineData("", "netdev,tcp,udp,tcpext,everything")]
    public void The_probes_variable_goes_over_the_file(string value, string running) =>
        LoadGood("probes: {softnet: off}", ("NETLENS_PROBES", value)).Probes
            .Where(p => p.Value.Enabled).Select(p => p.Key).ShouldBe(running.Split(','));

    [Fact]
    public void The_probes_variable_keeps_the_files_arguments() =>
        LoadGood("probes: {tcpext: {include: all}}", ("NETLENS_PROBES", "-all,tcpext"))
            .Probes["tcpext"].Argument("tcpext", "include").ShouldBe("all");

    [Fact]
    public void Kinds_of_findings_are_switched_and_given_thresholds()
    {
        var options = LoadGood("""
            findings:
              link-flap: off
              conntrack-full: {enabled: no}
              path-loss: {least: 77, share: 1.25 %, errorShare: 3}
              disk-slow: {enabled: off, duration: 250ms}
            """);

        options.Findings.Where(f => !f.Value.Enabled).Select(f => f.Key)
            .ShouldBe(["conntrack-full", "link-flap", "disk-slow"], ignoreOrder: true);
        options.Threshold("path-loss", "least").ShouldBe("77");
        options.Threshold("path-loss", "share").ShouldBe("1.25%");
        options.Threshold("path-loss", "errorShare").ShouldBe("3%");
        options.Threshold("path-loss", "errorFrom").ShouldBe("20", "its default");
        options.Threshold("disk-slow", "duration").ShouldBe("250ms");
        options.Threshold("link-flap", "least").ShouldBe("4");
        LoadGood("").Findings.Values.ShouldAllBe(f => f.Enabled);
    }

    [Theory]
    [InlineData("-path-loss", "conntrack-full,disk-slow")]
    [InlineData("-all,path-loss", "path-loss")]
    [InlineData("all , -disk-slow,path-loss.least = 9", "conntrack-full,path-loss,link-flap")]
    [InlineData("", "conntrack-full,path-loss,disk-slow")]
    public void The_findings_variable_goes_over_the_file(string value, string looked)
    {
        var options = LoadGood("findings: {link-flap: off, path-loss: {least: 77}}", ("NETLENS_FINDINGS", value));
        options.Findings.Where(f => f.Value.Enabled).Select(f => f.Key).ShouldBe(looked.Split(','), ignoreOrder: true);
        options.Threshold("path-loss", "least").ShouldBe(value.Contains('=') ? "9" : "77");
    }

    [Fact]
    public void Variables_go_over_the_file_and_empty_ones_do_not()
    {
        var options = LoadGood(
            Full,
            ("NETLENS_COLLECTION_INTERVAL", "1m"), ("NETLENS_HTTP_ENABLED", "true"),
            ("NETLENS_HTTP_LISTEN", "0.0.0.0:1"), ("NETLENS_PROMETHEUS_NAMING", "inspector"), ("NODE_NAME", "n2"),
            ("NETLENS_LOGGING_LEVEL", "debug"), ("NETLENS_PATHS_PROC", "/p"), ("NETLENS_PATHS_SYS", ""));

        options.Collection.Interval.ShouldBe(TimeSpan.FromMinutes(1));
        options.Http.ShouldBe(new HttpOptions { Enabled = true, Listen = "0.0.0.0:1" });
        options.Prometheus.Naming.ShouldBe(MetricNaming.Inspector);
        options.Resource.NodeName.ShouldBe("n2");
        options.Logging.Level.ShouldBe(LogLevel.Debug);
        options.Paths.ShouldBe(new PathOptions { Proc = "/p", Sys = "/host/sys" });
    }

    [Fact]
    public void Sources_tell_where_each_value_came_from()
    {
        var sources = Load(
            "collection:\n  interval: 2s\nprobes:\n  tcp: off\n  softnet:\n    perCpu: on\n"
            + "otlp:\n  endpoint: http://x\n",
            ("NODE_NAME", "n"), ("NETLENS_PROBES", "-udp"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://y")).Sources;

        sources["collection.interval"].ShouldBe("f.yaml:2");
        sources["probes.tcp"].ShouldBe("f.yaml:4");
        sources["probes.softnet"].ShouldBe("f.yaml:6");
        sources["probes.softnet.perCpu"].ShouldBe("f.yaml:6");
        sources["probes.udp"].ShouldBe("env NETLENS_PROBES");
        sources["probes.tcpext.include"].ShouldBe("default");
        sources["resource.nodeName"].ShouldBe("env NODE_NAME");
        sources["http.listen"].ShouldBe("default");
        sources["otlp.endpoint"].ShouldBe("f.yaml:8; OTEL_EXPORTER_OTLP_ENDPOINT goes over it");
    }

    [Fact]
    public void Variables_of_KubeSkoop_count_below_ours_with_one_warning_each()
    {
        const string Yaml = "resource: {nodeName: of-file}\npods: {runtimeEndpoint: /of/file}";
        var old = Load(Yaml, ("INSPECTOR_NODENAME", "old"), ("RUNTIME_SOCK", "/run/old.sock"));
        old.Options!.Resource.NodeName.ShouldBe("old");
        old.Options.Pods.RuntimeEndpoint.ShouldBe("/run/old.sock");
        old.Sources["resource.nodeName"].ShouldBe("env INSPECTOR_NODENAME");
        old.Warnings.Count.ShouldBe(2);
        old.Warnings[1].ShouldContain("INSPECTOR_NODENAME");
        old.Warnings[1].ShouldEndWith("set NODE_NAME");
        var both = Load(Yaml, ("INSPECTOR_NODENAME", "old"), ("NODE_NAME", "new"));
        both.Options!.Resource.NodeName.ShouldBe("new");
        both.Sources["resource.nodeName"].ShouldBe("env NODE_NAME");
        Load(Yaml).Warnings.ShouldBeEmpty();
        Load("", ("RUNTIME_SOCK", "relative")).Errors.ShouldHaveSingleItem().Place
            .ShouldBe("environment variable RUNTIME_SOCK");
    }
}
