using Collector.Core.Snapshots;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Common;

/// <summary>Which of a program's maps: <c>enum share</c> of ebpf-programs/include/share.h.</summary>
internal enum SharedMap : uint
{
    Counters,
    Overflow,
    Datagrams,
}

/// <summary>
/// The quarter of a kernel map that all network namespaces together have which any user of the node can make. The
/// kernel side counts the entries that they ever made; it is told how many these may be, which grows by every one that
/// is deleted here.
/// </summary>
internal sealed class SharedRoom
{
    private readonly BpfMap _told;
    private readonly SharedMap _which;
    private readonly long _room;
    private long _returned;
    private long _toldOf;
    private int _used;

    /// <param name="loaded">The program's object.</param>
    /// <param name="which">Of its maps.</param>
    /// <param name="map">The same.</param>
    public SharedRoom(BpfObject loaded, SharedMap which, BpfMap map)
    {
        _told = loaded.Map("shared_most");
        _which = which;
        _room = Math.Max(1, map.MaxEntries / 4);
        Tell();
    }

    /// <summary>Three quarters of it were in use at the last reading.</summary>
    public bool IsScarce => _used > _room * 3 / 4;

    /// <summary>Begins a reading.</summary>
    public void Begin() => _used = 0;

    /// <summary>An entry of it was read.</summary>
    public void Meet() => _used++;

    /// <summary>An entry of it was deleted.</summary>
    public void Return() => _returned++;

    /// <summary>Ends a reading: there is room again for as many as were deleted.</summary>
    public void End(SnapshotBuilder snapshot)
    {
        if (_toldOf == _returned)
            return;
        try
        {
            Tell();
        }
        catch (LinuxException e)
        {
            snapshot.ReadFailed(e.Message);
        }
    }

    private void Tell()
    {
        _told.Update((uint)_which, _room + _returned);
        _toldOf = _returned;
    }
}
