using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Collector.Tests.Support;

namespace Kubernetes.Tests;

/// <summary>What packaging/kubernetes says: rendered as Helm renders it, checked as the API server checks it.</summary>
public sealed class ChartTests
{
    private static readonly string Digest = "sha256:" + new string('a', 64);

    private static readonly string Everything = """
        {
          "image": {"repository": "registry.example.com/netlens", "digest": "DIGEST", "pullPolicy": "Always"},
          "imagePullSecrets": [{"name": "registry"}], "fullnameOverride": "net", "listen": "0.0.0.0:9200",
          "http": {"tokenSecret": {"name": "scrape", "key": "t"},
                   "tlsSecret": {"name": "web", "serverName": "netlens.example.com"}},
          "podLabels": ["app", "app.kubernetes.io/name"],
          "otlp": {"endpoint": "http://gateway:4317", "protocol": "grpc", "headersSecret": {"name": "otlp"}},
          "config": {"collection": {"interval": "30s"}, "prometheus": {"naming": "kubeskoop"},
                     "probes": {"softirq": false, "softnet": {"perCpu": true}}, "otlp": {"compression": "gzip"}},
          "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
          "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
          "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": true}],
          "btfFolder": "/var/lib/btf", "user": 0, "resources": {"limits": {"memory": "512Mi"}},
          "capabilities": ["BPF", "PERFMON"],
          "seccompProfile": {"type": "Localhost", "localhostProfile": "netlens.json"}, "appArmorProfile": null,
          "seLinuxOptions": {"type": "spc_t"}, "tolerations": [{"key": "a", "operator": "Exists"}],
          "nodeSelector": {"pool": "a"}, "priorityClassName": "system-node-critical",
          "affinity": {"nodeAffinity": {}}, "updateStrategy": {"type": "OnDelete"},
          "podAnnotations": {"a": "b"}, "extraPodLabels": {"team": "net"},
          "podMonitor": {"enabled": true, "labels": {"release": "prometheus"}, "naming": "kubeskoop"},
          "serviceMonitor": {"enabled": true, "interval": "30s"}
        }
        """.Replace("DIGEST", Digest, StringComparison.Ordinal);

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static TheoryData<string> Values =>
    [
        "{}",
        """{"namespace": {"create": true}}""",
        """{"listen": "[::1]:9102"}""",
        """{"config": {"http": {"listen": "0.0.0.0:9300", "insecure": true}}, "podMonitor": {"enabled": true}}""",
        """{"listen": "0.0.0.0:9102", "http": {"insecure": true}, "serviceMonitor": {"enabled": true}}""",
        """{"otlp": {"endpoint": "https://otlp.example.com"}}""",
        Everything,
    ];

    [RendererFact]
    public void The_plain_manifests_are_the_charts_defaults()
    {
        var chart = Renderer.Chart("""{"namespace": {"create": true}}""").Objects.Select(Comparable).Order();
        var plain = Renderer.Plain().Select(Comparable).Order();
        plain.ShouldBe(chart);
    }

    [RendererTheory]
    [MemberData(nameof(Values))]
    public void Every_object_has_the_shape_that_Kubernetes_knows_and_the_file_is_one_that_Netlens_takes(string values)
    {
        var rendered = Renderer.Chart(values);
        foreach (var thing in rendered.Objects)
            Renderer.Objection(thing).ShouldBeNull(thing.ToJsonString(Indented));
        rendered.Notes.ShouldContain("netlens doctor");

        var file = Path.Combine(Directory.CreateTempSubdirectory("netlens-chart-").FullName, "netlens.yaml");
        File.WriteAllText(file, WithSecrets(rendered.Configuration, Path.GetDirectoryName(file)!));
        var (code, output, error) =
            Shell.Try(Path.Combine(AppContext.BaseDirectory, "netlens"), "config", "check", "--config", file);
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        code.ShouldBe(0, output + error + rendered.Configuration);
    }

    /// <summary>The same with what the kubelet would mount.</summary>
    private static string WithSecrets(string configuration, string folder)
    {
        if (!configuration.Contains("/etc/netlens-", StringComparison.Ordinal))
            return configuration;
        using var key = ECDsa.Create();
        var request = new CertificateRequest("CN=netlens", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(Path.Combine(folder, "tls.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(folder, "tls.key"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(Path.Combine(folder, "token"), "t0ken");
        return configuration.Replace("/etc/netlens-token", folder, StringComparison.Ordinal)
            .Replace("/etc/netlens-tls", folder, StringComparison.Ordinal);
    }

    [RendererFact]
    public void Schemas_object_to_what_is_wrong()
    {
        var daemonSet = Renderer.Chart().Of("DaemonSet");
        var container = daemonSet["spec"]!["template"]!["spec"]!["containers"]![0]!;
        container["securityContext"]!["privileges"] = true;
        Renderer.Objection(daemonSet).ShouldNotBeNull().ShouldContain("privileges");
        container["securityContext"]!.AsObject().Remove("privileges");
        container["ports"]![0]!["containerPort"] = "9102";
        Renderer.Objection(daemonSet).ShouldNotBeNull().ShouldContain("containerPort");
        container["ports"]![0]!["containerPort"] = 9102;
        Renderer.Objection(daemonSet).ShouldBeNull();
        daemonSet["spec"]!.AsObject().Remove("selector");
        Renderer.Objection(daemonSet).ShouldNotBeNull().ShouldContain("selector");
    }

    [RendererFact]
    public void Every_value_arrives()
    {
        var all = Renderer.Chart(Everything);
        all.Container["image"]!.GetValue<string>().ShouldBe($"registry.example.com/netlens@{Digest}");
        all.Container["env"]!.ToJsonString().ShouldContain("OTEL_EXPORTER_OTLP_HEADERS");
        all.Container["env"]!.ToJsonString().ShouldContain("HTTPS_PROXY");
        all.Container["ports"]![0]!["containerPort"]!.GetValue<int>().ShouldBe(9200);
        all.Container["readinessProbe"]!["httpGet"]!.AsObject().ContainsKey("host")
            .ShouldBeFalse("it answers at the node's address");
        all.Container["securityContext"]!.AsObject().ContainsKey("appArmorProfile").ShouldBeFalse();
        all.Container["securityContext"]!["capabilities"]!["add"]!.ToJsonString().ShouldBe("""["BPF","PERFMON"]""");
        all.Pod["volumes"]!.AsArray().Select(v => v!["name"]!.GetValue<string>()).ShouldBe(["config", "run", "token", "tls", "btf", "ca"]);
        all.Pod["securityContext"]!["runAsUser"]!.GetValue<int>().ShouldBe(0);
        all.Pod["securityContext"]!["runAsNonRoot"]!.GetValue<bool>().ShouldBeFalse();
        all.Pod["securityContext"]!["seLinuxOptions"]!["type"]!.GetValue<string>().ShouldBe("spc_t");
        all.Pod["priorityClassName"]!.GetValue<string>().ShouldBe("system-node-critical");
        all.Container["livenessProbe"]!["httpGet"]!["scheme"]!.GetValue<string>().ShouldBe("HTTPS");
        var scrape = all.Of("PodMonitor")["spec"]!["podMetricsEndpoints"]![0]!;
        scrape["scheme"]!.GetValue<string>().ShouldBe("https");
        scrape["authorization"]!["credentials"]!.ToJsonString().ShouldBe("""{"key":"t","name":"scrape"}""");
        scrape["tlsConfig"]!.ToJsonString().ShouldBe(
            """{"ca":{"secret":{"key":"ca.crt","name":"web"}},"serverName":"netlens.example.com"}""");
        all.Of("ServiceMonitor")["spec"]!["endpoints"]![0]!["tlsConfig"]!.ToJsonString()
            .ShouldBe(scrape["tlsConfig"]!.ToJsonString());
        NameOf(all).ShouldBe("net");
        all.Of("PodMonitor")["metadata"]!["labels"]!["release"]!.GetValue<string>().ShouldBe("prometheus");
        all.Of("ServiceMonitor")["spec"]!["endpoints"]![0]!["interval"]!.GetValue<string>().ShouldBe("30s");
        var lines = all.Configuration.Split('\n');
        string[] expected =
        [
            "  interval: 30s", "  btf: /etc/netlens-btf", "  listen: 0.0.0.0:9200", "  compression: gzip",
            "  tokenFile: /etc/netlens-token/token", "  certificate: /etc/netlens-tls/tls.crt",
            "  key: /etc/netlens-tls/tls.key",
            "  endpoint: http://gateway:4317", "  - app.kubernetes.io/name", "  softirq: false", "    perCpu: true",
        ];
        expected.Where(line => !lines.Contains(line)).ShouldBeEmpty(all.Configuration);
        var changed = Renderer.Chart("""{"listen": "127.0.0.1:9103"}""").Of("DaemonSet").ToJsonString();
        changed.ShouldNotBe(Renderer.Chart().Of("DaemonSet").ToJsonString(), "a changed file starts the pods anew");
    }

    [RendererFact]
    public void Events_are_what_the_pod_prints_unless_its_file_says_otherwise()
    {
        Renderer.Chart().Configuration.ShouldContain("events:\n  json: stdout\n");
        Renderer.Chart("""{"config": {"events": {"burst": 5}}}""").Configuration
            .ShouldContain("events:\n  burst: 5\n  json: stdout\n");
        Renderer.Chart("""{"config": {"events": {"json": ""}}}""").Configuration
            .ShouldContain("events:\n  json: \"\"\n");
    }

    [RendererFact]
    public void Recordings_are_kept_where_there_is_a_volume_for_them()
    {
        Renderer.Chart().Configuration.ShouldContain("recorder:\n  files: 0\n");
        Renderer.Chart("""{"config": {"recorder": {"files": 5, "folder": "/records"}}}""").Configuration
            .ShouldContain("recorder:\n  files: 5\n  folder: /records\n");
    }

    [RendererTheory]
    [InlineData("""{"listn": "127.0.0.1:9102"}""", "listn")]
    [InlineData("""{"listen": "9102"}""", "listen")]
    [InlineData("""{"capabilities": ["CAP_BPF"]}""", "capabilities")]
    [InlineData("""{"otlp": {"endpoint": "gateway:4317"}}""", "endpoint")]
    [InlineData("""{"otlp": {"protocol": "http/json"}}""", "protocol")]
    [InlineData("""{"image": {"digest": "abc"}}""", "digest")]
    [InlineData("""{"podMonitor": {"enabled": true}}""", "0.0.0.0:9102")]
    [InlineData("""{"serviceMonitor": {"enabled": true}, "listen": "localhost:9102"}""", "0.0.0.0:9102")]
    [InlineData("""{"listen": "0.0.0.0:9102"}""", "set http.tokenSecret.name and http.tlsSecret.name")]
    [InlineData("""{"listen": "[::]:9102", "http": {"tokenSecret": {"name": "a"}}}""", "http.insecure: true")]
    [InlineData("""{"listen": "10.0.0.1:1", "http": {"tlsSecret": {"name": "a"}}}""", "http.insecure: true")]
    public void Wrong_values_are_refused(string values, string said) =>
        Should.Throw<InvalidOperationException>(() => Renderer.Chart(values)).Message.ShouldContain(said);

    [RendererFact]
    public void Prometheus_is_told_of_the_pods_by_annotations_where_it_can_reach_them()
    {
        var on = Annotations("""{"listen": "0.0.0.0:9300", "http": {"insecure": true}}""");
        on["prometheus.io/scrape"]!.GetValue<string>().ShouldBe("true");
        on["prometheus.io/port"]!.GetValue<string>().ShouldBe("9300");
        on["prometheus.io/path"]!.GetValue<string>().ShouldBe("/metrics");
        on["prometheus.io/scheme"]!.GetValue<string>().ShouldBe("http");
        Annotations("""
            {"listen": "0.0.0.0:1", "http": {"insecure": true}, "podAnnotations": {"prometheus.io/path": "/other"}}
            """)
            ["prometheus.io/path"]!.GetValue<string>().ShouldBe("/other");
        string[] without =
        [
            "{}", """{"listen": "0.0.0.0:9300", "http": {"insecure": true}, "scrapeAnnotations": false}""",
            """{"listen": "0.0.0.0:9300", "http": {"insecure": true, "tokenSecret": {"name": "a"}}}""",
        ];
        foreach (var off in without)
            Annotations(off).Select(a => a.Key).ShouldBe(["checksum/config"]);
    }

    [RendererFact]
    public void Values_of_KubeSkoops_chart_become_values_of_this_one()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, """
            config:
              metricProbes: [{name: conntrack}, {name: flow}, {name: procsched}]
              eventProbes: [{name: tcpreset}]
              additionalLabels: ['app=${labels:app}']
            agent:
              config: {port: 9200}
              resources: {limits: {cpu: 500m, memory: 1024Mi}}
              nodeSelector: {disk: "true"}
              tolerations: [{key: gpu, operator: Exists, tolerationSeconds: 5}]
              image: {repository: kubeskoop/agent}
            webconsole: {enabled: true}
            """);
        var (code, values, error) =
            Shell.Try(Path.Combine(AppContext.BaseDirectory, "netlens"), "config", "import", file);
        File.Delete(file);
        code.ShouldBe(0, error);
        string[] left = ["config.metricProbes procsched:", "agent.image:", "webconsole:"];
        left.Where(word => !error.Contains(word, StringComparison.Ordinal)).ShouldBeEmpty(error);

        var chart = Renderer.Chart(values);
        foreach (var thing in chart.Objects)
            Renderer.Objection(thing).ShouldBeNull(thing.ToJsonString(Indented));
        chart.Container["ports"]![0]!["containerPort"]!.GetValue<int>().ShouldBe(9200);
        chart.Container["resources"]!["limits"]!.ToJsonString().ShouldBe("""{"cpu":"500m","memory":"1024Mi"}""");
        chart.Pod["nodeSelector"]!["disk"]!.GetValue<string>().ShouldBe("true");
        chart.Pod["tolerations"]!.ToJsonString()
            .ShouldBe("""[{"key":"gpu","operator":"Exists","tolerationSeconds":5}]""");
        var lines = chart.Configuration.Split('\n');
        string[] expected = ["  conntrack: true", "  flow: true", "  udp: false", "  - app", "  json: stdout", "  naming: kubeskoop"];
        expected.Where(line => !lines.Contains(line)).ShouldBeEmpty(chart.Configuration);
    }

    private static JsonObject Annotations(string values) =>
        Renderer.Chart(values).Of("DaemonSet")["spec"]!["template"]!["metadata"]!["annotations"]!.AsObject();

    [RendererFact]
    public void Names_follow_the_release()
    {
        NameOf(Renderer.Chart(release: "prod")).ShouldBe("prod-netlens");
        Renderer.Chart(release: "prod").Pod["serviceAccountName"]!.GetValue<string>().ShouldBe("prod-netlens");
        NameOf(Renderer.Chart(release: "my-netlens")).ShouldBe("my-netlens");
    }

    [RendererFact]
    public void The_pod_asks_for_no_more_than_it_needs()
    {
        var chart = Renderer.Chart();
        chart.Objects.Select(o => o["kind"]!.GetValue<string>()).Order()
            .ShouldBe(["ConfigMap", "DaemonSet", "ServiceAccount"]);
        var pod = chart.Pod.ToJsonString();
        string[] never = ["privileged", "hostPath", "hostIPC", "Unmasked", "DAC_OVERRIDE", "SYS_MODULE"];
        never.Where(word => pod.Contains(word, StringComparison.Ordinal)).ShouldBeEmpty();
        chart.Pod["automountServiceAccountToken"]!.GetValue<bool>().ShouldBeFalse();
        chart.Of("ServiceAccount")["automountServiceAccountToken"]!.GetValue<bool>().ShouldBeFalse();
        // The API server refuses allowPrivilegeEscalation: false beside a capability called CAP_SYS_ADMIN.
        pod.ShouldNotContain("CAP_");
    }

    [RendererFact]
    public void Each_value_is_in_the_schema()
    {
        // Unknown keys are refused, so what values.yaml has and the schema has not would fail every installation; the
        // other way round would be a value without a default and without a word about it.
        var schema = JsonNode.Parse(File.ReadAllText(Path.Combine(Renderer.Folder, "chart", "values.schema.json")))!;
        var values = File.ReadLines(Path.Combine(Renderer.Folder, "chart", "values.yaml"))
            .Where(line => line.Length > 0 && char.IsLetter(line[0])).Select(line => line.Split(':')[0]);
        schema["properties"]!.AsObject().Select(p => p.Key).Except(["global"]).Order().ShouldBe(values.Order());
    }

    [RendererFact]
    public void The_packed_chart_is_the_chart_and_the_same_bytes_each_time()
    {
        var build = Path.Combine(Renderer.Folder, "build");
        var folder = Directory.CreateTempSubdirectory("netlens-chart-");
        try
        {
            var first = Shell.Run(build, Path.Combine(folder.FullName, "1")).Trim().Split(' ');
            var second = Shell.Run(build, Path.Combine(folder.FullName, "2")).Trim().Split(' ');
            foreach (var (a, b) in first.Zip(second))
                File.ReadAllBytes(a).SequenceEqual(File.ReadAllBytes(b)).ShouldBeTrue(a);
            Shell.Run("tar", "-xzf", first[0], "-C", folder.FullName);
            foreach (var name in new[] { "LICENSE", "NOTICE" })
                File.ReadAllText(Path.Combine(folder.FullName, "netlens", name)).ShouldBe(Licences.ByPath[name]);
            File.ReadAllLines(Path.Combine(Renderer.Folder, "chart", "Chart.yaml"))
                .ShouldContain("  artifacthub.io/license: Apache-2.0");
            Renderer.Chart(folder: Path.Combine(folder.FullName, "netlens")).Of("DaemonSet").ToJsonString()
                .ShouldBe(Renderer.Chart().Of("DaemonSet").ToJsonString());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void The_version_is_the_programs()
    {
        var version = XDocument.Load(Path.Combine(Repository.Root, "Directory.Build.props"))
            .Descendants("VersionPrefix").Single().Value;
        var chart = File.ReadAllLines(Path.Combine(Renderer.Folder, "chart", "Chart.yaml"));
        chart.ShouldContain($"version: {version}");
        chart.ShouldContain($"appVersion: {version}");
        File.ReadAllText(Path.Combine(Renderer.Folder, "netlens.yaml")).ShouldContain($"image: netlens:{version}\n");
    }

    private static string NameOf(Rendered chart) => chart.Of("DaemonSet")["metadata"]!["name"]!.GetValue<string>();

    // Without what only Helm writes.
    private static string Comparable(JsonObject thing)
    {
        Strip(thing["metadata"]!);
        if (thing["spec"]?["template"]?["metadata"] is { } pod)
            Strip(pod);
        return Sorted(thing)!.ToJsonString(Indented);
    }

    private static void Strip(JsonNode metadata)
    {
        if (metadata["labels"] is JsonObject labels)
        {
            labels.Remove("helm.sh/chart");
            labels.Remove("app.kubernetes.io/managed-by");
        }
        if (metadata["annotations"] is JsonObject annotations && annotations.Remove("checksum/config")
            && annotations.Count == 0)
            metadata.AsObject().Remove("annotations");
    }

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map.OrderBy(p => p.Key, StringComparer.Ordinal)
            .Select(p => KeyValuePair.Create(p.Key, Sorted(p.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}
