using System.Buffers.Binary;
using System.Net;
using Collector.Core.Events;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Processes;
using Collector.Linux.Sources;

namespace Collector.Linux.Findings.Common;

/// <summary>A socket that a fault is about, and who has it open.</summary>
internal sealed record FoundSocket(
    SocketMessage Socket, int Count, IPEndPoint Local, FlowTuple Tuple, EventProcess? Process)
{
    /// <summary>The other end: "shop/client-0:4711", "10.0.0.2:80".</summary>
    public string Remote => new EventParties(null, Tuple).Remote;

    /// <summary>"nginx[4711]"; a few words where nobody is known.</summary>
    public string Program => Process is { } process ? $"{process.Command}[{process.Pid}]" : "its program";
}

/// <summary>
/// Asks for the sockets of one namespace once a fault is seen there: which of them it is, and whose. Costs a walk of
/// the machine's table, so a rule asks only when its figures say that there is something to find.
/// </summary>
internal static class SocketSearch
{
    public const uint Established = 1 << 1;
    public const uint CloseWait = 1 << 8;

    /// <summary>The socket that ranks highest, and how many rank above 0; null: none, or nobody tells.</summary>
    public static FoundSocket? Find(
        ProbeHost host, NamespaceHandle? ns, byte protocol, uint states, Func<SocketMessage, long> rank)
    {
        if (ns is null || host.Paths.Recorded)
            return null;
        using var diag = new InetDiag(protocol != SockDiag.IPPROTO_TCP, protocol);
        var sink = new Highest(rank);
        try
        {
            if (!diag.Ask(ns, states, memory: true, sink) || sink.Count == 0)
                return null;
        }
        catch (LinuxException)
        {
            return null;
        }
        var socket = sink.Best;
        using var holders = new SocketHolders(host.Paths);
        var tuple = new FlowTuple(protocol == SockDiag.IPPROTO_TCP ? "tcp" : "udp", Address(socket.LocalAddress),
            socket.LocalPort, Address(socket.RemoteAddress), socket.RemotePort);
        tuple = tuple with
        {
            SourcePod = host.Namer.PodAt(tuple.Source),
            DestinationPod = host.Namer.PodAt(tuple.Destination),
        };
        return new FoundSocket(socket, sink.Count, new(tuple.Source, tuple.SourcePort), tuple,
            holders.Find(socket.Inode, ns.Namespace.Inode));
    }

    private static IPAddress Address(UInt128 address)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, address);
        var ip = new IPAddress(bytes);
        return ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip;
    }

    private sealed class Highest(Func<SocketMessage, long> rank) : INetlinkSink
    {
        private long _rank;

        public SocketMessage Best { get; private set; }

        public int Count { get; private set; }

        public void Begin() => (Best, Count, _rank) = (default, 0, 0);

        public bool Take(in NetlinkMessage message)
        {
            if (!SocketMessage.TryParse(message, out var socket))
                return false;
            var its = rank(socket);
            if (its <= 0)
                return true;
            Count++;
            if (its > _rank)
                (Best, _rank) = (socket, its);
            return true;
        }
    }
}
