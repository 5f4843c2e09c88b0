using Collector.Core.Probes;
using Collector.Linux.Kernel;
using Collector.Linux.Probes;
using Collector.Worker.Configuration;
using Collector.Worker.Portable;

namespace Collector.Worker.Collection;

/// <summary>Picks the node that fits the system.</summary>
internal static class NodeFactory
{
    /// <summary>Every probe there is, whatever the system.</summary>
    public static IReadOnlyList<ProbeInfo> Catalogue { get; } = [.. AllProbes.List.Select(p => p.Info)];

    public static INode Create(PathOptions paths)
    {
        if (!OperatingSystem.IsLinux())
            return new PortableNode();
        if (!Directory.Exists(paths.Proc))
            throw new IOException($"paths.proc: there is no folder {paths.Proc}");
        // A mounted procfs always has process 1 or us; a recorded tree has neither.
        var recorded = !Directory.Exists($"{paths.Proc}/1/ns") && !Directory.Exists($"{paths.Proc}/self/ns");
        return new LinuxNode(new KernelPaths(paths.Proc, paths.Sys, recorded));
    }
}
