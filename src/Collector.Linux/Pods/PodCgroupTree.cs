using Collector.Linux.Interop;
using Collector.Linux.Kernel.ProcFs;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Pods;

/// <summary>
/// The cgroups of pods and of their containers in one hierarchy, found by the names that kubelets give. Only folders
/// that a kubelet makes are entered, so what users call the cgroups that were left to them is nobody's pod. Belongs to
/// the collection thread.
/// </summary>
/// <param name="folder">The hierarchy.</param>
internal sealed class PodCgroupTree(CgroupFolder folder)
{
    private readonly Dictionary<ulong, PodCgroupNode> _byInode = [];
    private long _tick;

    /// <summary>Those that are there: a folder before what is in it.</summary>
    public List<PodCgroupNode> All { get; } = [new PodCgroupNode(0, "."u8.ToArray())];

    /// <summary>Those that were there the last time and are gone.</summary>
    public List<PodCgroupNode> Gone { get; } = [];

    /// <summary>Looks what is there now: one listing per folder above the containers.</summary>
    /// <returns>What went wrong; none where everything was seen.</returns>
    public Errno Refresh()
    {
        _tick++;
        Gone.Clear();
        All[0].SeenAt = _tick;
        var failure = Errno.None;
        // What is found is put behind, so it is listed in its turn; what was not seen in its parent is gone.
        for (var i = 0; i < All.Count; i++)
        {
            if (All[i].Container is not null || All[i].SeenAt != _tick)
                continue;
            var error = List(All[i]);
            if (error != Errno.None)
                failure = error;
        }
        // After a failure nobody knows who is gone.
        if (failure == Errno.None)
            RemoveGone();
        return failure;
    }

    private Errno List(PodCgroupNode parent)
    {
        var fd = folder.Open(parent.Path, out var error);
        if (fd < 0)
            return error == ENOENT ? Errno.None : error;
        var entries = folder.EntriesOf(fd);
        while (entries.TryNext(out var inode, out var name))
        {
            if (!IsFile(name))
                See(parent, inode, name);
        }
        _ = close(fd);
        return entries.Error.IsAny(ENOENT, ENODEV) ? Errno.None : entries.Error;
    }

    // cpu.stat, cgroup.procs: some sixty in every folder.
    private static bool IsFile(ReadOnlySpan<byte> name) =>
        name.IndexOf((byte)'.') >= 0 && !name.EndsWith(".slice"u8) && !name.EndsWith(".scope"u8);

    private void See(PodCgroupNode parent, ulong inode, ReadOnlySpan<byte> name)
    {
        if (_byInode.TryGetValue(inode, out var known) && known.IsAt(parent.Path, name))
        {
            known.SeenAt = _tick;
        }
        else if (Make(parent, inode, name) is { } made)
        {
            // Of an inode that was used again the old one is still in the list, unseen.
            made.SeenAt = _tick;
            _byInode[inode] = made;
            All.Add(made);
        }
    }

    private static PodCgroupNode? Make(PodCgroupNode parent, ulong inode, ReadOnlySpan<byte> name)
    {
        var found = CgroupPath.Parse(name);
        var (uid, container) = (parent.Uid ?? found.PodUidText, (string?)null);
        if (parent.Uid is not null)
            container = found.ContainerIdText;
        var wanted = parent.Uid is null ? uid is not null || IsAbovePods(name) : container is not null;
        return wanted
            ? new PodCgroupNode(inode, [.. parent.Path, (byte)'/', .. name]) { Uid = uid, Container = container }
            : null;
    }

    // As the kubelet names them with either driver, and with a root of its own (KinD).
    private static bool IsAbovePods(ReadOnlySpan<byte> name) =>
        name.IndexOf("kubepods"u8) >= 0 || name.SequenceEqual("burstable"u8) || name.SequenceEqual("besteffort"u8)
        || name.SequenceEqual("kubelet"u8) || name.SequenceEqual("kubelet.slice"u8);

    private void RemoveGone()
    {
        var kept = 0;
        for (var i = 0; i < All.Count; i++)
        {
            var node = All[i];
            if (node.SeenAt == _tick)
            {
                All[kept++] = node;
                continue;
            }
            if (_byInode.TryGetValue(node.Inode, out var current) && current == node)
                _byInode.Remove(node.Inode);
            Gone.Add(node);
        }
        All.RemoveRange(kept, All.Count - kept);
    }
}
