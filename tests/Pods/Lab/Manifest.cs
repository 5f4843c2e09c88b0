using System.Globalization;
using Collector.Tests.Support;
using Pods.Tests.Cri;
using YamlDotNet.RepresentationModel;

namespace Pods.Tests.Lab;

/// <summary>The plain manifests of packaging/kubernetes, read as a kubelet reads the pod that they make.</summary>
internal sealed class Manifest
{
    public static readonly string File =
        Path.Combine(Repository.Root, "packaging", "kubernetes", "netlens.yaml");

    private readonly YamlMappingNode[] _objects;
    private readonly YamlMappingNode _pod;
    private readonly YamlMappingNode _container;

    public Manifest()
    {
        using var reader = new StreamReader(File);
        var stream = new YamlStream();
        stream.Load(reader);
        _objects = [.. stream.Documents.Select(d => (YamlMappingNode)d.RootNode)];
        _pod = Map(_objects.Single(o => Text(o, "kind") == "DaemonSet"), "spec", "template", "spec");
        _container = (YamlMappingNode)List(_pod, "containers").Single();
    }

    /// <summary>Path and port that the kubelet asks, by the name of the probe.</summary>
    public string UrlOf(string probe)
    {
        var get = Map(_container, probe, "httpGet");
        var port = List(_container, "ports").Cast<YamlMappingNode>().Single(p => Text(p, "name") == Text(get, "port"));
        return $"http://{Text(get, "host")}:{Text(port, "containerPort")}{Text(get, "path")}";
    }

    /// <summary>The image, by its full name.</summary>
    public string Image => "docker.io/library/" + Text(_container, "image");

    /// <param name="folder">Where the files of ConfigMaps are written.</param>
    public PodSpec PodSpec(string folder) => new()
    {
        HostNetwork = Flag(_pod, "hostNetwork"),
        Image = Image,
        Command = [.. Words(_container, "command")],
        Environment = List(_container, "env").Cast<YamlMappingNode>().ToDictionary(e => Text(e, "name"), ValueOf),
        Mounts = [.. List(_container, "volumeMounts").Cast<YamlMappingNode>().Select(m => MountOf(m, folder))],
        MemoryLimit = Mebibytes(Text(Map(_container, "resources", "limits"), "memory")) << 20,
        Security = new SecuritySpec
        {
            HostPid = Flag(_pod, "hostPID"),
            User = long.Parse(Text(Map(_pod, "securityContext"), "runAsUser"), CultureInfo.InvariantCulture),
            Groups = [.. Words(_pod, "securityContext", "supplementalGroups")
                .Select(g => long.Parse(g, CultureInfo.InvariantCulture))],
            Add = [.. Words(Security, "capabilities", "add")],
            Drop = [.. Words(Security, "capabilities", "drop")],
            ReadOnlyRoot = Flag(Security, "readOnlyRootFilesystem"),
            NoNewPrivileges = Text(Security, "allowPrivilegeEscalation") == "false",
            Seccomp = Text(Map(_pod, "securityContext", "seccompProfile"), "type") == "RuntimeDefault",
        },
    };

    private YamlMappingNode Security => Map(_container, "securityContext");

    private static string ValueOf(YamlMappingNode variable)
    {
        if (variable.Children.TryGetValue("value", out var value))
            return ((YamlScalarNode)value).Value!;
        var field = Text(Map(variable, "valueFrom", "fieldRef"), "fieldPath");
        return field == "spec.nodeName" ? "node-1" : throw new NotSupportedException(field);
    }

    private Mount MountOf(YamlMappingNode mount, string folder)
    {
        var volume = List(_pod, "volumes").Cast<YamlMappingNode>().Single(v => Text(v, "name") == Text(mount, "name"));
        return new Mount
        {
            ContainerPath = Text(mount, "mountPath"),
            HostPath = volume.Children.ContainsKey("configMap")
                ? WriteFiles(Text(Map(volume, "configMap"), "name"), folder)
                : volume.Children.ContainsKey("emptyDir")
                ? EmptyFolder(Path.Combine(folder, Text(volume, "name")))
                : Text(Map(volume, "hostPath"), "path"),
            Readonly = mount.Children.ContainsKey("readOnly") && Flag(mount, "readOnly"),
        };
    }

    private string WriteFiles(string configMap, string folder)
    {
        var source = _objects.Single(o =>
            Text(o, "kind") == "ConfigMap" && Text(Map(o, "metadata"), "name") == configMap);
        foreach (var (name, content) in Map(source, "data").Children)
            System.IO.File.WriteAllText(Path.Combine(folder, name.ToString()), ((YamlScalarNode)content).Value);
        return folder;
    }

    /// <summary>As the kubelet makes one: anybody's.</summary>
    private static string EmptyFolder(string path)
    {
        Directory.CreateDirectory(path);
        Shell.Run("chmod", "777", path);
        return path;
    }

    private static long Mebibytes(string quantity) =>
        long.Parse(quantity[..quantity.IndexOf("Mi", StringComparison.Ordinal)], CultureInfo.InvariantCulture);

    private static YamlMappingNode Map(YamlMappingNode node, params string[] path) =>
        path.Aggregate(node, (n, key) => (YamlMappingNode)n.Children[key]);

    private static YamlSequenceNode List(YamlMappingNode node, string key) => (YamlSequenceNode)node.Children[key];

    private static IEnumerable<string> Words(YamlMappingNode node, params string[] path) =>
        List(Map(node, path[..^1]), path[^1]).Select(n => ((YamlScalarNode)n).Value!);

    private static string Text(YamlMappingNode node, string key) => ((YamlScalarNode)node.Children[key]).Value!;

    private static bool Flag(YamlMappingNode node, string key) => Text(node, key) == "true";
}
