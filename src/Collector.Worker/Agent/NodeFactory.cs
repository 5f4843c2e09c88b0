using Collector.Core.Events;
using Collector.Core.Probes;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Limits;
using Collector.Linux.Pods;
using Collector.Linux.Probes;
using Collector.Linux.Sources;
using Collector.Worker.Collection;
using Collector.Worker.Configuration;
using Collector.Worker.Portable;

namespace Collector.Worker.Agent;

/// <summary>Picks the node that fits the system.</summary>
internal static class NodeFactory
{
    /// <summary>Every probe there is, whatever the system.</summary>
    public static IReadOnlyList<ProbeInfo> Catalogue { get; } = [.. AllProbes.List.Select(p => p.Info)];

    /// <param name="paths">Where its files are.</param>
    /// <param name="ebpf">How eBPF is used; null for the defaults.</param>
    /// <param name="pods">How pods are found; null: not through a runtime.</param>
    /// <param name="limits">How much is told one by one; null for the defaults.</param>
    /// <param name="events">Takes what its probes report; null: nobody does.</param>
    /// <param name="source">Where figures are read that the kernel gives in two ways.</param>
    /// <param name="findings">Which causes are looked for; null: all, by their defaults.</param>
    /// <exception cref="IOException">There is no proc file system at that place.</exception>
    public static INode Create(
        PathOptions paths, EbpfOptions? ebpf = null, PodOptions? pods = null, LimitOptions? limits = null,
        IEventSink? events = null, CollectionSource source = CollectionSource.Auto,
        IReadOnlyDictionary<string, FindingChoice>? findings = null)
    {
        if (!OperatingSystem.IsLinux())
            return new PortableNode();
        if (!Directory.Exists(paths.Proc))
            throw new IOException($"paths.proc: there is no folder {paths.Proc}");
        // /dev has a folder net too, with tun in it.
        if ((!Directory.Exists($"{paths.Proc}/net") || File.Exists($"{paths.Proc}/net/tun"))
            && !Directory.Exists($"{paths.Proc}/1")
            && !Directory.Exists($"{paths.Proc}/self"))
        {
            throw new IOException($"paths.proc: {paths.Proc} is no proc file system: it has neither net nor processes");
        }
        // A mounted procfs always has process 1 or us; a recorded tree has neither.
        var recorded = !Directory.Exists($"{paths.Proc}/1/ns") && !Directory.Exists($"{paths.Proc}/self/ns");
        ebpf ??= new();
        var bpf = new BpfOptions { BtfFolder = ebpf.Btf ?? "", EventBuffer = ebpf.EventBuffer };
        return new LinuxNode(
            new KernelPaths(paths.Proc, paths.Sys, recorded), bpf, pods ?? new(), limits ?? new(),
            events ?? NoEvents.Instance, source, findings);
    }
}
