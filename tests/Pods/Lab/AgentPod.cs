using System.Diagnostics;
using System.Text.Json;
using Collector.Tests.Support;

namespace Pods.Tests.Lab;

/// <summary>The agent as packaging/kubernetes starts it: its image, and what the manifest says of its pod.</summary>
internal sealed class AgentPod : IDisposable
{
    private static readonly TimeSpan Building = TimeSpan.FromMinutes(10);
    private static readonly Lazy<(string Archive, string Name)> Image = new(Build);

    private readonly ContainerNode _node;
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("netlens-config-");

    public AgentPod(ContainerNode node, Manifest manifest)
    {
        _node = node;
        Shell.Run(ContainerNode.Script, "import", node.Folder, Image.Value.Archive);
        // Where a node has it; the manifest mounts nothing of the node, so below /proc/1/root it has to be a real file.
        node.Run("sh", "-c", "mkdir -p /run/containerd && touch /run/containerd/containerd.sock && " +
            $"mount --bind {node.Socket} /run/containerd/containerd.sock");
        Spec = manifest.PodSpec(Image.Value.Name, _files.FullName);
    }

    public PodSpec Spec { get; }

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

    private static (string, string) Build()
    {
        var script = Path.Combine(Repository.Root, "tests", "Pods", "agent-image");
        using var process = Process.Start(new ProcessStartInfo(script)
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        process.WaitForExit(Building).ShouldBeTrue("the image is not built in time");
        process.ExitCode.ShouldBe(0, error.GetAwaiter().GetResult());
        var words = output.GetAwaiter().GetResult().Trim().Split(' ');
        return (words[0], words[1]);
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
