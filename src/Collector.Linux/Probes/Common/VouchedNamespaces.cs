using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Probes.Common;

/// <summary>A network namespace by its two numbers.</summary>
[BpfStruct("netns_life")]
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct NetnsLife(uint Inum, uint Cookie);

/// <summary>
/// Tells a program which network namespaces of a user namespace are not any user's: what root has mounted where the
/// node's mounts are, as pods with users of their own (<c>hostUsers: false</c>). Belongs to the collection thread.
/// </summary>
internal sealed class VouchedNamespaces
{
    private readonly HashSet<NetnsLife> _told = [];
    private readonly HashSet<NetnsLife> _now = [];
    private readonly NamespaceRegistry _registry;
    private readonly BpfMap _map;

    /// <param name="map">The program's <c>vouched</c>.</param>
    /// <param name="registry">Knows them.</param>
    public VouchedNamespaces(BpfMap map, NamespaceRegistry registry)
    {
        (_map, _registry) = (map, registry);
        Refresh();
    }

    /// <summary>Tells what changed.</summary>
    public void Refresh()
    {
        _now.Clear();
        for (var i = 0; i < _registry.All.Count; i++)
        {
            if (_registry.All[i] is { IsVouched: true } handle)
                _now.Add(new((uint)handle.Namespace.Inode, (uint)handle.Namespace.Cookie));
        }
        if (_now.SetEquals(_told))
            return;
        foreach (var life in _told)
        {
            if (!_now.Contains(life))
                _map.Delete(life);
        }
        _told.IntersectWith(_now);
        foreach (var life in _now)
        {
            if (!_told.Contains(life) && TryTell(life))
                _told.Add(life);
        }
    }

    // Where the map is full, or the kernel refuses, it goes on sharing, as it did until it was found.
    private bool TryTell(NetnsLife life)
    {
        try
        {
            _map.Update(life, (byte)1);
            return true;
        }
        catch (LinuxException)
        {
            return false;
        }
    }
}
