using System.Runtime.InteropServices;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;

namespace Collector.Linux.Sources;

/// <summary>
/// The TCP sockets of all namespaces from one walk of the kernel's tables per collection, and those of UDP from
/// another, where sock_diag walks the whole table once per namespace.
/// </summary>
/// <remarks>
/// Namespaces are told apart by the address of their struct net, which is theirs as long as they are held open: it is
/// forgotten before the namespace is let go. Tables are the machine's, and those that single namespaces have for
/// themselves. Belongs to the collection thread.
/// </remarks>
internal sealed class SocketPass : ISocketSink, IDisposable
{
    private readonly NamespaceRegistry _namespaces;
    private readonly SocketWalker _walker;
    private readonly Dictionary<NamespaceHandle, Place> _places = [];
    private readonly Place?[] _bySlot;
    private readonly List<SocketTable> _established = [];
    private readonly List<SocketTable> _listening = [];
    private readonly List<SocketTable> _udp = [];
    private Once _tcpRead = new();
    private Once _udpRead = new();
    private long _version = -1;
    private bool _takesUdp;

    /// <param name="namespaces">Those to tell apart.</param>
    /// <param name="walker">Walks; is closed with this.</param>
    /// <param name="slots">Namespaces that there is room for.</param>
    public SocketPass(NamespaceRegistry namespaces, SocketWalker walker, int slots)
    {
        _namespaces = namespaces;
        _walker = walker;
        _bySlot = new Place?[slots];
        _namespaces.Leaving += Forget;
    }

    /// <summary>Short constant for why the last walk is void.</summary>
    public string Failure => _walker.Failure;

    /// <summary>Sockets that the last pass met, those of other namespaces too.</summary>
    public long Sockets => _walker.Sockets;

    /// <summary>Of them those in namespaces that are not collected.</summary>
    public long Strangers => _walker.Strangers;

    /// <summary>Chains that changed while they were read, and were read again.</summary>
    public long Repeated => _walker.Repeated;

    /// <inheritdoc cref="SocketWalker.Crowded"/>
    public long Crowded => _walker.Crowded;

    /// <inheritdoc cref="SocketWalker.Ahead"/>
    public uint Ahead
    {
        set => _walker.Ahead = value;
    }

    /// <summary>Walks over TCP's tables, once per collection; false when it failed.</summary>
    public bool EnsureRead(long tick) => _tcpRead.Is(tick) ? _tcpRead.Whole : _tcpRead.Note(tick, Read());

    /// <summary>Walks over the tables of UDP, once per collection; false when it failed.</summary>
    public bool EnsureUdpRead(long tick) => _udpRead.Is(tick) ? _udpRead.Whole : _udpRead.Note(tick, ReadUdp());

    /// <summary>Walks now.</summary>
    public bool Read()
    {
        _takesUdp = false;
        FollowNamespaces();
        foreach (var place in _places.Values)
            place.Listeners.Clear();
        _walker.Begin();
        foreach (var table in _listening)
        {
            if (!_walker.WalkListening(table, this))
                return false;
        }
        foreach (var table in _established)
        {
            if (!_walker.WalkEstablished(table))
                return false;
        }
        return true;
    }

    /// <summary>Walks over UDP now.</summary>
    public bool ReadUdp()
    {
        _takesUdp = true;
        FollowNamespaces();
        foreach (var place in _places.Values)
            place.Udp.Clear();
        _walker.BeginUdp();
        foreach (var table in _udp)
        {
            if (!_walker.WalkUdp(table, this))
                return false;
        }
        return true;
    }

    /// <summary>What the last walk found in a namespace; false where it has no place in it.</summary>
    public bool TryFind(NamespaceHandle ns, out SocketTotals totals, out ReadOnlySpan<SocketMessage> listeners)
    {
        totals = default;
        listeners = default;
        if (!_places.TryGetValue(ns, out var place))
            return false;
        totals = _walker.CountsOf(place.Slot);
        listeners = CollectionsMarshal.AsSpan(place.Listeners);
        return true;
    }

    /// <summary>The same of UDP; false also where the kernel does not tell where it keeps such sockets.</summary>
    public bool TryFindUdp(NamespaceHandle ns, out UdpTotals totals, out ReadOnlySpan<SocketMessage> sockets)
    {
        totals = default;
        sockets = default;
        if (!_places.TryGetValue(ns, out var place) || place.Tables is { Udp: 0 } or { UdpBuckets: 0 })
            return false;
        totals = _walker.UdpCountsOf(place.Slot);
        sockets = CollectionsMarshal.AsSpan(place.Udp);
        return true;
    }

    void ISocketSink.Take(in SocketRecord record)
    {
        if (_bySlot[record.Slot] is not { } place)
            return;
        if (_takesUdp)
            place.Udp.Add(record.AsMessage(SocketCounts.Closed));
        else
            place.Listeners.Add(record.AsMessage(SocketCounts.Listen));
    }

    private void FollowNamespaces()
    {
        if (_version == _namespaces.Version)
            return;
        _version = _namespaces.Version;
        var all = _namespaces.All;
        for (var i = 0; i < all.Count; i++)
        {
            if (all[i].NetAddress == 0 && all[i].Descriptor >= 0)
                _version = -1; // It may be found by the next collection.
            if (all[i].NetAddress != 0 && !_places.ContainsKey(all[i]))
                TryPlace(all[i]);
        }
        _established.Clear();
        _listening.Clear();
        _udp.Clear();
        foreach (var place in _places.Values)
        {
            Add(_established, new(place.Tables.Established, place.Tables.EstablishedBuckets));
            Add(_listening, new(place.Tables.Listening, place.Tables.ListeningBuckets));
            Add(_udp, new(place.Tables.Udp, place.Tables.UdpBuckets));
        }
    }

    private static void Add(List<SocketTable> tables, SocketTable table)
    {
        if (table is { Address: not 0, Buckets: not 0 } && !tables.Contains(table))
            tables.Add(table);
    }

    // One that finds no place is asked by sock_diag.
    private void TryPlace(NamespaceHandle ns)
    {
        var slot = Array.IndexOf(_bySlot, null);
        if (slot < 0 || !_walker.TryFind(ns.NetAddress, out var tables))
            return;
        try
        {
            _walker.Place(ns.NetAddress, slot);
        }
        catch (LinuxException)
        {
            return;
        }
        _places.Add(ns, _bySlot[slot] = new Place(slot, tables));
    }

    private void Forget(NamespaceHandle ns)
    {
        if (!_places.Remove(ns, out var place))
            return;
        _walker.Remove(place.Tables.Net);
        _bySlot[place.Slot] = null;
    }

    public void Dispose()
    {
        _namespaces.Leaving -= Forget;
        _walker.Dispose();
    }

    /// <summary>Where a namespace is counted.</summary>
    private sealed record Place(int Slot, SocketTables Tables)
    {
        public List<SocketMessage> Listeners { get; } = [];

        public List<SocketMessage> Udp { get; } = [];
    }

    /// <summary>What a collection found out, for all that ask in it.</summary>
    private struct Once()
    {
        private long _tick = -1;

        public bool Whole { get; private set; }

        public readonly bool Is(long tick) => _tick == tick;

        public bool Note(long tick, bool whole)
        {
            _tick = tick;
            return Whole = whole;
        }
    }
}
