using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Ports;

/// <summary>Takes the sockets of a namespace: connections that have one of the ports that connect() takes.</summary>
/// <remarks>
/// Of what came from outside each is a group of its own. A port that somebody listens at connect() leaves alone;
/// sock_diag tells listeners first.
/// </remarks>
internal sealed class SocketPorts(PortGroups groups) : INetlinkSink
{
    public const uint States = InetDiag.All & ~(1U << HalfOpen);
    private const int HalfOpen = 3;
    private const int TimeWait = 6;

    private readonly PortSet _free = new();
    private int _first;
    private int _last;
    private PortSet? _reserved;

    /// <summary>Ports that connect() may take.</summary>
    public int Limit => _free.Count;

    /// <param name="first">Of the namespace's range.</param>
    /// <param name="last">The same.</param>
    /// <param name="reserved">Null: none.</param>
    public void Prepare(int first, int last, PortSet? reserved) =>
        (_first, _last, _reserved) = (first, last, reserved);

    public void Begin()
    {
        groups.Clear();
        _free.Clear();
        _free.Add(_first, _last);
        if (_reserved is not null)
            _free.Remove(_reserved);
    }

    public bool Take(in NetlinkMessage message)
    {
        if (!SocketMessage.TryParse(message, out var socket))
            return false;
        if (socket.State == SocketCounts.Listen)
        {
            _free.Remove(socket.LocalPort);
        }
        else if (socket.RemotePort != 0 && _free.Has(socket.LocalPort))
        {
            var group = new PortGroup(
                SockDiag.IPPROTO_TCP, socket.LocalAddress, socket.RemoteAddress, socket.RemotePort);
            groups.Add(group, socket.State == TimeWait, socket.Inode, socket.LocalAddress);
        }
        return true;
    }
}

/// <summary>Takes the UDP sockets of a namespace: which ports of the range one without a port cannot have.</summary>
/// <remarks>
/// connect() and sendto() look for a port before there is an address (inet_autobind, net/ipv4/af_inet.c), so one that
/// any socket has is taken, wherever that is bound or connected to. Only bind() to an address may have one that sockets
/// of other addresses have. Sockets that share a port (SO_REUSEPORT) have one.
/// </remarks>
/// <param name="groups">Gets them by local address.</param>
/// <param name="byAddress">Whether somebody asks for that.</param>
internal sealed class DatagramPorts(PortGroups groups, bool byAddress) : INetlinkSink
{
    /// <summary>Ports, of each local address: three megabytes of them.</summary>
    private const int MostEnds = 65_536;

    private readonly PortSet _free = new();
    private readonly HashSet<(UInt128 Address, ushort Port)> _ends = [];
    private int _first;
    private int _last;
    private PortSet? _reserved;
    private ulong _inode;

    /// <summary>All sockets of a namespace together.</summary>
    public static PortGroup All { get; } = new(SockDiag.IPPROTO_UDP, 0, 0, 0);

    /// <summary>Ports of the range without reserved ones.</summary>
    public int Limit { get; private set; }

    /// <summary>Those of them that a socket has.</summary>
    public PortUse Use => new() { Used = Limit - _free.Count, Inode = _inode };

    /// <summary>There was no room for some by address.</summary>
    public bool IsCut { get; private set; }

    /// <inheritdoc cref="SocketPorts.Prepare"/>
    public void Prepare(int first, int last, PortSet? reserved) =>
        (_first, _last, _reserved) = (first, last, reserved);

    public void Begin()
    {
        groups.Clear();
        _ends.Clear();
        _free.Clear();
        _free.Add(_first, _last);
        if (_reserved is not null)
            _free.Remove(_reserved);
        (Limit, IsCut, _inode) = (_free.Count, false, 0);
    }

    public bool Take(in NetlinkMessage message)
    {
        if (!SocketMessage.TryParse(message, out var socket))
            return false;
        var port = socket.LocalPort;
        if (port < _first || port > _last || _reserved?.Has(port) == true)
            return true;
        _free.Remove(port);
        if (socket.Inode != 0)
            _inode = socket.Inode;
        if (byAddress)
            TakeEnd(socket);
        return true;
    }

    private void TakeEnd(in SocketMessage socket)
    {
        if (_ends.Count >= MostEnds)
            IsCut = true;
        else if (_ends.Add((socket.LocalAddress, socket.LocalPort)))
            groups.Add(All with { Source = socket.LocalAddress }, false, socket.Inode, socket.LocalAddress);
    }
}

/// <summary>Takes tracked connections to which the node gave another source (SNAT).</summary>
internal sealed class TranslatedPorts(PortGroups groups) : INetlinkSink
{
    public void Begin() => groups.Clear();

    public bool Take(in NetlinkMessage message)
    {
        if (!ConntrackEntry.TryParse(message, out var entry))
            return false;
        if (!entry.IsTranslated || entry.Reply.DestinationPort == 0)
            return true;
        var group = new PortGroup(
            entry.Reply.Protocol, entry.Reply.Destination, entry.Reply.Source, entry.Reply.SourcePort);
        groups.Add(group, entry.TcpState == Ctnetlink.TCP_CONNTRACK_TIME_WAIT, 0, entry.Original.Source);
        return true;
    }
}
