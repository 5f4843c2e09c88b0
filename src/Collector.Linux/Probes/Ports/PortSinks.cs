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
