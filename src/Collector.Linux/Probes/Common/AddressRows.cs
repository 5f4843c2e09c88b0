using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;
using Collector.Linux.Processes;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Common;

/// <summary>
/// Sockets of one namespace: a row per local address, port and device that the socket is bound to (SO_BINDTODEVICE, a
/// VRF, the scope of a link-local address). Sockets that share all three (SO_REUSEPORT) are added up, and the fullest
/// of them has columns of its own, because one full queue drops while the sum looks empty.
/// </summary>
/// <remarks>
/// An IPv4 address bound through an IPv6 socket (::ffff:a.b.c.d) is that IPv4 address. "::" takes IPv4 too unless the
/// socket is IPv6 only. In the node's namespace sockets of hostNetwork pods are rows of these pods.
/// </remarks>
/// <param name="columns">What is told.</param>
/// <param name="ns">The namespace.</param>
/// <param name="allowance">How many rows there may be.</param>
/// <param name="owners">Tells whose a socket is; null where all are the namespace's.</param>
internal class AddressRows(AddressColumns columns, NetNamespace ns, RowAllowance allowance, ListenerOwners? owners)
{
    private readonly List<SocketMessage> _staged = [];
    private readonly Dictionary<(UInt128 Address, ushort Port, int Interface, Subject Owner), AddressGroup> _groups =
        [];

    private readonly Dictionary<ulong, (uint Drops, long Tick)> _drops = [];
    private readonly AddressGroup _others = new(columns);
    private LinkTable? _links;
    private long _lastRead;
    private bool _anyBound;

    /// <summary>Sockets that were taken.</summary>
    public int Sockets => _staged.Count;

    public void Begin()
    {
        _staged.Clear();
        _anyBound = false;
    }

    public void Take(in SocketMessage socket)
    {
        _staged.Add(socket);
        _anyBound |= socket.Interface != 0;
    }

    /// <summary>Where there are more, those that dropped most get the rows that are free.</summary>
    public void Rank(int most)
    {
        if (_staged.Count > most)
            CollectionsMarshal.AsSpan(_staged).Sort(static (a, b) => b.Drops.CompareTo(a.Drops));
    }

    /// <summary>Adds up what was taken, once it is complete.</summary>
    public bool Commit(NamespaceHandle handle, SnapshotBuilder snapshot) =>
        Commit(snapshot, _anyBound ? LinksOf(handle, snapshot) : null);

    private static LinkTable? LinksOf(NamespaceHandle handle, SnapshotBuilder snapshot)
    {
        var links = handle.Source<LinkTable>();
        return links.EnsureRead(handle, snapshot.Tick) ? links : null;
    }

    /// <summary>The same where it is known what devices there are.</summary>
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
        snapshot.ReadFailed(columns.OverLimit);
    }

    private AddressGroup GroupOf(ref SocketMessage socket, long tick)
    {
        var owner = owners?.Of(socket.Id) ?? ns;
        var key = (socket.LocalAddress, socket.LocalPort, socket.Interface, owner);
        if (!_groups.TryGetValue(key, out var group))
        {
            if (!allowance.TryTake())
            {
                _others.Row ??= new Row(columns.Table, ns, Math.Max(_lastRead, ns.StartTime), "other", 0, "");
                return _others;
            }
            group = new AddressGroup(columns) { Start = Math.Max(_lastRead, owner.StartTime) };
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
                columns.Table, owner, group.Start, AddressText(socket.LocalAddress), socket.LocalPort, device);
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

    /// <summary>An address, as <see cref="AddressText"/> gives it, with its port: "[::]:80", "0.0.0.0:80".</summary>
    public static string End(string address, string port) =>
        address.Contains(':', StringComparison.Ordinal) ? $"[{address}]:{port}" : $"{address}:{port}";

    /// <summary>The same as an end, without the scope; null where the tags name none.</summary>
    public static IPEndPoint? EndPoint(string address, string port) =>
        IPAddress.TryParse(address.Split('%')[0], out var ip)
        && ushort.TryParse(port, CultureInfo.InvariantCulture, out var number) ? new(ip, number) : null;

    internal static string AddressText(UInt128 address)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, address);
        var ip = new IPAddress(bytes);
        Span<char> text = stackalloc char[45];
        (ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip).TryFormat(text, out var length);
        return NamePool.Of(text[..length]);
    }
}
