using System.Net;
using System.Net.Sockets;

namespace Collector.Linux.Findings.Faults;

/// <summary>Faults that a few sockets on loopback cause.</summary>
internal static class SocketFaults
{
    private const int Port = 8080;

    public static void FillAcceptQueue(FaultNamespace ns)
    {
        ns.Clear();
        var listener = ns.Keep(Tcp());
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        listener.Listen(1);
        for (var i = 0; i < 6; i++)
            BeginConnect(ns, Port);
    }

    private static Socket Tcp() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    private static void BeginConnect(FaultNamespace ns, int port)
    {
        var client = ns.Keep(Tcp());
        client.Blocking = false;
        try
        {
            client.Connect(IPAddress.Loopback, port);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            // Under way: nobody waits for it.
        }
    }
}
