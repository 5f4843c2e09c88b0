using System.Diagnostics;
using Collector.Core.Events;
using Collector.Core.Findings;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux;
using Collector.Linux.Findings;
using Collector.Linux.Findings.Common;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Limits;
using Collector.Linux.Pods;
using Collector.Linux.Probes;
using Collector.Linux.Sources;
using Collector.Worker.Configuration;

namespace Collector.Worker.Collection;

/// <summary>A Linux node, or a recorded tree of one.</summary>
internal sealed class LinuxNode(
    KernelPaths paths, BpfOptions bpf, PodOptions pods, LimitOptions limits, IEventSink events,
    CollectionSource source, IReadOnlyDictionary<string, FindingChoice>? findings) : INode
{
    private readonly LinuxHost _host = new(paths, bpf, pods, limits, source) { Events = events };
    private IReadOnlyDictionary<string, FindingChoice>? _chosen = findings;
    private FindingEngine? _findings;

    public IReadOnlyList<ProbeInfo> Catalogue { get; } = [.. AllProbes.List.Select(p => p.Info)];

    public IEnumerable<NetNamespace> Namespaces => _host.Namespaces.All.Select(h => h.Namespace);

    public int NamespaceCount => _host.Namespaces.All.Count;

    public int UnreadableNamespaces => _host.Namespaces.Unreadable;

    public IReadOnlyList<Limit> Limits => _host.Limits.All;

    public IReadOnlyList<CollectedPart> Parts => _host.Parts.All;

    public string? EventFault => _host.Bpf.EventFault;

    public FindingEngine Findings => _findings ??= new(Rules(), _host.Findings)
    {
        OnChange = (finding, change) => FindingEvents.Report(_host.Events, finding, change),
        IsGone = subject => subject is NetNamespace { IsHost: false } && !subject.HostNetwork
            && _host.Namespaces.Find(subject.Inode)?.Namespace != subject,
        HasAddress = (subject, address) => LocalAddresses.Has(_host, subject, address),
    };

    public long? Changes => _host.Modules;

    public long CostWindows => _host.Bpf.Costs.Windows;

    public string CostHindrance => _host.Bpf.Costs.Hindrance;

    public LinuxHost Host => _host;

    public long CostOf(string probe) => _host.Bpf.Costs.Of(probe);

    public void ReportSwitchedOff(string probe, double percent, double budget, string reason) =>
        _host.ReportSwitchedOff(probe, percent, budget, reason);

    public Probe Create(ProbeInfo info, ProbeSettings settings) =>
        AllProbes.List.First(p => p.Info == info).Create(_host, settings);

    public bool Reconfigure(AgentOptions options)
    {
        _host.Limits.Reconfigure(options.Limits);
        _host.Reconfigure(options.Pods);
        var anew = _host.Bpf.Reconfigure(options.Ebpf.Btf ?? "", options.Ebpf.EventBuffer);
        _host.Reconfigure(options.Collection.Source);
        _chosen = options.Findings;
        _findings?.Use(Rules());
        return anew;
    }

    private FindingRule[] Rules() => AllFindings.Rules(_host, info => FindingChoice.Of(_chosen, info));

    public void StartPods(Action<bool, string> log) => _host.StartPods(log);

    public bool AwaitPods(TimeSpan limit) => _host.AwaitPods(limit);

    public void Refresh(SnapshotBuilder snapshot) =>
        _host.Refresh(snapshot.StartTimeOfNew(_host.BootTime));

    public void Rest(TimeSpan time, CancellationToken stop)
    {
        var costs = _host.Bpf.Costs;
        var start = Stopwatch.GetTimestamp();
        // Of a short one, a single run may be most: what a collection that took nearly all of its interval leaves.
        if (time >= costs.Length / 10 && costs.TryBegin())
        {
            _host.Namespaces.Rest(time < costs.Length ? time : costs.Length, stop);
            costs.End(!stop.IsCancellationRequested);
            time -= Stopwatch.GetElapsedTime(start);
        }
        if (time > TimeSpan.Zero)
            _host.Namespaces.Rest(time, stop);
    }

    public bool Settle() => _host.Settle();

    public void AwaitEvents() => _host.Bpf.AwaitEvents();

    public void Dispose()
    {
        _findings?.Dispose();
        _host.Dispose();
    }
}
