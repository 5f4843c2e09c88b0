using Collector.Core.Events;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Pods;
using Collector.Linux.Processes;

namespace Collector.Linux;

/// <summary>
/// The machine as the probes see it: where its files are, its namespaces, and the shared read buffers.
/// </summary>
public sealed class LinuxHost : IDisposable
{
    private readonly Lazy<NamespaceEntry> _entry;
    private ProcessTable? _processes;

    /// <param name="paths">Where /proc and /sys are.</param>
    /// <param name="bpf">How eBPF is used; null for the defaults.</param>
    /// <param name="pods">How pods are found; null: by their cgroups only, without names.</param>
    public LinuxHost(KernelPaths paths, BpfOptions? bpf = null, PodOptions? pods = null)
    {
        Paths = paths;
        BootTime = Kernel.BootTime.Read(paths);
        _entry = new(() => new NamespaceEntry(paths.Proc));
        Namespaces = new NamespaceRegistry(this);
        Bpf = new BpfHost(paths, bpf ?? new());
        Pods = new PodWatcher(this, pods ?? new());
        EventOwners = new EventOwners(paths, () => Pods.Table, new CgroupIds(CgroupIds.RootOf(paths)));
    }

    public KernelPaths Paths { get; }

    /// <summary>Unix nanoseconds of the machine's start.</summary>
    public long BootTime { get; }

    /// <summary>Bytes per page, for kernel figures that are in pages.</summary>
    public static long PageSize { get; } = Environment.SystemPageSize;

    public NamespaceRegistry Namespaces { get; }

    /// <summary>The pods of the node, from its container runtime.</summary>
    internal PodWatcher Pods { get; }

    /// <summary>For the event thread.</summary>
    internal EventOwners EventOwners { get; }

    /// <summary>Name and version of the container runtime; null while none answers.</summary>
    public string? PodRuntime => Pods.Runtime;

    /// <summary>The eBPF side: types, symbols, the event thread.</summary>
    public BpfHost Bpf { get; }

    /// <summary>Where probes report occurrences.</summary>
    public IEventSink Events { get; set; } = NoEvents.Instance;

    /// <summary>For text files; belongs to the collection thread.</summary>
    public ReadBuffer Buffer { get; } = new();

    /// <summary>
    /// For netlink datagrams; belongs to the collection thread. 64 KiB: the kernel fills at most 32 KiB a time.
    /// </summary>
    public byte[] NetlinkBuffer { get; } = GC.AllocateUninitializedArray<byte>(64 * 1024, pinned: true);

    internal NamespaceEntry Entry => _entry.Value;

    /// <summary>The processes of the node, walked by the first probe of a collection that asks.</summary>
    internal ProcessTable Processes => _processes ??= new ProcessTable(this);

    /// <summary>Begins to look for pods, which goes on in the background.</summary>
    /// <param name="log">Takes lines for the log: is it a warning, and the text.</param>
    public void StartPods(Action<bool, string> log)
    {
        Pods.Log = log;
        Pods.Start();
    }

    /// <summary>Waits until the container runtime was asked once; false when it has not answered in time.</summary>
    public bool AwaitPods(TimeSpan limit) => Pods.WaitForFirstLook(limit);

    public void Dispose()
    {
        Pods.Dispose();
        Bpf.Dispose();
        EventOwners.Dispose();
        _processes?.Dispose();
        Namespaces.Dispose();
        if (_entry.IsValueCreated)
            _entry.Value.Dispose();
    }
}
