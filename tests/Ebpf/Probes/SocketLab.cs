using System.Net;
using System.Net.Sockets;
using System.Text;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Sockets in a namespace, closed with it.</summary>
internal sealed class SocketLab(TestNetns ns) : IDisposable
{
    private readonly List<Socket> _sockets = [];

    public TestNetns Ns => ns;

    /// <param name="address">Where.</param>
    /// <param name="port">Where.</param>
    /// <param name="backlog">How many may wait.</param>
    /// <param name="device">To be bound to.</param>
    /// <param name="share">With others at the same address (SO_REUSEPORT).</param>
    public Socket Listen(IPAddress address, int port, int backlog, string? device = null, bool share = false) =>
        Add(ns.Inside(() =>
        {
            var made = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
                made.DualMode = true;
            if (share)
                made.SetRawSocketOption(1, 15, BitConverter.GetBytes(1)); // SOL_SOCKET, SO_REUSEPORT
            if (device is not null)
                made.SetRawSocketOption(1, 25, Encoding.ASCII.GetBytes(device)); // SO_BINDTODEVICE
            made.Bind(new IPEndPoint(address, port));
            made.Listen(backlog);
            return made;
        }));

    public Socket Connect(IPAddress to, int port) => Add(ns.Inside(() =>
    {
        var made = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (to.IsIPv4MappedToIPv6)
            made.DualMode = true;
        made.Connect(to, port);
        return made;
    }));

    /// <summary>One that does not wait for its answer.</summary>
    public Socket BeginConnect(IPAddress to, int port, int local = 0) => Add(ns.Inside(() =>
    {
        var made = new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        if (local > 0)
            made.Bind(new IPEndPoint(IPAddress.Any, local));
        Should.Throw<SocketException>(() => made.Connect(to, port));
        return made;
    }));

    /// <summary>Both ends of a connection.</summary>
    public (Socket Client, Socket Server) Pair(Socket listener, IPAddress to)
    {
        var client = Connect(to, ((IPEndPoint)listener.LocalEndPoint!).Port);
        return (client, Accept(listener));
    }

    public Socket Accept(Socket listener) => Add(listener.Accept());

    private Socket Add(Socket socket)
    {
        _sockets.Add(socket);
        return socket;
    }

    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
        ns.Dispose();
    }
}

/// <summary>A namespace with so many sockets, as its number says, that it cannot be taken for another.</summary>
internal sealed class NumberedSockets : IDisposable
{
    private readonly int _number;
    private readonly SocketLab _lab;

    /// <param name="number">From 1.</param>
    /// <param name="ns">Where; null: in a new one.</param>
    public NumberedSockets(int number, TestNetns? ns = null)
    {
        _number = number;
        _lab = new SocketLab(ns ?? new TestNetns());
        var (listening, to) = (number % 3) switch
        {
            0 => (IPAddress.Loopback, IPAddress.Loopback),
            1 => (IPAddress.IPv6Loopback, IPAddress.IPv6Loopback),
            _ => (IPAddress.IPv6Any, IPAddress.Loopback.MapToIPv6()),
        };
        var listener = _lab.Listen(listening, 7000 + number, 20 + number);
        for (var i = 0; i < Pairs; i++)
            _lab.Pair(listener, to).Client.Send(new byte[number]);
    }

    public ulong Inode => _lab.Ns.Inode;

    private int Pairs => (_number % 7) + 1;

    /// <summary>What both tables are to say, in words; of columns that are not 0.</summary>
    public IReadOnlyList<string> Expected =>
    [
        $"established {2 * Pairs}", "listen 1", $"receive {Pairs * _number}",
        $"{Address} {7000 + _number} netlens.tcp.listen.queue.limit {20 + _number}",
    ];

    private string Address => (_number % 3) switch { 0 => "127.0.0.1", 1 => "::1", _ => "::" };

    public void Dispose() => _lab.Dispose();
}
