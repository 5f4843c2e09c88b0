using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Pods;

namespace Collector.Linux.Probes.Common;

/// <summary>
/// The pods that a kernel side counts apart: tells it their cgroups, and says whose a number is, which is the inode of
/// the pod's own cgroup.
/// </summary>
/// <param name="host">The machine.</param>
/// <param name="folder">The hierarchy of the controller that the kernel side goes by.</param>
/// <param name="map">From cgroup to pod (ebpf-programs/include/pod.h).</param>
internal sealed class PodNumbers(ProbeHost host, CgroupFolder folder, BpfMap map) : IDisposable
{
    private readonly PodCgroupTree _tree = new(folder);
    private readonly PodHomes _homes = new(host, folder);
    private readonly Dictionary<ulong, NumberedPod> _byCgroup = [];
    private readonly Dictionary<string, NumberedPod> _byUid = [];
    private readonly HashSet<PodCgroupNode> _told = [];
    private readonly List<ulong> _over = [];

    /// <summary>Looks what came and went.</summary>
    public void Refresh(SnapshotBuilder snapshot)
    {
        foreach (var cgroup in _over)
            _byCgroup.Remove(cgroup);
        _over.Clear();
        var failure = _tree.Refresh();
        if (failure != Errno.None)
            snapshot.ReadFailed(failure.ToString());
        foreach (var node in _tree.Gone)
            Forget(node);
        foreach (var node in _tree.All)
        {
            if (node.Uid is not null)
                Look(node, snapshot);
        }
    }

    /// <summary>What figures are about: of number 0 the node; null while nobody knows.</summary>
    public Subject? Find(ulong number) =>
        number == 0 ? host.Namespaces.Host.Namespace : _byCgroup.GetValueOrDefault(number)?.Subject;

    /// <summary>True for one that is gone, or was before anybody saw it: it counts no more.</summary>
    public bool IsOver(ulong number) => number != 0 && (!_byCgroup.TryGetValue(number, out var pod) || pod.IsOver);

    private void Look(PodCgroupNode node, SnapshotBuilder snapshot)
    {
        if (!_byUid.TryGetValue(node.Uid!, out var pod))
        {
            _byUid.Add(node.Uid!, pod = new NumberedPod(node.Inode));
            _byCgroup[node.Inode] = pod;
        }
        if (!_told.Contains(node))
            Tell(node, pod, snapshot);
        if (pod.Home is null or { Closed: true })
        {
            // One whose namespace ended has its last figures there, unless it is elsewhere by now.
            if (_homes.Of(node) is not { } home)
                return;
            pod.Home = home;
            pod.Subject = _homes.SubjectIn(home, node.Uid!, null, snapshot.StartTimeOfNew(host.BootTime));
        }
        else if (node.Container is null)
        {
            _homes.Name(pod.Subject!, pod.Home, null);
        }
    }

    private void Tell(PodCgroupNode node, NumberedPod pod, SnapshotBuilder snapshot)
    {
        try
        {
            map.Update(node.Inode, pod.Cgroup);
            _told.Add(node);
        }
        catch (LinuxException e)
        {
            snapshot.ReadFailed(e.Errno.ToString());
        }
    }

    // Its figures are told once more.
    private void Forget(PodCgroupNode node)
    {
        if (_told.Remove(node))
            map.Delete(node.Inode);
        if (node is not { Uid: { } uid, Container: null } || !_byUid.Remove(uid, out var pod))
            return;
        _homes.Forget(node);
        pod.IsOver = true;
        _over.Add(pod.Cgroup);
    }

    public void Dispose()
    {
        _homes.Dispose();
        folder.Dispose();
    }

    /// <param name="cgroup">Its number: the inode of its cgroup.</param>
    private sealed class NumberedPod(ulong cgroup)
    {
        public ulong Cgroup { get; } = cgroup;

        public NamespaceHandle? Home { get; set; }

        public Subject? Subject { get; set; }

        public bool IsOver { get; set; }
    }
}
