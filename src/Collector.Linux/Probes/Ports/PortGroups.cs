using System.Runtime.InteropServices;
using Collector.Core.Metrics;

namespace Collector.Linux.Probes.Ports;

/// <summary>What one port can be used for once only: connections from an address to another's port.</summary>
/// <param name="Protocol">IPPROTO_TCP, or of translated ones another.</param>
/// <param name="Source">As in <see cref="Kernel.Netlink.SocketMessage.LocalAddress"/>.</param>
/// <param name="Destination">The same.</param>
/// <param name="Port">Of the destination.</param>
internal readonly record struct PortGroup(byte Protocol, UInt128 Source, UInt128 Destination, ushort Port);

/// <summary>How many ports are in use so.</summary>
internal struct PortUse
{
    public int Used;

    /// <summary>Of them those of connections that are over (TIME_WAIT).</summary>
    public int TimeWait;

    /// <summary>Of a socket that is not; 0: none.</summary>
    public ulong Inode;

    /// <summary>For whom most of them may be, at least <see cref="Votes"/>.</summary>
    public UInt128 User;
    public int Votes;
}

/// <summary>
/// Adds up one dump by group. One for all namespaces, which are asked one after the other: it is as large as the
/// largest needed.
/// </summary>
internal sealed class PortGroups
{
    /// <summary>A megabyte of them.</summary>
    private const int Most = 16_384;

    private readonly Dictionary<PortGroup, PortUse> _all = [];

    /// <summary>Connections that found no room.</summary>
    public long LeftOut { get; private set; }

    public void Clear()
    {
        _all.Clear();
        LeftOut = 0;
    }

    /// <param name="group">That it is of.</param>
    /// <param name="isOver">It is in TIME_WAIT.</param>
    /// <param name="inode">Of the socket; 0 where there is none.</param>
    /// <param name="user">The address that began it.</param>
    public void Add(in PortGroup group, bool isOver, ulong inode, UInt128 user)
    {
        if (_all.Count >= Most && !_all.ContainsKey(group))
        {
            LeftOut++;
            return;
        }
        ref var use = ref CollectionsMarshal.GetValueRefOrAddDefault(_all, group, out _);
        use.Used++;
        if (isOver)
            use.TimeWait++;
        else if (inode != 0)
            use.Inode = inode;
        // Whoever has more than all others together is left in the end.
        if (use.Votes == 0)
            use.User = user;
        use.Votes += use.User == user ? 1 : -1;
    }

    /// <summary>Fills in the fullest, the fullest first.</summary>
    /// <returns>How many these are.</returns>
    public int Fullest(Span<(PortGroup Group, PortUse Use)> into)
    {
        var count = 0;
        foreach (var (group, use) in _all)
        {
            if (count == into.Length && into[^1].Use.Used >= use.Used)
                continue;
            var at = count < into.Length ? count++ : count - 1;
            for (; at > 0 && into[at - 1].Use.Used < use.Used; at--)
                into[at] = into[at - 1];
            into[at] = (group, use);
        }
        return count;
    }
}

/// <summary>How full the fullest group is, and when it will be at the present rate.</summary>
internal sealed class PortFill
{
    /// <summary>Nanoseconds: the rate is that over one to two times as long.</summary>
    private const long Window = 30_000_000_000;

    /// <summary>Groups that are told as full before a tenth is free again.</summary>
    private const int MostTold = 16;

    private readonly HashSet<PortGroup> _full = [];
    private (int Used, long Moment) _from;
    private (int Used, long Moment) _middle;
    private bool _toldFilling;

    /// <summary>Ports that another connection cannot have.</summary>
    private int _taken;

    public PortGroup Group { get; private set; }

    public PortUse Use { get; private set; }

    /// <summary>Ports that there are; 0: nothing is known.</summary>
    public int Limit { get; private set; }

    /// <summary>Seconds; absent where it does not fill, or nobody can tell yet.</summary>
    public long TimeToFull { get; private set; } = Metric.Absent;

    /// <summary>Takes the fullest group.</summary>
    /// <param name="group">Which.</param>
    /// <param name="use">Its ports.</param>
    /// <param name="limit">How many there are for it.</param>
    /// <param name="moment">Nanoseconds of a clock that nobody sets.</param>
    /// <param name="reuses">Those in TIME_WAIT are as good as free.</param>
    public void Take(in PortGroup group, in PortUse use, int limit, long moment, bool reuses = false)
    {
        _taken = reuses ? use.Used - use.TimeWait : use.Used;
        // The most of all groups is followed, whichever has it: two that fill together take turns.
        if (Limit == 0)
            _from = _middle = (_taken, moment);
        var growth = _taken - _from.Used;
        TimeToFull = _taken >= limit ? 0
            : growth <= 0 ? Metric.Absent
            : (long)Math.Ceiling((double)(limit - _taken) / growth * (moment - _from.Moment) / 1e9);
        if (moment - _middle.Moment >= Window)
            (_from, _middle) = (_middle, (_taken, moment));
        (Group, Use, Limit) = (group, use, limit);
    }

    /// <summary>Nothing is near its limit.</summary>
    public void Forget()
    {
        (Limit, TimeToFull) = (0, Metric.Absent);
        _full.Clear();
        _toldFilling = false;
    }

    /// <summary>True once for each group, until a tenth is free again: of the fullest, so of all.</summary>
    public bool BecameFull()
    {
        if (_taken >= Limit)
            return _full.Count < MostTold && _full.Add(Group);
        if (_taken * 10L < Limit * 9L)
            _full.Clear();
        return false;
    }

    /// <summary>True once, until less than half is in use: it is to be full within so many seconds.</summary>
    public bool BeginsToFill(long within)
    {
        var told = _toldFilling;
        var half = _taken * 2L >= Limit;
        var full = _taken >= Limit || _full.Count > 0;
        _toldFilling = half && (told || full || (TimeToFull != Metric.Absent && TimeToFull < within));
        return _toldFilling && !told && !full;
    }
}
