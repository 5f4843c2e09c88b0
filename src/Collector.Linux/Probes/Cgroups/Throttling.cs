using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Pods;
using Collector.Linux.Probes.Common;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Probes.Cgroups;

/// <summary>
/// Whether a pod is slow because it may not run: its CPU quota and what came of it, and the pressure of its tasks, per
/// pod, on request per container, and the pressure of the node.
/// </summary>
/// <remarks>
/// The kernel counts throttling for each cgroup by itself, so a pod's figures are those of its own cgroup and of its
/// containers' together. Two files are read of a cgroup with a quota, one of others, and three of a pod's own.
/// </remarks>
internal sealed class Throttling(ProbeHost host, ProbeSettings settings) : Probe(Info)
{
    internal static readonly Metric Periods = Metric.Counter("netlens.throttling.periods", "{period}",
        "Periods of the CPU quota in which the pod or container had something to run (nr_periods).");

    internal static readonly Metric Throttled = Metric.Counter("netlens.throttling.throttled_periods", "{period}",
        "Those in which the quota was used up before they ended (nr_throttled).");

    internal static readonly Metric Time = Metric.Counter("netlens.throttling.time", Units.Seconds,
        "How long its run queues had to wait for the next period, summed over processors (throttled_usec).",
        scale: 1e-9);

    internal static readonly Metric Limit = Metric.Gauge("netlens.throttling.limit", "{cpu}",
        "Processors that the quota allows (cpu.max): the pod's own, else those of its containers together.",
        scale: 1.0 / CpuQuotas.Cpu);

    private static readonly Metric Bursts = Metric.Counter("netlens.throttling.bursts", "{period}",
        "Periods in which it ran beyond its quota with what it had saved (nr_bursts, Linux 5.14).", optional: true);

    private static readonly Metric BurstTime = Metric.Counter("netlens.throttling.burst.time", Units.Seconds,
        "How long it ran beyond its quota (burst_usec).", scale: 1e-9, optional: true);

    private static readonly TableInfo Table = new("throttling", RowScope.Namespace, [],
        [Periods, Throttled, Time, Limit, Bursts, BurstTime, .. Pressure.Metrics]);

    private static readonly ProbeOption<bool> IncludeAll = Option.Include(
        "all adds bursts, and the time in which all tasks stood still beside that in which some did.");

    private static readonly ProbeOption<long> ShareOption = Option.Integer("share", 25,
        "Per cent of the periods of a collection that were throttled, from which there is an event; 0: no events.",
        least: 0, most: 100);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "throttling",
        Description = "CPU quotas used up and pressure (PSI), per pod, and the node's pressure.",
        Source = "cpu.stat, cpu.max and *.pressure of cgroups (of version 1 cpu.cfs_quota_us), /proc/pressure",
        Options = [IncludeAll, ShareOption],
        Tables = [Table],
        Events = [ThrottledPeriods.Info],
    };

    private readonly TableInfo _rows = settings.Get(IncludeAll) ? Table.Whole : Table;
    private readonly ThrottledPeriods _event = new(host, settings.Get(ShareOption));
    private readonly List<(int Resource, ProcFile File)> _nodePressure = [];
    private CgroupFolder? _folder;
    private CgroupFolder? _unified;
    private CpuQuotas? _quotas;
    private PodCgroupTree? _tree;
    private ThrottledGroups? _groups;
    private Row? _node;

    public override void Start()
    {
        var version1 = CgroupHierarchies.CpuOfVersion1(host.Paths);
        var version2 = CgroupHierarchies.Unified(host.Paths);
        _unified = Open(version2);
        _folder = version1 is null ? _unified : Open(version1);
        for (var resource = 0; resource < Pressure.Count; resource++)
            OpenNodePressure(resource);
        if (_folder is null && _nodePressure.Count == 0)
            throw new ProbeUnavailableException("no hierarchy of cgroups is mounted, and the kernel tells no pressure");
        if (_folder is not { } folder)
            return;
        _quotas = new CpuQuotas(folder, isVersion2: version1 is null);
        _tree = new PodCgroupTree(folder);
        _groups = new ThrottledGroups(host, folder, subject => new Row(_rows, subject, subject.StartTime));
    }

    private void OpenNodePressure(int resource)
    {
        try
        {
            _nodePressure.Add((resource, ProcFile.Open($"{host.Paths.Proc}/{Pressure.NodeFileOf(resource)}")));
        }
        catch (LinuxException)
        {
            // A kernel without pressure, or with it switched off: absent.
        }
    }

    private static CgroupFolder? Open(string? root)
    {
        try
        {
            return root is null ? null : new CgroupFolder(root);
        }
        catch (LinuxException e)
        {
            throw new ProbeUnavailableException(e.Message, e);
        }
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        CollectNode(snapshot);
        if (_groups is null)
            return;
        var failure = _tree!.Refresh();
        if (failure != Errno.None)
            snapshot.ReadFailed(failure.ToString());
        _groups.Refresh(_tree.Gone);
        foreach (var group in _groups.All)
            group.Begin();
        foreach (var node in _tree.All)
        {
            if (node.Uid is not null && _groups.Of(node, snapshot) is { } member)
                Count(node, member, snapshot);
        }
        foreach (var group in _groups.All)
            Write(group, snapshot);
    }

    private void Count(PodCgroupNode node, ThrottledMember member, SnapshotBuilder snapshot)
    {
        var group = member.Group;
        if (!_quotas!.TryReadLimit(node.Path, out var limit, out var error))
            Failed(error, snapshot);
        if (limit == 0 && member.Last.Periods == 0)
            return;
        if (node == group.Top)
            group.OwnLimit = limit;
        else
            group.Limits += limit;
        if (!_quotas.TryRead(node.Path, out var bandwidth, out error))
        {
            Failed(error, snapshot);
            return;
        }
        if (!member.IsKnown && member.CountsFromNow)
            member.Last = bandwidth;
        else if (!member.IsKnown)
            group.Before.AddSince(default, bandwidth);
        member.IsKnown = true;
        group.HadQuota = true;
        group.Sum.AddSince(member.Last, bandwidth);
        member.Last = bandwidth;
    }

    private void Write(ThrottledGroup group, SnapshotBuilder snapshot)
    {
        var row = snapshot.Append(group.Row);
        if (group.HadQuota)
        {
            row.Set(Periods, group.Sum.Periods);
            row.Set(Throttled, group.Sum.Throttled);
            row.Set(Time, group.Sum.Time);
            row.Set(Limit, group.Limit);
            row.Set(Bursts, group.Sum.Bursts);
            row.Set(BurstTime, group.Sum.BurstTime);
            _event.Look(group, snapshot.Time);
        }
        if (group.Top is not { } top || _unified is null)
            return;
        for (var resource = 0; resource < Pressure.Count; resource++)
        {
            var text = _unified.Read(top.Path, Pressure.FileOf(resource), out var error);
            if (error != Errno.None)
                Failed(error, snapshot);
            else if (!text.IsEmpty && !Pressure.TryWrite(text, resource, row))
                snapshot.ReadFailed(CpuQuotas.Malformed);
        }
    }

    private void CollectNode(SnapshotBuilder snapshot)
    {
        if (_nodePressure.Count == 0)
            return;
        _node ??= new Row(_rows, host.Namespaces.Host.Namespace, host.BootTime);
        var row = snapshot.Append(_node);
        foreach (var (resource, file) in _nodePressure)
        {
            if (!host.Buffer.TryRead(file, out var text, out var error))
                Failed(error, snapshot);
            else if (!Pressure.TryWrite(text, resource, row))
                snapshot.ReadFailed(CpuQuotas.Malformed);
        }
    }

    // What is gone, or what this kernel does not have: absent. Pressure that is switched off answers EOPNOTSUPP.
    private static void Failed(Errno error, SnapshotBuilder snapshot)
    {
        if (!error.IsAny(ENOENT, ENODEV, EOPNOTSUPP))
            snapshot.ReadFailed(error == Errno.None ? CpuQuotas.Malformed : error.ToString());
    }

    protected override void Dispose(bool disposing)
    {
        _groups?.Dispose();
        _folder?.Dispose();
        _unified?.Dispose();
        foreach (var (_, file) in _nodePressure)
            file.Dispose();
        _nodePressure.Clear();
        base.Dispose(disposing);
    }
}
