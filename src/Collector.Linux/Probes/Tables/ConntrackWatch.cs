using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Bpf;

namespace Collector.Linux.Probes.Tables;

/// <summary>What is wrong with a table of connections.</summary>
internal enum ConntrackCause : byte
{
    /// <summary>It has more than so many per cent of the entries that it may have.</summary>
    Filling,

    /// <summary>New connections found no room, or others had to go for them.</summary>
    Full,

    /// <summary>New connections were lost because their entry was there already.</summary>
    Clash,
}

/// <summary>A table of connections that is full, or will be, or refused entries.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ConntrackRecord
{
    public EventHead Head;
    public long Entries;

    /// <summary>-1 where it is not known.</summary>
    public long Limit;

    /// <summary>Packets since the collection before.</summary>
    public long Dropped;

    /// <summary>Entries that made room, since then.</summary>
    public long Evicted;
    public ConntrackCause Cause;
}

/// <summary>Takes what a table of connections is to be reported for.</summary>
internal delegate void ConntrackReport(in ConntrackRecord record);

/// <summary>Looks at a table's entries and what its counters grew by.</summary>
/// <param name="warn">Per cent of the limit; 0: its level is not told.</param>
internal sealed class ConntrackWatch(long warn)
{
    private static readonly int[] Watched =
    [
        Ctnetlink.CTA_STATS_DROP, Ctnetlink.CTA_STATS_EARLY_DROP, Ctnetlink.CTA_STATS_INSERT_FAILED,
        Ctnetlink.CTA_STATS_CHAIN_TOOLONG,
    ];

    private readonly long[] _last = new long[Watched.Length];
    private readonly long[] _growth = new long[Watched.Length];
    private bool _known;
    private bool _toldFilling;

    /// <param name="entries">In the table.</param>
    /// <param name="limit">How many there may be; below 0 where it is not known.</param>
    /// <param name="counters">By attribute, -1 where there is none.</param>
    /// <param name="head">When and where.</param>
    /// <param name="report">Called for each thing that is wrong.</param>
    public void Look(
        long entries, long limit, ReadOnlySpan<long> counters, in EventHead head, ConntrackReport report)
    {
        Follow(counters);
        // What a clash lost is among the drops; a chain that is too long fails an insertion, too. Clashes that were
        // settled are not among the failed ones (since Linux 5.10, which counts them as clash_resolve).
        var lost = Math.Max(0, _growth[2] - _growth[3]);
        var evicted = _growth[1];
        var dropped = Math.Max(0, _growth[0] - lost);
        var near = warn > 0 && limit > 0 && entries * 100 >= limit * warn;
        var record = new ConntrackRecord { Head = head, Entries = entries, Limit = limit, Evicted = evicted };
        // Other packets are dropped, too: those that nobody can track. Only a full table evicts.
        if (evicted > 0 || (dropped > 0 && entries * 100 >= limit * 90))
            report(record with { Cause = ConntrackCause.Full, Dropped = dropped });
        else if (near && !_toldFilling)
            report(record with { Cause = ConntrackCause.Filling });
        if (lost > 0)
            report(record with { Cause = ConntrackCause.Clash, Dropped = lost });
        // Once, until there is room for another tenth.
        _toldFilling = near || (_toldFilling && entries * 100 >= limit * Math.Max(1, warn - 10));
    }

    // What was counted before the first look is history.
    private void Follow(ReadOnlySpan<long> counters)
    {
        for (var i = 0; i < Watched.Length; i++)
        {
            var value = Math.Max(0, counters[Watched[i]]);
            _growth[i] = _known ? Math.Max(0, value - _last[i]) : 0;
            _last[i] = value;
        }
        _known = true;
    }
}
