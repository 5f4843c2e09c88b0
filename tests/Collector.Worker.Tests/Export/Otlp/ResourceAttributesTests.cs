using Collector.Worker.Configuration;
using Collector.Worker.Export.Otlp;

namespace Collector.Worker.Tests.Export.Otlp;

public sealed class ResourceAttributesTests
{
    private static readonly HostFacts Host = new()
    {
        HostName = "node-a", MachineId = "0123456789abcdef0123456789abcdef", Architecture = "arm64", OsType = "linux",
        OsName = "Debian GNU/Linux", OsVersion = "12", OsDescription = "Debian GNU/Linux 12 (bookworm)",
    };

    private readonly Dictionary<string, string> _environment = [];

    [Fact]
    public void It_says_who_where_and_on_what()
    {
        _environment["NODE_NAME"] = "worker-1";
        var resource = Build(new ResourceOptions());

        resource["service.name"].ShouldBe("netlens");
        resource["service.version"].ShouldBe("1.2.3");
        resource["host.name"].ShouldBe("node-a");
        resource["host.id"].ShouldBe(Host.MachineId);
        resource["host.arch"].ShouldBe("arm64");
        resource["os.type"].ShouldBe("linux");
        resource["os.name"].ShouldBe("Debian GNU/Linux");
        resource["os.version"].ShouldBe("12");
        resource["k8s.node.name"].ShouldBe("worker-1");
    }

    [Fact]
    public void The_node_is_named_only_by_who_knows_it()
    {
        Build(new ResourceOptions()).ShouldNotContainKey("k8s.node.name");
        _environment["NODE_NAME"] = "of-environment";
        Build(new ResourceOptions { NodeName = "of-file" })["k8s.node.name"].ShouldBe("of-file");
    }

    [Fact]
    public void Variables_go_before_the_file()
    {
        _environment["OTEL_RESOURCE_ATTRIBUTES"] = "service.name=variable,team=net,host.id=";
        var options = new ResourceOptions
        {
            Attributes = new Dictionary<string, string> { ["team"] = "file", ["service.namespace"] = "infra" },
        };

        var resource = Build(options);
        _environment["OTEL_SERVICE_NAME"] = "name";
        var named = Build(options);

        resource["service.name"].ShouldBe("variable");
        resource["team"].ShouldBe("net");
        resource["service.namespace"].ShouldBe("infra");
        resource.ShouldNotContainKey("host.id");
        named["service.name"].ShouldBe("name");
    }

    [Fact]
    public void The_instance_id_is_a_version_5_uuid_of_the_node()
    {
        var id = Build(new ResourceOptions())["service.instance.id"];

        // Computed apart: python3 -c 'uuid.uuid5(UUID("4d63009a-8d0f-11ee-aad7-4c796ed8e320"), "netlens/<id>/node-a")'.
        id.ShouldBe("a509b714-97aa-548a-b3c3-1b113f2b1099");
        Build(new ResourceOptions())["service.instance.id"].ShouldBe(id);
        Build(new ResourceOptions { NodeName = "node-b" })["service.instance.id"].ShouldNotBe(id);
    }

    [Fact]
    public void The_sdk_gets_the_same_and_nothing_else()
    {
        var settings = OtlpSettings.Resolve(new OtlpOptions(), _environment.GetValueOrDefault, []);
        var resource = ResourceAttributes.Build(
            settings, new ResourceOptions(), Host, "1", _environment.GetValueOrDefault);

        resource.ToResourceBuilder().Build().Attributes
            .Select(a => (a.Key, (string)a.Value)).Order()
            .ShouldBe(resource.Items.Select(i => (i.Key, i.Value)).Order());
    }

    [Fact]
    public void The_machine_is_read_from_its_files()
    {
        var root = Directory.CreateTempSubdirectory("netlens-host-");
        try
        {
            Directory.CreateDirectory(Path.Combine(root.FullName, "etc"));
            File.WriteAllText(Path.Combine(root.FullName, "etc/machine-id"), "abc\n");
            File.WriteAllText(
                Path.Combine(root.FullName, "etc/os-release"),
                "# comment\nNAME=\"Some Linux\"\nVERSION_ID='9.4'\nPRETTY_NAME=\"Some Linux 9.4 (Blue)\"\nbroken\n");

            var facts = HostFacts.Read(root.FullName);

            facts.MachineId.ShouldBe("abc");
            facts.OsName.ShouldBe("Some Linux");
            facts.OsVersion.ShouldBe("9.4");
            facts.OsDescription.ShouldBe("Some Linux 9.4 (Blue)");
            facts.HostName.ShouldNotBeEmpty();
        }
        finally
        {
            root.Delete(recursive: true);
        }
        HostFacts.Read(root.FullName).MachineId.ShouldBeNull();
    }

    private Dictionary<string, string> Build(ResourceOptions options)
    {
        var settings = OtlpSettings.Resolve(new OtlpOptions(), _environment.GetValueOrDefault, []);
        return ResourceAttributes.Build(settings, options, Host, "1.2.3", _environment.GetValueOrDefault)
            .Items.ToDictionary(i => i.Key, i => i.Value);
    }
}
