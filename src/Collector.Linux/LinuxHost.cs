using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Limits;
using Collector.Linux.Namespaces;
using Collector.Linux.Pods;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Node;
using Collector.Linux.Processes;
using Collector.Linux.Sources;

namespace Collector.Linux;

/// <summary>
/// Builds the machine that the probes see: its files, namespaces, pods, processes and programs in the kernel. Nothing
/// in the folders below names it.
/// </summary>
public sealed class LinuxHost : ProbeHost, IDisposable
{
    /// <summary>Collections between two tries of what this kernel refused.</summary>
    private const int RarePause = 240;

    private readonly NamespaceAccess _access;
    private readonly SubjectNamer _namer;
    private readonly ModuleCount _modules;
    private readonly TaskPass _tasks;
    private ProcessTable? _processes;
    private long _collections;
    private PodOptions _pods;

    /// <param name="paths">Where /proc and /sys are.</param>
    /// <param name="bpf">How eBPF is used; null for the defaults.</param>
    /// <param name="pods">How pods are found; null: by their cgroups only, without names.</param>
    /// <param name="limits">How much is told one by one; null for the defaults.</param>
    /// <param name="source">Where figures are read that the kernel gives in two ways.</param>
    public LinuxHost(
        KernelPaths paths, BpfOptions? bpf = null, PodOptions? pods = null, LimitOptions? limits = null,
        CollectionSource source = CollectionSource.Auto)
    {
        Parts = new CollectedParts(source);
        Paths = paths;
        Limits = new LimitSet(limits ?? new());
        _modules = new ModuleCount(paths);
        BootTime = Kernel.BootTime.Read(paths);
        _access = new NamespaceAccess(paths);
        // Both ways: records are named after pods, and the search for pods opens namespaces.
        _namer = new SubjectNamer(() => Pods!.Table, sign => Pods!.Expect(sign));
        var limit = new NamespaceLimit(Limits, paths.Proc, path => Pods!.Table.OfPath(path) is not null);
        Namespaces = new NamespaceRegistry(_access, BootTime, _namer.NameByNetns, limit);
        Bpf = new BpfHost(paths, bpf ?? new());
        Addresses = new NetAddresses(Bpf, Namespaces);
        Mib = new MibPass(Bpf, Namespaces, Addresses, Parts);
        Conntracks = new ConntrackPass(Bpf, Addresses, Namespaces, Parts);
        Sockets = new SocketSource(Bpf, Addresses, Namespaces, Limits, Parts);
        _tasks = new TaskPass(Bpf, Namespaces, Parts);
        _pods = pods ?? new();
        Pods = new PodWatcher(paths, Namespaces, _pods);
        Owners = new NamespaceOwners(paths, Namespaces, _namer);
        EventOwners = new EventOwners(paths, _namer, new CgroupIds(CgroupHierarchies.Unified(paths)));
    }

    public override KernelPaths Paths { get; }

    public override long BootTime { get; }

    public override NamespaceRegistry Namespaces { get; }

    public override LimitSet Limits { get; }

    public override BpfHost Bpf { get; }

    public override CollectedParts Parts { get; }

    internal override NetAddresses Addresses { get; }

    internal override MibPass Mib { get; }

    internal override ConntrackPass Conntracks { get; }

    internal override SocketSource Sockets { get; }

    internal override ReadBuffer Buffer => _access.Buffer;

    internal override PodWatcher Pods { get; }

    internal override NamespaceOwners Owners { get; }

    internal override SubjectNamer Namer => _namer;

    internal override EventOwners EventOwners { get; }

    internal override ProcessTable Processes => _processes ??= new ProcessTable(
        Paths, BootTime, Namespaces, new ProcessGroups(Namespaces, Pods, _namer, new GroupLimit(Limits.Containers)),
        Limits.Processes, _tasks);

    /// <summary>How many modules the kernel has; null where it does not say.</summary>
    public long? Modules => _modules.Now;

    /// <summary>Name and version of the container runtime; null while none answers.</summary>
    public string? PodRuntime => Pods.Runtime;

    /// <summary>The pods as they are known now.</summary>
    public IReadOnlyList<PodListing> ListPods() => PodListing.Read(Paths, Pods.Table);

    /// <summary>Begins to look for pods, which goes on in the background.</summary>
    /// <param name="log">Takes lines for the log: is it a warning, and the text.</param>
    public void StartPods(Action<bool, string> log)
    {
        Pods.Log = log;
        Pods.Start();
    }

    /// <summary>Looks for pods in another way.</summary>
    public void Reconfigure(PodOptions pods)
    {
        if (!_pods.SameAs(pods))
            Pods.Reconfigure(pods);
        _pods = pods;
    }

    /// <summary>
    /// Reads in another way what the kernel gives in two, or tries anew what it refused. For the collection thread.
    /// </summary>
    public void Reconfigure(CollectionSource source)
    {
        Addresses.Retry();
        Parts.Renew(source);
    }

    /// <summary>Waits until the container runtime was asked once; false when it has not answered in time.</summary>
    public bool AwaitPods(TimeSpan limit) => Pods.WaitForFirstLook(limit);

    /// <summary>Finds births and deaths of namespaces, and whose they are: once before each collection.</summary>
    /// <param name="startOfNew">Start time for namespaces first seen now, Unix nanoseconds.</param>
    public void Refresh(long startOfNew)
    {
        if (++_collections % RarePause == 0)
            Reconfigure(Parts.Wanted);
        Limits.Begin();
        Namespaces.Refresh(startOfNew);
        Addresses.Refresh();
        if (!Paths.Recorded)
            Owners.Refresh(Namespaces.All);
    }

    /// <summary>Makes the event that a probe was switched off for what the programs cost.</summary>
    public void ReportSwitchedOff(string probe, double percent, double budget, string reason) =>
        SwitchedOff.Report(Events, probe, percent, budget, reason);

    /// <summary>Gives back what is not in use any more: once behind the probes of each collection.</summary>
    /// <returns>True when much of the heap is free now.</returns>
    public bool Settle() => Bpf.Settle();

    public void Dispose()
    {
        Pods.Dispose();
        Mib.Dispose();
        Conntracks.Dispose();
        Sockets.Dispose();
        Addresses.Dispose();
        _tasks.Dispose();
        Bpf.Dispose();
        EventOwners.Dispose();
        _processes?.Dispose();
        Owners.Dispose();
        Namespaces.Dispose();
        _access.Dispose();
    }
}
