using System.Buffers.Binary;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;

namespace Collector.Linux.Probes.Flows;

/// <summary>
/// The rows of one namespace: its greatest flows, and of either protocol one of all the others. What grows counts in
/// one of them, so that all together grow by what was carried.
/// </summary>
internal sealed class FlowNamespace(TableInfo table, Subject subject)
{
    // How much more a flow has to carry to take another one's row.
    private const int Margin = 2;

    private static readonly Comparison<FlowEntry> ByRank = static (a, b) => b.Rank.CompareTo(a.Rank);

    private readonly List<FlowEntry> _entries = [];
    private readonly List<FlowEntry> _told = [];
    private readonly List<FlowEntry> _asking = [];
    private FlowRow? _others;
    private FlowRow? _otherDatagrams;

    public Subject Subject => subject;

    /// <summary>Nothing is counted for it.</summary>
    public bool IsEmpty => _entries.Count == 0;

    /// <summary>It is gone: its rows go with the last of its entries.</summary>
    public bool IsForgotten { get; set; }

    public void Add(FlowEntry entry)
    {
        entry.Place = _entries.Count;
        _entries.Add(entry);
    }

    public void Remove(FlowEntry entry)
    {
        // Thousands may go at once.
        var last = _entries[^1];
        (_entries[entry.Place], last.Place) = (last, entry.Place);
        _entries.RemoveAt(_entries.Count - 1);
        Drop(entry);
    }

    /// <summary>Gives rows to those that carry most, and adds up what grew.</summary>
    /// <param name="top">Rows that there may be.</param>
    /// <param name="idle">Moment since which a row must have grown.</param>
    /// <param name="peers">Names peers.</param>
    /// <param name="start">When the counters of a new row began.</param>
    public void Count(int top, long idle, FlowPeers peers, long start)
    {
        _asking.Clear();
        foreach (var entry in _entries)
        {
            if (entry.Row is not null && entry.IsIdle(idle))
                Drop(entry);
            else if (entry.Row is null && entry.Rank > 0 && entry.Key.Family != 0)
                _asking.Add(entry);
        }
        while (_told.Count > top)
            Drop(_told[^1]);
        if (_asking.Count > 0)
            Place(top, peers, start);
        _others?.Begin();
        _otherDatagrams?.Begin();
        foreach (var entry in _told)
            entry.Row!.Begin();
        foreach (var entry in _entries)
        {
            ref var others = ref (entry.Key.IsUdp ? ref _otherDatagrams : ref _others);
            if (entry.Row is { } row)
                row.Add(entry);
            else if (entry.HasGrown || others is not null)
                (others ??= Make(entry, MakeRow(entry, start, "", "other", 0, "", ""))).Add(entry);
        }
    }

    private void Place(int top, FlowPeers peers, long start)
    {
        if (_asking.Count > top - _told.Count)
        {
            _asking.Sort(ByRank);
            _told.Sort(ByRank);
        }
        foreach (var entry in _asking)
        {
            if (_told.Count >= top)
            {
                if (top == 0 || entry.Rank / Margin <= _told[^1].Rank)
                    return;
                Drop(_told[^1]);
            }
            entry.Row = Make(entry, Describe(entry, peers, start));
            entry.Row.PeersVersion = peers.Version;
            var at = 0;
            while (at < _told.Count && _told[at].Rank >= entry.Rank)
                at++;
            _told.Insert(at, entry);
        }
    }

    public void Write(SnapshotBuilder snapshot, FlowPeers peers)
    {
        foreach (var entry in _told)
        {
            var row = entry.Row!;
            if (row.PeersVersion != peers.Version)
            {
                row.PeersVersion = peers.Version;
                if (row.Row.Tags[4].Text != peers.PodOf(entry.Key)
                    || row.Row.Tags[5].Text != peers.AddressOf(subject, entry.Key.Family))
                {
                    row.Row = Describe(entry, peers, row.Row.StartTime);
                }
            }
            row.Write(snapshot);
        }
        _others?.Write(snapshot);
        _otherDatagrams?.Write(snapshot);
    }

    private static FlowRow Make(FlowEntry entry, Row row) => entry.Key.IsUdp
        ? new FlowRow(row, FlowEntry.FirstOfUdp, FlowEntry.CountersOfUdp)
        : new FlowRow(row, 0, FlowEntry.Counters);

    private Row Describe(FlowEntry entry, FlowPeers peers, long start)
    {
        var key = entry.Key;
        return MakeRow(entry, start, key.Side == FlowSide.Server ? "server" : "client", FlowPeers.TextOf(key),
            BinaryPrimitives.ReverseEndianness(key.Port), peers.PodOf(key),
            peers.AddressOf(subject, key.Family));
    }

    private Row MakeRow(
        FlowEntry entry, long start, string role, string peer, long port, string pod, string own) =>
        new(table, subject, Math.Max(start, subject.StartTime), entry.Key.IsUdp ? "udp" : "tcp", role, peer, port, pod,
            own);

    private void Drop(FlowEntry entry)
    {
        if (entry.Row is null)
            return;
        entry.Row = null;
        _told.Remove(entry);
    }
}
