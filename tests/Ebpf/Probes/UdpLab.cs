using System.Net;
using System.Net.Sockets;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Linux.Probes.Sockets;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>UDP sockets in a namespace, closed with it, and what the probe <c>udpsummary</c> says of them.</summary>
internal sealed class UdpLab(TestNetns ns) : IDisposable
{
    private readonly List<Socket> _sockets = [];

    public TestNetns Ns => ns;

    /// <param name="address">Where.</param>
    /// <param name="port">Where; 0: the kernel chooses.</param>
    /// <param name="room">SO_RCVBUF; the least that the kernel gives is 2,304.</param>
    /// <param name="share">With others at the same address (SO_REUSEPORT).</param>
    public Socket Bind(IPAddress address, int port, int? room = null, bool share = false)
    {
        var socket = ns.Inside(() => new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        _sockets.Add(socket);
        if (room is { } bytes)
            socket.ReceiveBufferSize = bytes;
        if (share)
            socket.SetRawSocketOption(1, 15, BitConverter.GetBytes(1)); // SOL_SOCKET, SO_REUSEPORT
        socket.Bind(new IPEndPoint(address, port));
        return socket;
    }

    /// <summary>One whose port the kernel chooses.</summary>
    /// <exception cref="SocketException">There is none.</exception>
    public Socket Connect(IPAddress to, int port)
    {
        var socket = ns.Inside(() => new Socket(to.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        _sockets.Add(socket);
        if (to.IsIPv4MappedToIPv6)
            socket.DualMode = true;
        socket.Connect(to, port);
        return socket;
    }

    /// <summary>Datagrams to an address of the namespace.</summary>
    public void Send(IPAddress to, int port, int count, int bytes = 500) => ns.Inside(() =>
    {
        using var from = new Socket(to.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        for (var i = 0; i < count; i++)
            from.SendTo(new byte[bytes], new IPEndPoint(to, port));
    });

    /// <summary>A line per socket with something to tell: port, queue, limit and drops, added up by port.</summary>
    public static List<string> Rows(Snapshot snapshot, TestNetns ns) =>
    [
        .. Lines(snapshot, UdpRows.Table, ns, (table, row) => string.Join(' ',
            [table.Rows[row].Tags[0].ToString(), table.Rows[row].Tags[1].ToString(),
                .. Values(table, row, "queue.usage", "queue.limit", "dropped")])),
    ];

    /// <summary>Sockets, bytes received, bytes on the way, drops of the namespace; empty without a row.</summary>
    public static string Totals(Snapshot snapshot, TestNetns ns) =>
        Lines(snapshot, UdpSummary.Info.Tables[0], ns, (table, row) =>
            string.Join(' ', table.Info.Metrics.Select(m => table.Column(m)[row]))).SingleOrDefault("");

    private static IEnumerable<string> Lines(
        Snapshot snapshot, TableInfo info, TestNetns ns, Func<SnapshotTable, int, string> line)
    {
        if (snapshot.Find(info) is not { } table)
            yield break;
        for (var row = 0; row < table.Count; row++)
        {
            if (table.Rows[row].Subject?.Inode == ns.Inode)
                yield return line(table, row);
        }
    }

    private static IEnumerable<string> Values(SnapshotTable table, int row, params string[] names) =>
        names.Select(name => table.Info.Metrics.Single(m => m.Name == $"netlens.udp.socket.{name}"))
            .Select(m => table.Column(m)[row].ToString());

    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
        ns.Dispose();
    }
}
