using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Limits;
using Collector.Linux.Namespaces;
using Collector.Linux.Pods;
using Collector.Linux.Processes;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Common;

/// <summary>The machine as the probes see it: what they may ask of the layers below them.</summary>
public abstract class ProbeHost
{
    private protected ProbeHost()
    {
    }

    public abstract KernelPaths Paths { get; }

    /// <summary>Unix nanoseconds of the machine's start.</summary>
    public abstract long BootTime { get; }

    public abstract NamespaceRegistry Namespaces { get; }

    /// <summary>How much is told one by one, and what was left out.</summary>
    public abstract LimitSet Limits { get; }

    /// <summary>The eBPF side: types, symbols, the event thread.</summary>
    public abstract BpfHost Bpf { get; }

    /// <summary>What is read by one pass in the kernel, and what by /proc.</summary>
    public abstract CollectedParts Parts { get; }

    /// <summary>Where the kernel keeps each namespace.</summary>
    internal abstract NetAddresses Addresses { get; }

    /// <summary>The MIB counters of all namespaces in one pass.</summary>
    internal abstract MibPass Mib { get; }

    /// <summary>Connection tracking of all namespaces in one pass.</summary>
    internal abstract ConntrackPass Conntracks { get; }

    /// <summary>The sockets of all namespaces in one pass.</summary>
    internal abstract SocketSource Sockets { get; }

    /// <summary>What the rules found.</summary>
    public FindingStore Findings { get; } = new();

    /// <summary>Where probes report occurrences.</summary>
    public IEventSink Events { get; set; } = NoEvents.Instance;

    /// <summary>For text files of the node; belongs to the collection thread.</summary>
    internal abstract ReadBuffer Buffer { get; }

    /// <summary>The pods of the node, from its container runtime.</summary>
    internal abstract PodWatcher Pods { get; }

    /// <summary>Whose each namespace is.</summary>
    internal abstract NamespaceOwners Owners { get; }

    /// <summary>Gives subjects their names.</summary>
    internal abstract SubjectNamer Namer { get; }

    /// <summary>For the thread that resolves events.</summary>
    internal abstract EventOwners EventOwners { get; }

    /// <summary>The processes of the node, walked by the first probe of a collection that asks.</summary>
    /// <exception cref="LinuxException">/proc cannot be opened.</exception>
    internal abstract ProcessTable Processes { get; }

    /// <summary>The processes, for a probe that is nothing without them.</summary>
    /// <exception cref="ProbeUnavailableException">There are no processes to see here.</exception>
    internal ProcessTable ProcessesFor(ProbeInfo probe)
    {
        if (Paths.Recorded)
            throw new ProbeUnavailableException($"{probe.Id} needs live processes; this is a recorded tree");
        try
        {
            return Processes;
        }
        catch (LinuxException e)
        {
            throw new ProbeUnavailableException($"{probe.Id} needs /proc: {e.Message}", e);
        }
    }
}
