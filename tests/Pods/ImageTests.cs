using System.Formats.Tar;
using System.Globalization;
using System.Text.Json;
using Collector.Tests.Support;
using Pods.Tests.Lab;

namespace Pods.Tests;

/// <summary>
/// The container image by itself, in containerd and runc: what is in it, and what it needs to run. Its containers are
/// those of ctr(8), which sets no_new_privs as Kubernetes does for allowPrivilegeEscalation: false.
/// </summary>
public sealed class ImageTests
{
    private const int User = 65532;
    private const long MostBytes = 17_000_000;

    // include/uapi/linux/capability.h; those that docs/container.md names.
    private static readonly Dictionary<string, int> Capabilities = new()
    {
        ["CAP_DAC_READ_SEARCH"] = 2, ["CAP_NET_ADMIN"] = 12, ["CAP_SYS_PTRACE"] = 19, ["CAP_SYS_ADMIN"] = 21,
        ["CAP_SYSLOG"] = 34, ["CAP_PERFMON"] = 38, ["CAP_BPF"] = 39,
    };

    [RequiresImageFact]
    public void It_runs_without_any_right_on_a_read_only_root()
    {
        using var node = ContainerNode.Start();
        // The first snapshot may come before anybody has asked for it.
        node.Run("ping", "-c", "1", "127.0.0.1");
        var container = new Running(node, []);
        container.Status["Uid"].Split('\t').ShouldAllBe(id => id == $"{User}");
        container.Status["CapEff"].ShouldBe("0000000000000000");
        container.Status["NoNewPrivs"].ShouldBe("1");
        node.Run("cat", $"/proc/{container.Pid}/mounts").Split('\n')[0].ShouldMatch(@"^\S+ / \S+ ro,");

        var page = container.Page();
        page.Sum("system_network_io_bytes_total", ("network_interface_name", "lo")).ShouldBeGreaterThan(0);
        page.Samples.Where(s => s.Name == "netlens_probe_errors_total" && s["netlens_probe"] == "netdev")
            .ShouldBeEmpty();
        container.Stop().ShouldBe(0);
    }

    [RequiresImageFact]
    public void Capabilities_reach_its_user_all_some_or_none()
    {
        using var node = ContainerNode.Start();
        var container = new Running(node, [.. Capabilities.Keys]);
        container.Status["Uid"].Split('\t').ShouldAllBe(id => id == $"{User}");
        container.Status["NoNewPrivs"].ShouldBe("1");
        Set(container.Status["CapEff"]).ShouldBe(Capabilities.Values, ignoreOrder: true);

        var inside = Verdicts(container.Exec("/usr/bin/netlens", "doctor", "--format", "json"));
        var outside = Verdicts(NodeAgent.Command(node, "none", "doctor", "--format", "json"));
        inside.ShouldBe(outside, ignoreOrder: true);
        container.Stop().ShouldBe(0);

        var some = new Running(node, ["CAP_SYS_PTRACE"]);
        Set(some.Status["CapEff"]).ShouldBe([Capabilities["CAP_SYS_PTRACE"]]);
        some.Stop().ShouldBe(0);
        // Without the first program's word nothing of it would arrive.
        Running.Once(node, [.. Capabilities.Keys], "/usr/lib/netlens/netlens", "doctor")
            .ShouldContain("none of those that probes use");
    }

    /// <summary>As <c>crictl exec</c> and <c>kubectl exec</c> start it: there is no shell to start it from.</summary>
    [RequiresImageFact]
    public async Task Its_events_are_watched_from_within()
    {
        using var node = ContainerNode.Start();
        var container = new Running(node, [.. Capabilities.Keys]);
        var watch = Task.Run(() => container.Exec(
            "/usr/bin/netlens", "watch", "--kind", "tcpreset.sent", "--netns", $"{node.NetnsOf(1)}",
            "--count", "1", "--for", "2m"));
        // Somebody keeps asking for a port that is closed.
        while (!watch.IsCompleted)
        {
            node.Try("busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:9/");
            await Task.Delay(200);
        }
        (await watch).ShouldMatch(@"^\d\d:\d\d:\d\d\.\d{3} ERROR tcpreset\.sent         "
            + @"127\.0\.0\.1:9 sent a reset to 127\.0\.0\.1:\d+: nobody listens there");
        container.Stop().ShouldBe(0);
    }

    /// <summary>OpenSSL and the list of certificates are the image's own.</summary>
    [RequiresImageFact]
    public void It_pushes_over_TLS_to_whom_it_is_told_to_trust()
    {
        using var node = ContainerNode.Start();
        using var backend = new TlsBackend(node);
        var trusting = new Running(node, [],
        [
            "--mount", $"type=bind,src={backend.Certificate},dst=/trusted.pem,options=rbind:ro",
            "--env", "OTEL_EXPORTER_OTLP_CERTIFICATE=/trusted.pem", .. TlsBackend.Variables,
        ]);
        Wait.Until(() => backend.Received > 0, "a push");
        trusting.Stop().ShouldBe(0);

        var before = backend.Received;
        var wary = new Running(node, [], TlsBackend.Variables);
        Wait.Until(() => wary.Page().Sum("netlens_otlp_points_failed_total") > 0, "a push that failed");
        wary.Stop().ShouldBe(0);
        backend.Received.ShouldBe(before);
    }

    [RequiresImageFact]
    public void The_one_for_both_machines_has_both_and_runs_where_it_is()
    {
        var path = ImageArchive.BuildBoth();
        string[] machines = ["amd64", "arm64"];
        foreach (var machine in machines)
        {
            var image = new ImageArchive(path, machine);
            image.Config.GetProperty("architecture").GetString().ShouldBe(machine);
            image.Files.Keys.ShouldContain("/usr/lib/netlens/netlens");
            image.Files.Keys.ShouldContain(
                machine == "amd64" ? "/usr/lib64/ld-linux-x86-64.so.2" : "/usr/lib/ld-linux-aarch64.so.1");
        }
        using var node = ContainerNode.Start();
        node.Run("ctr", "-a", node.Socket, "-n", "netlens", "images", "import", path);
        Running.Once(node, [], "/usr/bin/netlens", "version").ShouldStartWith("netlens 0.");
    }

    [RequiresImageFact(runs: false)]
    public void It_says_what_it_is_and_holds_no_more_than_that()
    {
        var image = ImageArchive.Current.Value;
        new FileInfo(image.Path).Length.ShouldBeLessThan(MostBytes);
        var config = image.Config.GetProperty("config");
        config.GetProperty("User").GetString().ShouldBe($"{User}:{User}");
        config.GetProperty("Entrypoint")[0].GetString().ShouldBe("/usr/bin/netlens");
        config.GetProperty("StopSignal").GetString().ShouldBe("SIGTERM");
        config.GetProperty("ExposedPorts").TryGetProperty("9102/tcp", out _).ShouldBeTrue();
        var labels = config.GetProperty("Labels");
        labels.GetProperty("org.opencontainers.image.title").GetString().ShouldBe("netlens");
        image.Reference.ShouldEndWith(":" + labels.GetProperty("org.opencontainers.image.version").GetString());
        labels.GetProperty("org.opencontainers.image.revision").GetString()!.ShouldMatch("^[0-9a-f]{40}$|^unknown$");

        labels.GetProperty("org.opencontainers.image.licenses").GetString()
            .ShouldNotBeNull().ShouldStartWith($"{Licences.Expression} AND ");
        Licences.ByPath.Keys.Select(p => $"/usr/share/doc/netlens/{p}").Except(image.Files.Keys).ShouldBeEmpty();
        image.Files.Keys.Where(f => f.Contains("bin/", StringComparison.Ordinal)).ShouldBe(["/usr/bin/netlens"]);
        image.Files.Keys.ShouldNotContain(f => f.StartsWith("/home", StringComparison.Ordinal));
    }

    [RequiresImageFact(runs: false)]
    public void Its_bill_of_materials_names_everything_with_version_licence_and_origin()
    {
        var image = ImageArchive.Current.Value;
        using var bill = JsonDocument.Parse(File.ReadAllText(image.BillPath));
        bill.RootElement.GetProperty("specVersion").GetString().ShouldBe("1.6");
        bill.RootElement.GetProperty("metadata").GetProperty("component").GetProperty("licenses")[0]
            .GetProperty("expression").GetString().ShouldBe(Licences.Expression);
        var components = bill.RootElement.GetProperty("components").EnumerateArray().ToArray();
        components.Select(c => c.GetProperty("bom-ref").GetString()).ShouldBeUnique();
        foreach (var component in components)
        {
            component.GetProperty("purl").GetString()!.ShouldMatch("^pkg:(nuget|npm|deb/debian)/[^@]+@.+");
            component.GetProperty("version").GetString().ShouldNotBeNullOrEmpty();
            component.GetProperty("licenses").GetArrayLength().ShouldBeGreaterThan(0, component.ToString());
        }
        foreach (var name in new[] { "OpenTelemetry", "YamlDotNet", "libbpf", "libc6", "ca-certificates" })
            components.ShouldContain(c => c.GetProperty("name").GetString() == name);

        // What is from the machine's packages, to the last file.
        var known = components.Where(c => c.TryGetProperty("properties", out _))
            .SelectMany(c => c.GetProperty("properties").EnumerateArray())
            .Select(p => p.GetProperty("value").GetString()!).ToArray();
        var libraries = image.Files.Where(f => f.Value.Type is TarEntryType.RegularFile).Select(f => f.Key)
            .Where(f => f.Contains(".so", StringComparison.Ordinal) && !f.StartsWith("/usr/lib/netlens/"))
            .ToArray();
        libraries.Length.ShouldBeGreaterThan(5);
        libraries.Except(known).ShouldBeEmpty();
    }

    [RequiresSchemaFact]
    public void Its_bill_of_materials_is_CycloneDX()
    {
        var (code, output, error) = Shell.Try(
            Path.Combine(Repository.Root, "tests", "Pods", "check-bom.py"), ImageArchive.Current.Value.BillPath);
        code.ShouldBe(0, output + error);
    }

    [RequiresImageFact(runs: false)]
    public void The_same_sources_give_the_same_image()
    {
        var folder = Directory.CreateTempSubdirectory("netlens-image-");
        try
        {
            File.ReadAllBytes(ImageArchive.Build(folder.FullName).Path)
                .SequenceEqual(File.ReadAllBytes(ImageArchive.Current.Value.Path)).ShouldBeTrue();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static IEnumerable<int> Set(string hexadecimal)
    {
        var bits = ulong.Parse(hexadecimal, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return Enumerable.Range(0, 64).Where(bit => (bits >> bit & 1) != 0);
    }

    private static string[] Verdicts(string json)
    {
        using var document = JsonDocument.Parse(json);
        return [.. document.RootElement.GetProperty("probes").EnumerateArray().Select(p =>
            $"{p.GetProperty("probe").GetString()} {p.GetProperty("verdict").GetString()}")];
    }

    /// <summary>A container of the image on a node's network and among its processes.</summary>
    private sealed class Running
    {
        private readonly ContainerNode _node;
        private readonly string _id = $"c-{Guid.NewGuid():N}";

        public Running(ContainerNode node, string[] capabilities, params string[] options)
        {
            _node = node;
            node.Run([.. Control(node), "images", "import", ImageArchive.Current.Value.Path]);
            node.Run([.. Run(node, capabilities), .. options, "-d", ImageArchive.Current.Value.Reference, _id]);
            Wait.Until(() => Answer("/healthz") == "ok\n" && Answer("/readyz") is not null, "the agent's answer");
            Status = node.Run("cat", $"/proc/{Pid}/status").Split('\n').Select(line => line.Split(":\t", 2))
                .Where(words => words.Length == 2).ToDictionary(words => words[0], words => words[1]);
        }

        /// <summary>What the kernel says of the agent.</summary>
        public Dictionary<string, string> Status { get; }

        /// <summary>The agent, by its number in the node.</summary>
        public int Pid => int.Parse(Task()[1]);

        public Page Page() => new(Answer("/metrics")!);

        public string Exec(params string[] command) =>
            _node.Run([.. Control(_node), "tasks", "exec", "--exec-id", "x", _id, .. command]);

        /// <summary>Runs another program of the image in a container of its own.</summary>
        public static string Once(ContainerNode node, string[] capabilities, params string[] command) => node.Run(
        [
            .. Run(node, capabilities), "--rm", ImageArchive.Current.Value.Reference, $"o-{Guid.NewGuid():N}",
            .. command,
        ]);

        /// <summary>Ends it as a kubelet does and gives its exit status.</summary>
        public int Stop()
        {
            _node.Run([.. Control(_node), "tasks", "kill", "-s", "SIGTERM", _id]);
            Wait.Until(() => Task()[2] == "STOPPED", "the container's end");
            return _node.Try([.. Control(_node), "tasks", "delete", _id]).Code;
        }

        // "c-1f0e    297    RUNNING"
        private string[] Task() => _node.Run([.. Control(_node), "tasks", "ls"]).Split('\n')
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Single(words => words.Length > 2 && words[0] == _id);

        private static string[] Control(ContainerNode node) => ["ctr", "-a", node.Socket, "-n", "netlens"];

        private static string[] Run(ContainerNode node, string[] capabilities) =>
        [
            .. Control(node), "run", "--read-only", "--net-host", "--with-ns", "pid:/proc/1/ns/pid",
            .. capabilities.SelectMany(c => new[] { "--cap-add", c }),
        ];

        private string? Answer(string path) =>
            _node.Try("busybox", "wget", "-q", "-O", "-", $"http://127.0.0.1:9102{path}") is (0, var page, _)
                ? page
                : null;
    }
}
