using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Kernel;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Processes;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Tcp;

/// <summary>
/// The accept queues of one namespace: a row per local address, port and device that the socket is bound to
/// (SO_BINDTODEVICE, a VRF, the scope of a link-local address). Sockets that share all three (SO_REUSEPORT) are added
/// up, and the fullest of them has columns of its own, because one full queue drops connections while the sum looks
/// empty.
/// </summary>
/// <remarks>
/// An IPv4 address bound through an IPv6 socket (::ffff:a.b.c.d) is that IPv4 address. "::" takes IPv4 connections too
/// unless the socket is IPv6 only. In the node's namespace the queues of hostNetwork pods are rows of these pods.
/// </remarks>
/// <param name="allowance">How many rows there may be.</param>
/// <param name="owners">Tells whose a socket is; null where all are the namespace's.</param>
/// <param name="all">With what is left out else.</param>
internal sealed class TcpListeners(
    NetNamespace ns, RowAllowance allowance, ListenerOwners? owners = null, bool all = false) : INetlinkSink
{
    private static readonly Metric Depth = Queue("usage", "Connections that wait to be accepted (sk_ack_backlog).");
    private static readonly Metric Limit =
        Queue("limit", "Connections that may wait (sk_max_ack_backlog); one more is let in before it overflows.");

    private static readonly Metric Fullest = Metric.Gauge("netlens.tcp.listen.queue.highest", Units.Connections,
        "Connections that wait at the fullest of the sockets that share the address.");

    private static readonly Metric FullestLimit = Metric.Gauge("netlens.tcp.listen.queue.highest_limit",
        Units.Connections, "Connections that may wait at that socket.");

    private static readonly Metric Drops = Metric.Counter("netlens.tcp.listen.dropped", Units.Packets,
        "Handshake packets that the listener dropped, for a full queue or another reason (sk_drops).");

    private static readonly Metric HalfOpen = Metric.UpDownCounter("netlens.tcp.listen.half_open", Units.Connections,
        "Connections whose handshake is not over (icsk_accept_queue.qlen); only where one walk reads all namespaces.",
        optional: true);

    private static readonly Metric Shards = Metric.UpDownCounter(
        "netlens.tcp.listen.socket.count", Units.Sockets, "Sockets that listen at the address.");

    public static TableInfo Table { get; } = new("tcpsummary.listen", RowScope.Namespace,
        [new("network.local.address"), new("network.local.port"), new("network.interface.name")],
        [Depth, Limit, Fullest, FullestLimit, Drops, Shards, HalfOpen]);

    private readonly TableInfo _table = all ? Table.Whole : Table;
    private readonly List<SocketMessage> _staged = [];
    private readonly Dictionary<(UInt128 Address, ushort Port, int Interface, Subject Owner), Group> _groups = [];
    private readonly Dictionary<ulong, (uint Drops, long Tick)> _drops = [];
    private readonly Group _others = new();
    private LinkTable? _links;
    private long _lastRead;

    /// <summary>Listening sockets.</summary>
    public int Sockets => _staged.Count;

    /// <summary>One of them is bound to a device, so that devices must have names.</summary>
    public bool AnyBound { get; private set; }

    private static Metric Queue(string name, string description) =>
        Metric.UpDownCounter($"netlens.tcp.listen.queue.{name}", Units.Connections, description);

    public void Begin()
    {
        _staged.Clear();
        AnyBound = false;
    }

    bool INetlinkSink.Take(in NetlinkMessage message)
    {
        if (!SocketMessage.TryParse(message, out var socket))
            return false;
        if (socket.State == SocketCounts.Listen)
            Take(socket);
        return true;
    }

    public void Take(in SocketMessage socket)
    {
        _staged.Add(socket);
        AnyBound |= socket.Interface != 0;
    }

    /// <summary>Adds up what was taken, once it is complete.</summary>
    public bool Commit(SnapshotBuilder snapshot, LinkTable? links = null)
    {
        _links = links;
        owners?.Refresh(CollectionsMarshal.AsSpan(_staged), snapshot);
        _others.Begin(snapshot.Tick);
        foreach (ref var socket in CollectionsMarshal.AsSpan(_staged))
            GroupOf(ref socket, snapshot.Tick).Add(ref socket, GrowthOf(ref socket, snapshot.Tick));
        DropGone(snapshot.Tick);
        _lastRead = snapshot.Time;
        return true;
    }

    public void Write(SnapshotBuilder snapshot)
    {
        foreach (var group in _groups.Values)
            group.Write(snapshot);
        if (_others.Count == 0)
            return;
        _others.Write(snapshot);
        allowance.LeaveOut(_others.Count);
        snapshot.ReadFailed("listeners_over_limit");
    }

    private Group GroupOf(ref SocketMessage socket, long tick)
    {
        var owner = owners?.Of(socket.Id) ?? ns;
        var key = (socket.LocalAddress, socket.LocalPort, socket.Interface, owner);
        if (!_groups.TryGetValue(key, out var group))
        {
            if (!allowance.TryTake())
            {
                _others.Row ??= new Row(_table, ns, Math.Max(_lastRead, ns.StartTime), "other", 0, "");
                return _others;
            }
            group = new Group { Start = Math.Max(_lastRead, owner.StartTime) };
            _groups.Add(key, group);
        }
        if (group.Tick == tick)
            return group;
        group.Begin(tick);
        var device = DeviceName(socket.Interface, group.Device);
        if (group.Row is null || !ReferenceEquals(device, group.Device))
        {
            group.Device = device;
            group.Row = new Row(
                _table, owner, group.Start, AddressText(socket.LocalAddress), socket.LocalPort, device);
        }
        return group;
    }

    private string DeviceName(int index, string? last)
    {
        if (index == 0)
            return "";
        if (_links?.Find(index) is { } link)
            return link.Name;
        if (last is not null && _links is null)
            return last;
        // A device may be gone while a socket is bound to it; ss(8) writes it like this.
        Span<char> text = stackalloc char[13];
        _ = text.TryWrite($"if{index}", out var length);
        return NamePool.Of(text[..length]);
    }

    // Drops are counted per socket, and sockets come and go within a group: what is added is each one's growth.
    private long GrowthOf(ref SocketMessage socket, long tick)
    {
        if (socket.Drops < 0)
            return -1;
        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_drops, socket.Id, out _);
        var growth = unchecked((uint)socket.Drops - known.Drops);
        known = ((uint)socket.Drops, tick);
        return growth;
    }

    private void DropGone(long tick)
    {
        foreach (var (key, group) in _groups)
        {
            if (group.Tick == tick)
                continue;
            _groups.Remove(key);
            allowance.Return();
        }
        if (_drops.Count == _staged.Count)
            return;
        foreach (var (id, known) in _drops)
        {
            if (known.Tick != tick)
                _drops.Remove(id);
        }
    }

    /// <summary>Gives its rows back.</summary>
    public void Close() => allowance.Dispose();

    internal static string AddressText(UInt128 address)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, address);
        var ip = new IPAddress(bytes);
        Span<char> text = stackalloc char[45];
        (ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip).TryFormat(text, out var length);
        return NamePool.Of(text[..length]);
    }

    private sealed class Group
    {
        private long _depth;
        private long _limit;
        private long _fullest;
        private long _fullestLimit;
        private long _drops = -1;
        private long _halfOpen;

        public Row? Row { get; set; }

        public long Start { get; init; }

        public string? Device { get; set; }

        public long Tick { get; private set; }

        public int Count { get; private set; }

        public void Begin(long tick)
        {
            Tick = tick;
            Count = 0;
            _depth = 0;
            _limit = 0;
            _fullest = 0;
            _fullestLimit = -1;
            _halfOpen = -1;
        }

        public void Add(ref SocketMessage socket, long growth)
        {
            Count++;
            _depth += socket.ReceiveQueue;
            _limit += socket.SendQueue;
            // One more than the limit fits. Of sockets that are equally full the one with more room tells more.
            var fuller = socket.ReceiveQueue * (_fullestLimit + 1) - _fullest * (socket.SendQueue + 1L);
            if (fuller > 0 || (fuller == 0 && socket.SendQueue > _fullestLimit))
                (_fullest, _fullestLimit) = (socket.ReceiveQueue, socket.SendQueue);
            if (socket.HalfOpen >= 0)
                _halfOpen = Math.Max(_halfOpen, 0) + socket.HalfOpen;
            if (growth >= 0)
                _drops = Math.Max(_drops, 0) + growth;
        }

        public void Write(SnapshotBuilder snapshot)
        {
            var writer = snapshot.Append(Row!);
            writer.Set(Depth, _depth);
            writer.Set(Limit, _limit);
            writer.Set(Fullest, _fullest);
            writer.Set(FullestLimit, _fullestLimit);
            writer.Set(Shards, Count);
            if (_drops >= 0)
                writer.Set(Drops, _drops);
            if (_halfOpen >= 0)
                writer.Set(HalfOpen, _halfOpen);
        }
    }
}
