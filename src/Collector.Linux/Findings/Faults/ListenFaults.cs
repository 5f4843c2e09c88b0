using System.Net;
using System.Net.Sockets;
using Collector.Linux.Interop;
using static Collector.Linux.Findings.Faults.FaultPair;

namespace Collector.Linux.Findings.Faults;

/// <summary>Listeners that cannot take who connects.</summary>
internal static class ListenFaults
{
    private const int Backlog = 2;

    /// <summary>An address that the server has no way back to.</summary>
    private static readonly IPAddress Stranger = IPAddress.Parse("198.51.100.1");

    public static void FillAcceptQueue(FaultPair pair)
    {
        pair.Server.Clear();
        pair.Server.Listen(Port, 1);
        for (var i = pair.Times(6, 4); i > 0; i--)
            pair.Server.Begin(IPAddress.Loopback, Port);
    }

    public static void NearlyFillAcceptQueue(FaultPair pair)
    {
        if (!pair.IsFirst)
            return;
        var places = pair.Times(10, 8);
        pair.Server.Listen(Port, places);
        for (var i = places * 9 / 10; i > 0; i--)
            pair.Client.Begin(pair.ServerAddress, Port);
    }

    public static void LeaveOneWorker(FaultPair pair)
    {
        if (!pair.IsFirst)
            return;
        var places = pair.Times(10, 8);
        pair.Server.Listen(Port, places, share: true);
        for (var i = places * 9 / 10; i > 0; i--)
            pair.Client.Begin(pair.ServerAddress, Port).Poll(TimeSpan.FromSeconds(10), SelectMode.SelectWrite);
        // A second one, which has nothing to do: each connection is there, and none is its.
        pair.Server.Listen(Port, places, share: true);
    }

    public static void FillSynQueue(FaultPair pair)
    {
        if (pair.IsFirst)
            Prepare(pair, cookies: false);
        SendSyns(pair, pair.Times(8, 4));
    }

    public static void ConnectByCookies(FaultPair pair)
    {
        if (pair.IsFirst)
        {
            pair.Listener = Prepare(pair, cookies: true);
            SendSyns(pair, 3);
        }
        // Each is there before the next: the queue of what is to be accepted has room.
        for (var i = pair.Times(15, 8); i > 0; i--)
            pair.Connect(pair.Listener!, 1);
    }

    public static void Flood(FaultPair pair)
    {
        if (pair.IsFirst)
            Prepare(pair, cookies: true);
        SendSyns(pair, pair.Times(15, 8));
    }

    public static void ConnectFromElsewhere(FaultPair pair)
    {
        if (pair.IsFirst)
        {
            pair.Client.AddAddress(Device, Stranger, 32);
            pair.Server.Listen(Port, 64);
        }
        for (var i = pair.Times(6, 3); i > 0; i--)
            pair.Client.Begin(pair.ServerAddress, Port, static s => s.Bind(new IPEndPoint(Stranger, 0)));
    }

    public static void UsePortsAgain(FaultPair pair)
    {
        if (pair.IsFirst)
            pair.Listener = pair.Server.Listen(Port, 64);
        var count = pair.Times(Many, 3);
        for (var i = 0; i < count; i++)
        {
            var from = new IPEndPoint(pair.ClientAddress, 20_000 + (pair.Round * count) + i);
            LeaveInTimeWait(pair, from.Port);
            pair.Client.SendRaw(pair.ServerAddress, 1, _ => RawPackets.Segment(
                from, new IPEndPoint(pair.ServerAddress, Port), 1000, RawPackets.Syn));
        }
    }

    // With a first sequence number that none of the SYNs comes after.
    private static void LeaveInTimeWait(FaultPair pair, int port)
    {
        var (client, server) = pair.Connect(pair.Listener!, 1, s =>
        {
            ConnectFaults.Set(s, TcpUapi.TCP_REPAIR, 1);
            ConnectFaults.Set(s, TcpUapi.TCP_REPAIR_QUEUE, TcpUapi.TCP_SEND_QUEUE);
            ConnectFaults.Set(s, TcpUapi.TCP_QUEUE_SEQ, 0x40000000);
            ConnectFaults.Set(s, TcpUapi.TCP_REPAIR, 0);
            s.Bind(new IPEndPoint(IPAddress.Any, port));
        })[0];
        server.Shutdown(SocketShutdown.Send);
        _ = client.Receive(new byte[1]);
        client.Dispose();
        _ = server.Receive(new byte[1]);
        server.Dispose();
    }

    private static Socket Prepare(FaultPair pair, bool cookies)
    {
        pair.Server.Set("net.ipv4.tcp_syncookies", cookies ? "1" : "0");
        // The answers get lost: handshakes that it begins stay under way.
        pair.Server.Lose(pair.Nobody, Device);
        return pair.Server.Listen(Port, Backlog);
    }

    private static void SendSyns(FaultPair pair, int count)
    {
        var to = new IPEndPoint(pair.ServerAddress, Port);
        pair.Client.SendRaw(pair.ServerAddress, count, i => RawPackets.Segment(
            new IPEndPoint(pair.Nobody, 10_000 + (pair.Round * Math.Max(20, count)) + i), to, 1000, RawPackets.Syn));
    }
}
