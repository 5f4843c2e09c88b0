using Collector.Linux.Kernel;

namespace Collector.Linux.Pods;

/// <summary>Where container runtimes listen for the kubelet.</summary>
internal static class RuntimeSockets
{
    private const string Scheme = "unix://";

    /// <summary>Searched in this order.</summary>
    public static IReadOnlyList<string> Usual { get; } =
    [
        "/run/containerd/containerd.sock", // containerd
        "/run/crio/crio.sock", // CRI-O
        "/run/k3s/containerd/containerd.sock", // k3s and rke2
        "/run/cri-dockerd.sock", // Docker behind cri-dockerd
    ];

    /// <summary>The socket to ask; null where there is none now.</summary>
    /// <param name="paths">In a container the node's files are below the root of its first process.</param>
    /// <param name="configured">The configured one; empty to search.</param>
    public static string? Find(KernelPaths paths, string configured)
    {
        if (configured.Length > 0)
            return configured.StartsWith(Scheme, StringComparison.Ordinal) ? configured[Scheme.Length..] : configured;
        if (paths.Recorded)
            return null;
        foreach (var path in Usual)
        {
            foreach (var root in new[] { "", $"{paths.Proc}/1/root" })
            {
                if (File.Exists(root + path))
                    return root + path;
            }
        }
        return null;
    }
}
