using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Kernel;
using Collector.Linux.Namespaces;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Links;

/// <summary>The qdiscs of one namespace as of the last dump, with what is remembered of each.</summary>
/// <remarks>
/// Where all are <c>noqueue</c>, as in most pods, there is nothing that could be counted
/// (<see cref="QdiscState.Counts"/>), and no dump before the kernel has told of a change: of a qdisc, or of a device,
/// with whose coming up its first qdisc comes untold (dev_activate, net/sched/sch_generic.c).
/// </remarks>
public sealed class QdiscTree : IDisposable, INetlinkSink
{
    private readonly NetNamespace _ns;
    private readonly QdiscSelection _select;
    private readonly RowAllowance _allowance;
    private readonly QdiscRest _rest;
    private readonly Row _totalRow;
    private readonly Dictionary<QdiscKey, QdiscState> _states = [];
    private readonly List<QdiscState> _seen = [];
    private readonly HashSet<(int Interface, uint Major)> _parents = [];
    private readonly long[] _sums = new long[QdiscState.Requeues];
    private DumpPause _pause;
    private long _version = -1;
    private bool _counts;
    private int _unknown;
    private long _pass;
    private long _lastRead;

    internal QdiscTree(NetNamespace ns, QdiscSelection select, RowAllowance allowance)
    {
        _ns = ns;
        _allowance = allowance;
        _rest = new QdiscRest(ns);
        _select = select;
        _totalRow = new Row(Qdisc.Total, ns, ns.StartTime);
    }

    internal bool Read(NamespaceHandle handle, LinkTable links, out string failure)
    {
        failure = "";
        if (!_pause.TakeTurn() || (!_counts && _version == links.Version && links.Channel.Hears))
            return true;
        _version = links.Version;
        Span<byte> request = stackalloc byte[Unsafe.SizeOf<nlmsghdr>() + Unsafe.SizeOf<tcmsg>()];
        request.Clear();
        var good = links.Channel.Ask(handle, Rtnl.RTM_GETQDISC, Rtnl.NLM_F_DUMP, request, this);
        failure = links.Channel.Failure;
        if (good)
            _pause.Begin(_ns.Rootless ? _seen.Count + _unknown : 0);
        else
            _version = -1;
        return good;
    }

    void INetlinkSink.Begin()
    {
        _pass++;
        _seen.Clear();
        _unknown = 0;
        _counts = false;
        _parents.Clear();
    }

    bool INetlinkSink.Take(in NetlinkMessage message)
    {
        if (!QdiscMessage.TryParse(message, out var qdisc))
            return false;
        _counts |= !qdisc.Kind.SequenceEqual("noqueue"u8);
        var key = new QdiscKey(qdisc.Interface, qdisc.Parent, qdisc.Handle);
        if (_states.Count >= LinkTable.MostOf(_ns) && !_states.ContainsKey(key))
        {
            _unknown++;
            return true;
        }
        if (qdisc.Parent is not (Rtnl.TC_H_ROOT or Rtnl.TC_H_INGRESS))
            _parents.Add((qdisc.Interface, qdisc.Parent >> 16));
        ref var state = ref CollectionsMarshal.GetValueRefOrAddDefault(_states, key, out _);
        state ??= new QdiscState(key);
        if (state.Pass != _pass)
            _seen.Add(state);
        state.Pass = _pass;
        state.Stage(ref qdisc);
        return true;
    }

    internal void Write(LinkTable links, SnapshotBuilder snapshot)
    {
        var start = Math.Max(_lastRead, _ns.StartTime);
        long length = 0;
        long backlog = 0;
        _rest.Begin();
        foreach (var state in CollectionsMarshal.AsSpan(_seen))
        {
            // The device appeared between the two dumps: next time. So did one that was renamed in between, harmlessly.
            if (links.Find(state.Key.Interface) is not { } link)
                continue;
            state.Commit(start);
            if (!state.HasStatistics)
                continue;
            if (state.Key.Parent == Rtnl.TC_H_ROOT && link.Role != LinkRole.Loopback)
            {
                state.AddGrowth(_sums);
                length += state.Queue.qlen;
                backlog += state.Queue.backlog;
            }
            if (!IsSelected(state.Key) || !state.Counts)
                continue;
            if (HasRow(state))
                state.Write(state.RowFor(_ns, link.Name), snapshot);
            else
                _rest.Add(state);
        }
        WriteTotal(snapshot, length, backlog);
        _rest.Write(snapshot);
        _allowance.LeaveOut(_rest.Count + _unknown);
        if (_states.Count != _seen.Count)
            DropGone();
        _lastRead = snapshot.Time;
    }

    // Who is left out stays so: its past is in the sum of the rest.
    private bool HasRow(QdiscState state)
    {
        state.HasPlace ??= _allowance.TryTake();
        return state.HasPlace.Value;
    }

    private bool IsSelected(QdiscKey key) => _select switch
    {
        QdiscSelection.Root => key.Parent == Rtnl.TC_H_ROOT,
        QdiscSelection.Leaves => key.Parent != Rtnl.TC_H_INGRESS && !HasChildren(key),
        _ => true,
    };

    // Handle 0 is what the kernel attached by itself: mq at the root, and under it leaves that have handle 0 as well.
    private bool HasChildren(QdiscKey key) =>
        (key.Handle != 0 || key.Parent == Rtnl.TC_H_ROOT) && _parents.Contains((key.Interface, key.Handle >> 16));

    private void WriteTotal(SnapshotBuilder snapshot, long length, long backlog)
    {
        var writer = snapshot.Append(_totalRow);
        for (var i = 0; i < _sums.Length; i++)
            writer.Set(i, _sums[i]);
        writer.Set(_sums.Length, length);
        writer.Set(_sums.Length + 1, backlog);
    }

    private void DropGone()
    {
        foreach (var (key, state) in _states)
        {
            if (state.Pass == _pass)
                continue;
            if (state.HasPlace == true)
                _allowance.Return();
            _states.Remove(key);
        }
    }

    public void Dispose()
    {
        _allowance.Dispose();
        _states.Clear();
    }
}

/// <summary>
/// What tells qdiscs of a namespace apart: one that is replaced gets another handle, unless tc(8) gave it one.
/// </summary>
internal readonly record struct QdiscKey(int Interface, uint Parent, uint Handle);

/// <summary>One qdisc: its figures of this collection and its counters in 64 bits.</summary>
internal sealed class QdiscState(QdiscKey key)
{
    /// <summary>Bytes, packets, drops, overlimits, requeues.</summary>
    public const int Counters = 5;

    /// <summary>The last of them, which totals do not have.</summary>
    public const int Requeues = 4;

    private readonly long[] _added = new long[Counters];
    private long[]? _addedToRest;
    private gnet_stats_queue _lastQueue;
    private string _kind = "";
    private string? _stagedKind;
    private string? _device;
    private Row? _row;
    private ulong _bytes;
    private ulong _stagedBytes;
    private ulong _stagedPackets;
    private bool _widePackets;
    private bool _hasRequeues;
    private Wrap32 _packets;
    private Wrap32 _drops;
    private Wrap32 _overlimits;
    private Wrap32 _requeued;
    private long _totalPackets;
    private long _start;
    private bool _known;

    public QdiscKey Key { get; } = key;

    public long Pass { get; set; }

    public bool HasStatistics { get; private set; }

    /// <summary>Whether it has a row of its own; null before it was asked for.</summary>
    public bool? HasPlace { get; set; }

    /// <summary>False for noqueue: packets pass it by (__dev_queue_xmit), so all its figures stay 0.</summary>
    public bool Counts => _kind != "noqueue";

    public gnet_stats_queue Queue { get; private set; }

    /// <summary>Takes a message's figures, which count only once the whole dump is good.</summary>
    public void Stage(ref QdiscMessage message)
    {
        _stagedKind = NamePool.Of(message.Kind, _kind);
        HasStatistics = message.HasStatistics;
        Queue = message.Queue;
        _stagedBytes = message.Bytes;
        _stagedPackets = message.Packets;
        _widePackets = message.WidePackets;
        _hasRequeues = message.HasRequeues;
    }

    public void Commit(long startOfNew)
    {
        if (!_known || _stagedKind != _kind || WasReplaced())
            Restart(startOfNew);
        _known = true;
        _lastQueue = Queue;
        _bytes = _stagedBytes;
        var unwrapped = _packets.Update(unchecked((uint)_stagedPackets));
        _totalPackets = _widePackets ? unchecked((long)_stagedPackets) : unwrapped;
        _drops.Update(Queue.drops);
        _overlimits.Update(Queue.overlimits);
        _requeued.Update(Queue.requeues);
    }

    // "tc qdisc replace" may keep kind and handle while all counters start again. Bytes are 64 bits wide and never
    // fall otherwise; a 32-bit counter that fell by less than half its range did not wrap.
    private bool WasReplaced() => _stagedBytes < _bytes
        || Fell(Queue.drops, _lastQueue.drops)
        || Fell(Queue.overlimits, _lastQueue.overlimits)
        || Fell(Queue.requeues, _lastQueue.requeues);

    private static bool Fell(uint now, uint before) => now < before && before - now < 1u << 31;

    private void Restart(long start)
    {
        _kind = _stagedKind!;
        _packets = default;
        _drops = default;
        _overlimits = default;
        _requeued = default;
        _start = start;
        _row = null;
        Array.Clear(_added);
        _addedToRest = null;
    }

    /// <summary>Adds what was counted since the last call to the counters of the namespace.</summary>
    public void AddGrowth(long[] sums) => Add(sums, _added);

    /// <summary>The same, to those of the qdiscs without a row.</summary>
    public void AddToRest(long[] sums) => Add(sums, _addedToRest ??= new long[Counters]);

    private void Add(long[] sums, long[] added)
    {
        ReadOnlySpan<long> now =
            [unchecked((long)_bytes), _totalPackets, _drops.Total, _overlimits.Total, _requeued.Total];
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] += Math.Max(0, now[i] - added[i]);
            added[i] = now[i];
        }
    }

    public Row RowFor(NetNamespace ns, string device)
    {
        if (_row is null || !ReferenceEquals(_device, device))
        {
            _row = Qdisc.RowOf(ns, _start, device, _kind, Key.Parent);
            _device = device;
        }
        return _row;
    }

    public void Write(Row row, SnapshotBuilder snapshot)
    {
        var writer = snapshot.Append(row);
        writer.Set(Qdisc.Bytes, unchecked((long)_bytes));
        writer.Set(Qdisc.Packets, _totalPackets);
        writer.Set(Qdisc.Drops, _drops.Total);
        writer.Set(Qdisc.Overlimits, _overlimits.Total);
        writer.Set(Qdisc.Length, Queue.qlen);
        writer.Set(Qdisc.Backlog, Queue.backlog);
        if (_hasRequeues)
            writer.Set(Qdisc.Requeues, _requeued.Total);
    }
}
