using System.Net;
using System.Net.Sockets;
using Collector.Linux.Interop;
using static Collector.Linux.Findings.Faults.FaultPair;

namespace Collector.Linux.Findings.Faults;

/// <summary>Buffers and tables of connections that get full.</summary>
internal static class BufferFaults
{
    /// <summary>The smallest buffer that the kernel gives.</summary>
    private const int Smallest = 2304;

    /// <summary>Of a clock of milliseconds.</summary>
    private const int AnHour = 3_600_000;

    public static void FillReceiveBuffer(FaultPair pair)
    {
        pair.Server.Clear();
        var receiver = pair.Server.Udp();
        receiver.ReceiveBufferSize = Smallest;
        receiver.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        pair.Server.Send(IPAddress.Loopback, Port, pair.Times(200, 20), 500);
    }

    public static void FillSendBuffer(FaultPair pair)
    {
        if (pair.IsFirst)
        {
            pair.Client.Limit(Device, 2000, 1_000_000);
            pair.Server.Udp().Bind(new IPEndPoint(IPAddress.Any, Port));
            var made = pair.Client.Udp();
            made.SendBufferSize = 2 * Smallest;
            made.Blocking = false;
            made.Connect(pair.ServerAddress, Port);
            pair.Connections.Add((made, null!));
        }
        for (var i = pair.Times(50, 10); i > 0; i--)
            TrySend(pair.Connections[0].Client, 1000);
    }

    public static void DoNotRead(FaultPair pair)
    {
        if (pair.IsFirst)
            pair.Connections.AddRange(pair.Connect(pair.Server.Listen(Port, 64), pair.Times(3, 2)));
        foreach (var (client, _) in pair.Connections)
        {
            client.Blocking = false;
            for (var i = 0; i < 10_000 && client.Poll(0, SelectMode.SelectWrite) && TrySend(client, 16 * 1024); i++)
            {
            }
        }
    }

    public static void SendTinySegments(FaultPair pair)
    {
        if (pair.IsFirst)
        {
            pair.Connections.AddRange(pair.Connect(pair.Server.Listen(Port, 64), pair.Times(4, 1)));
            foreach (var (client, server) in pair.Connections)
            {
                server.ReceiveBufferSize = Smallest;
                client.NoDelay = true;
                client.Blocking = false;
            }
        }
        foreach (var (client, server) in pair.Connections)
        {
            for (var i = 0; i < 300; i++)
                TrySend(client, 1);
            while (server.Available > 0)
                _ = server.Receive(new byte[64 * 1024]);
        }
    }

    public static void DoNotClose(FaultPair pair)
    {
        if (!pair.IsFirst)
            return;
        foreach (var (client, _) in pair.Connect(pair.Server.Listen(Port, 64), pair.Times(Many, 10)))
            client.Dispose();
    }

    public static void FillTimeWait(FaultPair pair)
    {
        if (pair.IsFirst)
            pair.Client.Set("net.ipv4.tcp_max_tw_buckets", "2");
        pair.Server.Clear();
        foreach (var (client, server) in pair.Connect(pair.Server.Listen(Port, 64), pair.Times(8, 4)))
        {
            client.Shutdown(SocketShutdown.Send);
            _ = server.Receive(new byte[1]);
            server.Dispose();
            _ = client.Receive(new byte[1]);
            client.Dispose();
        }
    }

    public static void TurnTimestampsBack(FaultPair pair)
    {
        pair.Listener ??= pair.Server.Listen(Port, 64);
        foreach (var (client, server) in pair.Connect(pair.Listener, pair.Times(6, 3)))
        {
            client.Send("now"u8);
            _ = server.Receive(new byte[3]);
            // As if another host, with a clock of its own, went on with the connection.
            ConnectFaults.Set(client, TcpUapi.TCP_REPAIR, 1);
            ConnectFaults.Set(client, TcpUapi.TCP_TIMESTAMP, Timestamp(client) - AnHour);
            ConnectFaults.Set(client, TcpUapi.TCP_REPAIR, TcpUapi.TCP_REPAIR_OFF_NO_WP);
            client.Send("old"u8);
        }
    }

    // It begins anywhere.
    private static int Timestamp(Socket socket)
    {
        Span<byte> value = stackalloc byte[4];
        socket.GetRawSocketOption(TcpUapi.IPPROTO_TCP, TcpUapi.TCP_TIMESTAMP, value);
        return BitConverter.ToInt32(value);
    }

    private static bool TrySend(Socket socket, int bytes)
    {
        try
        {
            return socket.Send(new byte[bytes]) > 0;
        }
        catch (SocketException e)
            when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable)
        {
            // As it is meant to be.
            return false;
        }
    }
}
