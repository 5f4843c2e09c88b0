using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Pods;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Cgroups;

/// <summary>What each cgroup counts for: its pod, or where figures are told by container, that.</summary>
internal sealed class ThrottledGroups(ProbeHost host, CgroupFolder folder, Func<Subject, Row> row) : IDisposable
{
    private readonly Dictionary<PodCgroupNode, ThrottledMember> _byNode = [];
    private readonly PodHomes _homes = new(host, folder);
    private bool _byContainer = host.Pods.ByContainer;

    public List<ThrottledGroup> All { get; } = [];

    // Groups were made anew: what their cgroups counted is in the rows of the former ones.
    private bool _anew;

    /// <summary>Forgets what is gone, and names the others.</summary>
    public void Refresh(List<PodCgroupNode> gone)
    {
        _anew = false;
        foreach (var node in gone)
        {
            if (_byNode.Remove(node, out var member))
                member.Group.Cgroups--;
            _homes.Forget(node);
        }
        if (_byContainer != host.Pods.ByContainer)
            Clear();
        for (var i = All.Count - 1; i >= 0; i--)
        {
            if (All[i].Cgroups == 0 || All[i].Home.Closed)
                Remove(All[i]);
            else
                _homes.Name(All[i].Subject, All[i].Home, All[i].Container);
        }
    }

    /// <summary>A cgroup as part of its group; null while nobody knows whose it is.</summary>
    public ThrottledMember? Of(PodCgroupNode node, SnapshotBuilder snapshot)
    {
        if (_byNode.TryGetValue(node, out var known))
            return known;
        if (_homes.Of(node) is not { } home)
            return null;
        var id = _byContainer && node.Container is { } own && !host.Pods.Table.IsSandbox(own) ? own : null;
        if (Find(node.Uid!, id) is not { } group)
        {
            var subject = _homes.SubjectIn(home, node.Uid!, id, snapshot.StartTimeOfNew(host.BootTime));
            group = new ThrottledGroup(home, subject, row(subject)) { Uid = node.Uid!, Container = id };
            All.Add(group);
        }
        group.Cgroups++;
        if (node.Container == id)
            group.Top = node;
        return _byNode[node] = new ThrottledMember(group) { CountsFromNow = _anew };
    }

    private ThrottledGroup? Find(string uid, string? container)
    {
        foreach (var group in All)
        {
            if (group.Uid == uid && group.Container == container)
                return group;
        }
        return null;
    }

    private void Remove(ThrottledGroup group)
    {
        All.Remove(group);
        foreach (var (node, its) in _byNode)
        {
            if (its.Group == group)
                _byNode.Remove(node);
        }
    }

    private void Clear()
    {
        _anew = true;
        _byContainer = host.Pods.ByContainer;
        _byNode.Clear();
        All.Clear();
    }

    public void Dispose() => _homes.Dispose();
}
