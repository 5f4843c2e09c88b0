using System.Runtime.CompilerServices;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Sources;
using static Tmds.Linux.LibC;

namespace Collector.Linux.Probes.Tables;

/// <summary>Connection tracking of one namespace.</summary>
public sealed class ConntrackTable : IDisposable
{
    // Where conntrack is absent it is looked for again this often, in collections: a rule may load it any time.
    private const int Pause = 16;

    private readonly Row _row;
    private readonly NetlinkChannel _channel = new(NetlinkFamily.Netfilter);
    private readonly PerCpuSums _counters = new();
    private readonly GlobalFigures _global = new();
    private ProcFile? _limitFile;
    private long _lookAt;
    private bool _inUse;

    internal ConntrackTable(NetNamespace ns, Conntrack probe)
    {
        _row = probe.RowOf(ns);
        _inUse = ns.IsHost;
    }

    /// <summary>True where the namespace has connection tracking. Asking loads nothing.</summary>
    internal static bool IsPresent(NamespaceHandle ns)
    {
        try
        {
            ns.OpenFile(Conntrack.LimitFile).Dispose();
            return true;
        }
        catch (LinuxException)
        {
            return false;
        }
    }

    /// <summary>
    /// False where there is nothing to write: absent, which is normal, or not readable, which is reported.
    /// </summary>
    internal bool Read(NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (_limitFile is null && !FindLimitFile(ns, snapshot))
            return false;
        // The single answer to the second is flagged NLM_F_MULTI as if more came (ctnetlink_stat_ct_fill_info): the
        // acknowledgement is what ends it.
        if (Ask(ns, ConntrackMessage.PerCpu, Rtnl.NLM_F_DUMP, _counters)
            && Ask(ns, ConntrackMessage.Global, Rtnl.NLM_F_ACK, _global))
        {
            _counters.Commit();
            if (_global.Limit < 0)
                ReadLimit(ns);
            return true;
        }
        snapshot.ReadFailed(_channel.Failure);
        return false;
    }

    /// <summary>
    /// Nothing while nothing was ever tracked here: the limit is there wherever the module is loaded, the hooks only
    /// where a rule asks for them. An entry comes before any counter does.
    /// </summary>
    internal void Write(SnapshotBuilder snapshot)
    {
        _inUse = _inUse || _global.Entries > 0 || _counters.Totals.ContainsAnyInRange(1, long.MaxValue);
        if (_inUse)
            Conntrack.Write(_row, snapshot, _global.Entries, _global.Limit, _counters.Totals);
    }

    private bool FindLimitFile(NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (snapshot.Tick < _lookAt)
            return false;
        try
        {
            _limitFile = ns.OpenFile(Conntrack.LimitFile);
            return true;
        }
        catch (LinuxException e)
        {
            _lookAt = snapshot.Tick + Pause;
            // Not to have it is normal; not to be let in is not to know.
            if (e.Errno != ENOENT)
                snapshot.ReadFailed(e.Errno.ToString());
            return false;
        }
    }

    private bool Ask(NamespaceHandle ns, ushort type, ushort flags, INetlinkSink sink)
    {
        Span<byte> request = stackalloc byte[Unsafe.SizeOf<nlmsghdr>() + Unsafe.SizeOf<nfgenmsg>()];
        request.Clear();
        return _channel.Ask(ns, type, flags, request, sink);
    }

    // CTA_STATS_GLOBAL_MAX_ENTRIES is new in Linux 4.20.
    private void ReadLimit(NamespaceHandle ns)
    {
        if (ns.Buffer.TryRead(_limitFile!, out var text, out _)
            && FieldReader.TryParse(text.TrimEnd("\n"u8), out var limit))
            _global.Limit = limit;
    }

    public void Dispose()
    {
        _channel.Dispose();
        _limitFile?.Dispose();
    }

    /// <summary>Entries and limit.</summary>
    internal sealed class GlobalFigures : INetlinkSink
    {
        public long Entries { get; private set; }

        public long Limit { get; set; }

        public void Begin() => Entries = Limit = -1;

        public bool Take(in NetlinkMessage message)
        {
            Span<long> values = stackalloc long[Ctnetlink.CTA_STATS_GLOBAL_MAX_ENTRIES + 1];
            if (!ConntrackMessage.TryParse(message, ConntrackMessage.Global, values, out _))
                return false;
            Entries = values[Ctnetlink.CTA_STATS_GLOBAL_ENTRIES];
            Limit = values[Ctnetlink.CTA_STATS_GLOBAL_MAX_ENTRIES];
            return true;
        }
    }
}

/// <summary>
/// Per-CPU counters of 32 bits, each followed through its own wraps and then summed: a sum of raw values would fall by
/// 2^32 whenever one of them wraps.
/// </summary>
internal sealed class PerCpuSums : INetlinkSink
{
    private const int Width = ConntrackMessage.AttributeCount;
    private readonly long[] _totals = new long[Width];
    private long[] _staged = [];
    private Wrap32[] _wraps = [];
    private int _highest;

    /// <summary>A sum per attribute, -1 where no CPU sent it.</summary>
    public ReadOnlySpan<long> Totals => _totals;

    public void Begin()
    {
        Array.Fill(_staged, -1);
        _highest = 0;
    }

    public bool Take(in NetlinkMessage message)
    {
        Span<long> values = stackalloc long[Width];
        if (!ConntrackMessage.TryParse(message, ConntrackMessage.PerCpu, values, out var cpu))
            return false;
        Reserve(cpu + 1);
        values.CopyTo(_staged.AsSpan(cpu * Width));
        _highest = Math.Max(_highest, cpu + 1);
        return true;
    }

    /// <summary>Makes the dump count, once it is complete.</summary>
    public void Commit()
    {
        Array.Fill(_totals, -1);
        for (var i = 0; i < _highest * Width; i++)
        {
            if (_staged[i] < 0)
                continue;
            // The module was unloaded and loaded again: a reset, not 2^32 events.
            if (_wraps[i].BeganAnew((uint)_staged[i]))
                _wraps[i] = default;
            _totals[i % Width] = Math.Max(0, _totals[i % Width]) + _wraps[i].Update((uint)_staged[i]);
        }
    }

    private void Reserve(int cpus)
    {
        var size = cpus * Width;
        if (size <= _staged.Length)
            return;
        var old = _staged.Length;
        Array.Resize(ref _staged, size);
        Array.Resize(ref _wraps, size);
        _staged.AsSpan(old).Fill(-1);
    }
}
