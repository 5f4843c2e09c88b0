using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Flows;

/// <summary>
/// What flow.bpf.c counted: of connections that ended, of those that are open, and of datagrams. The ended ones are
/// read before the walk, so that none is in both.
/// </summary>
internal sealed class FlowCounters : IDisposable
{
    /// <summary>Nanoseconds that a flow without traffic keeps its row, and without connections its entry.</summary>
    private const long Patience = 300 * 1_000_000_000L;

    private static readonly Tag Transmit = new("network.io.direction", "transmit");
    private static readonly Tag Receive = new("network.io.direction", "receive");

    public static readonly TableInfo Table = new("flow", RowScope.Namespace,
    [
        new("network.transport"), new("netlens.connection.role"), new("network.peer.address"), new("server.port"),
        new("netlens.peer.pod"), new("network.local.address"),
    ],
    [
        Metric.Counter("netlens.flow.connections", Units.Connections, "TCP connections that were established."),
        Metric.Counter("netlens.flow.io", Units.Bytes, Carried, [Transmit]),
        Metric.Counter("netlens.flow.io", Units.Bytes, Carried, [Receive]),
        Metric.Counter("netlens.flow.packets", Units.Packets, Segments, [Transmit]),
        Metric.Counter("netlens.flow.packets", Units.Packets, Segments, [Receive]),
        Metric.Counter("netlens.flow.retransmissions", Units.Segments, "Segments sent again (total_retrans)."),
        Metric.Gauge("netlens.flow.rtt", Units.Seconds,
            "Mean of the smoothed round-trip times (srtt_us) of the connections that are open, and of those that ended "
            + "since the collection before.", scale: 1e-6),
    ]);

    private const string Carried = "What was carried, without headers: by TCP what was sent and acknowledged "
        + "(bytes_acked) and received in order (bytes_received), without what was sent again; by UDP what left sockets "
        + "and came to them.";

    private const string Segments = "TCP segments sent (segs_out) and received (segs_in); UDP datagrams.";

    private readonly ProbeHost _host;
    private readonly long _since = KernelClock.UnixNow();
    private readonly BpfMap _endedMap;
    private readonly BpfMap _openMap;
    private readonly BpfMap _datagramMap;
    private readonly BpfMapReader<FlowKey, FlowFigures> _ended;
    private readonly BpfMapReader<FlowKey, FlowFigures> _datagrams;
    private readonly BpfMapReader<FlowKey, FlowOpen> _open;
    private readonly SharedRoom _endedRoom;
    private readonly SharedRoom _openRoom;
    private readonly SharedRoom _datagramRoom;
    private readonly CountedNamespaces _namespaces;
    private readonly FlowPeers _peers;
    private readonly Dictionary<FlowKey, FlowEntry> _entries = [];
    private readonly Dictionary<Subject, FlowNamespace> _homes = [];
    private readonly List<FlowEntry> _leaving = [];
    private readonly Action<Subject> _forget;
    private readonly FlowFigures[] _now = new FlowFigures[1];
    private bool _begun;

    public FlowCounters(ProbeHost host, BpfObject loaded, int bits4, int bits6)
    {
        _host = host;
        (_endedMap, _openMap, _datagramMap) = (loaded.Map("ended"), loaded.Map("open"), loaded.Map("datagrams"));
        (_ended, _open, _datagrams) = (new(_endedMap), new(_openMap), new(_datagramMap));
        _endedRoom = new(loaded, SharedMap.Counters, _endedMap);
        _openRoom = new(loaded, SharedMap.Overflow, _openMap);
        _datagramRoom = new(loaded, SharedMap.Datagrams, _datagramMap);
        _namespaces = new CountedNamespaces(host, new(loaded.Map("vouched"), host.Namespaces));
        _peers = new FlowPeers(host, loaded.Map("whole"), bits4, bits6);
        Walk = new FlowWalk(host, loaded);
        _forget = Forget;
    }

    /// <summary>Sums up the open connections.</summary>
    public FlowWalk Walk { get; }

    /// <summary>Rows per namespace, beside that of all others.</summary>
    public int Top { get; set; }

    private bool IsScarce => _ended.Count > _endedMap.MaxEntries * 3 / 4 || _open.Count > _openMap.MaxEntries * 3 / 4
        || _endedRoom.IsScarce || _openRoom.IsScarce;

    private bool IsScarceOfUdp => _datagrams.Count > _datagramMap.MaxEntries * 3 / 4 || _datagramRoom.IsScarce;

    /// <summary>
    /// Notes what has been carried by now, by connections that are open, too: that is not told.
    /// </summary>
    /// <exception cref="ProbeUnavailableException">This kernel's table of connections cannot be read.</exception>
    public void Begin()
    {
        if (!Walk.Run())
        {
            // One that was only bad luck is made up for by the first collection.
            if (Walk.IsLost)
                throw new ProbeUnavailableException($"the kernel's connections cannot be read: {Walk.Failure}");
            return;
        }
        var now = SnapshotBuilder.MomentOf(TimeProvider.System);
        _open.Read();
        // Last: what the walk did not meet is there.
        _ended.Read();
        _datagrams.Read();
        Take(now);
        foreach (var entry in _entries.Values)
            entry.Advance(now, silent: true);
        _begun = true;
    }

    public void Collect(SnapshotBuilder snapshot)
    {
        var (scarce, scarceOfUdp) = (IsScarce, IsScarceOfUdp);
        _namespaces.Begin(snapshot.Moment, scarce || scarceOfUdp, _forget);
        _peers.Refresh();
        if (!TryRead(snapshot))
            return;
        var start = snapshot.StartTimeOfNew(_since);
        foreach (var entry in _entries.Values)
            Advance(entry, snapshot.Moment);
        _peers.Settle();
        _begun = true;
        foreach (var home in _homes.Values)
            home.Count(Top, snapshot.Moment - Patience, _peers, start);
        foreach (var home in _homes.Values)
            home.Write(snapshot, _peers);
        var patient = snapshot.Moment - Patience;
        Leave(scarce ? snapshot.Moment : patient, scarceOfUdp ? snapshot.Moment : patient);
        _endedRoom.End(snapshot);
        _openRoom.End(snapshot);
        _datagramRoom.End(snapshot);
    }

    private bool TryRead(SnapshotBuilder snapshot)
    {
        try
        {
            _ended.Read();
            if (!Walk.Run())
            {
                snapshot.ReadFailed(Walk.Failure);
                return false;
            }
            _open.Read();
            _datagrams.Read();
        }
        catch (LinuxException e)
        {
            snapshot.ReadFailed(e.Message);
            return false;
        }
        if (Walk.Crowded > 0)
            snapshot.ReadFailed("no_room");
        Take(snapshot.Moment);
        return true;
    }

    private void Take(long now)
    {
        foreach (var entry in _entries.Values)
            entry.Open = default;
        Take(_ended, _endedRoom, now);
        Take(_datagrams, _datagramRoom, now);
        _openRoom.Begin();
        for (var i = 0; i < _open.Count; i++)
        {
            ref readonly var open = ref _open.Value(i);
            if (_open.Keys[i].Rootless != 0)
                _openRoom.Meet();
            if (open.Pass == Walk.Pass)
                Of(_open.Keys[i], now).Open = open.Figures;
            else if (_openMap.Delete(_open.Keys[i]) && _open.Keys[i].Rootless != 0)
                _openRoom.Return();
        }
    }

    private void Take(BpfMapReader<FlowKey, FlowFigures> counted, SharedRoom room, long now)
    {
        room.Begin();
        for (var i = 0; i < counted.Count; i++)
        {
            if (counted.Keys[i].Rootless != 0)
                room.Meet();
            Of(counted.Keys[i], now).Ended = counted.Value(i);
        }
    }

    private FlowEntry Of(in FlowKey key, long now)
    {
        ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_entries, key, out var known);
        if (!known)
            entry = new FlowEntry(key, _namespaces.Find(key.Netns, key.NetnsCookie), now);
        return entry!;
    }

    private void Advance(FlowEntry entry, long now)
    {
        // A datagram counts once, whatever its peer is called.
        var isNew = entry.Home is null && !entry.Key.IsUdp && _peers.IsNew(entry.Key);
        entry.Advance(now, silent: !_begun || isNew);
        var state = _namespaces.Note(entry.Owner, entry.ChangedAt == now);
        var subject = entry.Owner?.Namespace;
        if (state == CountedState.Expired)
            subject = _namespaces.KeeperOf(subject!);
        // What is still on its way to its end keeps its entry, or it would count twice.
        if ((state != CountedState.Alive && entry.Open.Connections == 0) || subject is null)
            _leaving.Add(entry);
        if (subject is null)
            return;
        if (!_homes.TryGetValue(subject, out var home))
            _homes.Add(subject, home = new FlowNamespace(Table, subject));
        if (ReferenceEquals(home, entry.Home))
            return;
        Part(entry);
        entry.Home = home;
        home.Add(entry);
    }

    // Connections that nobody has any more are on their way to their end when their namespace is gone: so long its rows
    // stay.
    private void Forget(Subject ns)
    {
        if (_homes.TryGetValue(ns, out var home) && !home.IsEmpty)
            home.IsForgotten = true;
        else
            _homes.Remove(ns);
    }

    private void Part(FlowEntry entry)
    {
        if (entry.Home is not { } home)
            return;
        entry.Home = null;
        home.Remove(entry);
        if (home is { IsForgotten: true, IsEmpty: true })
            _homes.Remove(home.Subject);
    }

    // Of namespaces that are gone, and where nothing happens any more.
    private void Leave(long idle, long idleOfUdp)
    {
        foreach (var entry in _entries.Values)
        {
            // That of all its others has to be there when a namespace finds no room for a datagram.
            if (entry.Key is { IsUdp: true, Family: 0, Rootless: 0 })
                continue;
            if (entry.Open.Connections == 0 && entry.IsIdle(entry.Key.IsUdp ? idleOfUdp : idle))
                _leaving.Add(entry);
        }
        foreach (var entry in _leaving)
        {
            if (TryDelete(entry))
                _entries.Remove(entry.Key);
        }
        _leaving.Clear();
    }

    // Not where something ended since it was read: that is counted first.
    private bool TryDelete(FlowEntry entry)
    {
        var now = MemoryMarshal.AsBytes(_now.AsSpan());
        var (map, room) = entry.Key.IsUdp ? (_datagramMap, _datagramRoom) : (_endedMap, _endedRoom);
        if (map.TryLookup(entry.Key, now))
        {
            if (!now.SequenceEqual(MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(in entry.Ended, 1))))
                return false;
            if (map.Delete(entry.Key) && entry.Key.Rootless != 0)
                room.Return();
        }
        if (_openMap.Delete(entry.Key) && entry.Key.Rootless != 0)
            _openRoom.Return();
        Part(entry);
        return true;
    }

    public void Dispose() => Walk.Dispose();
}
