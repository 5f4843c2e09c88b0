using System.Globalization;
using System.Text.Json;
using Collector.Tests.Support;

namespace Pods.Tests.Lab;

/// <summary>The agent as packaging/kubernetes starts it: its image, and what the manifest says of its pod.</summary>
internal sealed class AgentPod : IDisposable
{
    private readonly ContainerNode _node;
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("netlens-config-");

    public AgentPod(ContainerNode node, Manifest manifest)
    {
        _node = node;
        Shell.Run(ContainerNode.Script, "import", node.Folder, ImageArchive.Current.Value.Path);
        ImageArchive.Current.Value.Reference.ShouldBe(manifest.Image);
        // Where a node has it; the manifest mounts nothing of the node, so below /proc/1/root it has to be a real file.
        node.Run("sh", "-c", "mkdir -p /run/containerd && touch /run/containerd/containerd.sock && " +
            $"mount --bind {node.Socket} /run/containerd/containerd.sock");
        // As the kubelet leaves the folder of a ConfigMap.
        Shell.Run("chmod", "755", _files.FullName);
        var spec = manifest.PodSpec(_files.FullName);
        var held = CapabilitiesOf(node);
        Missing = [.. spec.Security!.Add.Where(name => !held.Contains(name))];
        Spec = spec with { Security = spec.Security with { Add = [.. spec.Security.Add.Where(held.Contains)] } };
    }

    public PodSpec Spec { get; }

    /// <summary>Capabilities that this machine's root does not hold, and so cannot hand on.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>What doctor says in a pod of its own.</summary>
    public Doctor Diagnose(PodSpec spec)
    {
        var pod = _node.Kubelet.Run("netlens", "doctor", spec with
        {
            Uid = Guid.NewGuid().ToString(),
            Command = [spec.Command[0], "doctor", "--format", "json"],
        });
        Wait.Until(() => _node.Kubelet.HasEnded(pod.Containers[0]), "the end of doctor");
        var output = _node.Kubelet.OutputOf(pod);
        _node.Kubelet.Remove(pod);
        return new Doctor(output);
    }

    public void Dispose() => _files.Delete(recursive: true);

    private static HashSet<string> CapabilitiesOf(ContainerNode node)
    {
        var line = node.Run("grep", "^CapBnd:", "/proc/1/status").Split('\t')[1].Trim();
        return [.. CapabilitySet.In(line)];
    }
}

/// <summary>include/uapi/linux/capability.h, as Kubernetes spells it: those of the manifest.</summary>
internal static class CapabilitySet
{
    private static readonly (int Bit, string Name)[] Names =
    [
        (2, "DAC_READ_SEARCH"), (12, "NET_ADMIN"), (19, "SYS_PTRACE"), (21, "SYS_ADMIN"), (24, "SYS_RESOURCE"),
        (34, "SYSLOG"), (38, "PERFMON"), (39, "BPF"),
    ];

    /// <summary>Those in a set as /proc/PID/status has it; any other shows by its number.</summary>
    public static IEnumerable<string> In(string set)
    {
        var bits = ulong.Parse(set, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return Enumerable.Range(0, 64).Where(bit => (bits >> bit & 1) != 0)
            .Select(bit => Array.Find(Names, n => n.Bit == bit).Name ?? $"{bit}");
    }
}

/// <summary>What <c>netlens doctor --format json</c> says.</summary>
internal sealed class Doctor
{
    public Doctor(string json)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        Facts = root.GetProperty("machine").EnumerateObject()
            .ToDictionary(f => f.Name, f => f.Value.GetString()!);
        Problems = [.. root.GetProperty("problems").EnumerateArray().Select(p => p.GetString()!)];
        Verdicts = root.GetProperty("probes").EnumerateArray().ToDictionary(
            p => p.GetProperty("probe").GetString()!,
            p => $"{p.GetProperty("verdict").GetString()} {p.GetProperty("reason").GetString()}".Trim());
        Ways = root.GetProperty("probes").EnumerateArray()
            .Where(p => p.TryGetProperty("hooks", out _))
            .ToDictionary(p => p.GetProperty("probe").GetString()!, p => string.Join(", ", WaysOf(p)));
    }

    public IReadOnlyDictionary<string, string> Facts { get; }

    public IReadOnlyList<string> Problems { get; }

    /// <summary>Verdict and reason by probe.</summary>
    public IReadOnlyDictionary<string, string> Verdicts { get; }

    /// <summary>By which way each hook of an eBPF probe is attached.</summary>
    public IReadOnlyDictionary<string, string> Ways { get; }

    private static IEnumerable<string> WaysOf(JsonElement probe) =>
        from hook in probe.GetProperty("hooks").EnumerateArray()
        from way in hook.GetProperty("ways").EnumerateArray()
        where way.GetProperty("verdict").GetString() == "taken"
        select $"{hook.GetProperty("hook").GetString()} by {way.GetProperty("by").GetString()}";
}
