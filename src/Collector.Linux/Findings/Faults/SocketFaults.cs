using System.Net;
using System.Net.Sockets;

namespace Collector.Linux.Findings.Faults;

/// <summary>Faults that a few sockets on loopback cause. Each call causes some more of it.</summary>
internal static class SocketFaults
{
    private const int Port = 8080;

    /// <summary>One that nobody listens at.</summary>
    private const int Closed = 8081;

    /// <summary>More than a rule asks for before it calls something a fault.</summary>
    private const int Many = 12;

    public static void FillAcceptQueue(FaultNamespace ns)
    {
        ns.Clear();
        _ = Listen(ns, 1);
        for (var i = 0; i < 6; i++)
            BeginConnect(ns, IPAddress.Loopback, Port);
    }

    public static void ConnectToNobody(FaultNamespace ns)
    {
        for (var i = 0; i < Many; i++)
            TryConnect(IPAddress.Loopback, Closed);
    }

    public static void UseAllPorts(FaultNamespace ns)
    {
        ns.Clear();
        FaultNamespace.Set("net.ipv4.ip_local_port_range", "40000 40003");
        _ = Listen(ns, 64);
        for (var i = 0; i < Many; i++)
            BeginConnect(ns, IPAddress.Loopback, Port);
    }

    public static void FillReceiveBuffer(FaultNamespace ns)
    {
        ns.Clear();
        var receiver = ns.Keep(new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        receiver.ReceiveBufferSize = 2304;
        receiver.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        using var sender = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        for (var i = 0; i < 200; i++)
            sender.SendTo(new byte[500], new IPEndPoint(IPAddress.Loopback, Port));
    }

    public static void CloseUnread(FaultNamespace ns)
    {
        foreach (var (client, server) in Connections(ns))
        {
            client.Send("unread"u8);
            // It has come when it can be looked at.
            _ = server.Receive(new byte[1], SocketFlags.Peek);
            server.Dispose();
        }
    }

    public static void CloseByReset(FaultNamespace ns)
    {
        foreach (var (_, server) in Connections(ns))
        {
            server.LingerState = new LingerOption(enable: true, 0);
            server.Dispose();
        }
    }

    private static List<(Socket Client, Socket Server)> Connections(FaultNamespace ns)
    {
        ns.Clear();
        var listener = Listen(ns, 64);
        var made = new List<(Socket, Socket)>();
        for (var i = 0; i < Many; i++)
        {
            var client = ns.Keep(Tcp());
            client.Connect(IPAddress.Loopback, Port);
            made.Add((client, ns.Keep(listener.Accept())));
        }
        return made;
    }

    private static Socket Tcp() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    private static Socket Listen(FaultNamespace ns, int backlog)
    {
        var listener = ns.Keep(Tcp());
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        listener.Listen(backlog);
        return listener;
    }

    private static void TryConnect(IPAddress to, int port)
    {
        using var client = Tcp();
        try
        {
            client.Connect(to, port);
        }
        catch (SocketException)
        {
            // That is what it is for.
        }
    }

    private static void BeginConnect(FaultNamespace ns, IPAddress to, int port)
    {
        var client = ns.Keep(Tcp());
        client.Blocking = false;
        try
        {
            client.Connect(to, port);
        }
        catch (SocketException)
        {
            // Under way, or there was no port left.
        }
    }
}
