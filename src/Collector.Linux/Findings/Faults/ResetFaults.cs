using System.Net;
using System.Net.Sockets;
using Collector.Linux.Interop;
using static Collector.Linux.Findings.Faults.FaultPair;

namespace Collector.Linux.Findings.Faults;

/// <summary>Connections that end otherwise than in order, or not at all.</summary>
internal static class ResetFaults
{
    /// <summary>A locally administered hardware address.</summary>
    private static readonly byte[] ServersHardware = [2, 0, 0, 0, 0, 0x66];

    public static void CloseUnread(FaultPair pair)
    {
        foreach (var (client, server) in Anew(pair))
        {
            client.Send("unread"u8);
            // It has come when it can be looked at.
            _ = server.Receive(new byte[1], SocketFlags.Peek);
            server.Dispose();
        }
    }

    public static void CloseByReset(FaultPair pair)
    {
        foreach (var (_, server) in Anew(pair))
        {
            server.LingerState = new LingerOption(enable: true, 0);
            server.Dispose();
        }
    }

    public static void SendToClosed(FaultPair pair)
    {
        // Those of the time before: their acknowledgements have come by now.
        foreach (var (client, _) in pair.Connections)
            client.Send("late"u8);
        pair.Connections.Clear();
        foreach (var (client, server) in Anew(pair, keep: true))
        {
            server.Dispose();
            _ = client.Receive(new byte[1]);
            pair.Connections.Add((client, server));
        }
    }

    public static void BeginOpenOnesAgain(FaultPair pair)
    {
        if (pair.IsFirst)
            pair.Connections.AddRange(pair.Connect(pair.Server.Listen(Port, 64), pair.Times(Many, 10)));
        foreach (var (client, _) in pair.Connections)
        {
            var (from, to) = ((IPEndPoint)client.LocalEndPoint!, (IPEndPoint)client.RemoteEndPoint!);
            pair.Client.SendRaw(to.Address, 1, _ => RawPackets.Segment(from, to, 1000, RawPackets.Syn));
        }
    }

    public static void ResetFromBetween(FaultPair pair)
    {
        foreach (var (client, _) in Anew(pair))
        {
            var sequence = NextReceived(client);
            var (from, to) = (new IPEndPoint(pair.ServerAddress, Port), (IPEndPoint)client.LocalEndPoint!);
            pair.Server.SendRaw(pair.ClientAddress, 1, _ => RawPackets.Segment(from, to, sequence, RawPackets.Reset));
        }
    }

    public static void LosePeer(FaultPair pair)
    {
        const int Rounds = 10;
        var each = pair.Times(6, 3);
        if (pair.IsFirst)
        {
            pair.Listener = pair.Server.Listen(Port, 64);
            pair.Server.SetLink(Device, ServersHardware);
        }
        // A connection gives its peer up once: then there are new ones.
        var round = pair.Round % Rounds;
        if (round == 0)
        {
            pair.Connections.Clear();
            pair.Client.SetNeighbour(pair.ServerAddress, Device, ServersHardware);
            pair.Connections.AddRange(pair.Connect(pair.Listener!, Math.Min(Rounds * each, 120),
                static s => ConnectFaults.Set(s, TcpUapi.TCP_USER_TIMEOUT, 1500)));
            pair.Client.Lose(pair.ServerAddress, Device);
        }
        foreach (var (client, _) in pair.Connections.Skip(round * each).Take(each))
            client.Send("anybody"u8);
    }

    private static List<(Socket Client, Socket Server)> Anew(FaultPair pair, bool keep = false)
    {
        if (!keep)
            pair.Client.Clear();
        pair.Server.Clear();
        return pair.Connect(pair.Server.Listen(Port, 64), pair.Times(Many, 3));
    }

    private static uint NextReceived(Socket socket)
    {
        ConnectFaults.Set(socket, TcpUapi.TCP_REPAIR, 1);
        ConnectFaults.Set(socket, TcpUapi.TCP_REPAIR_QUEUE, TcpUapi.TCP_RECV_QUEUE);
        Span<byte> sequence = stackalloc byte[4];
        socket.GetRawSocketOption(TcpUapi.IPPROTO_TCP, TcpUapi.TCP_QUEUE_SEQ, sequence);
        ConnectFaults.Set(socket, TcpUapi.TCP_REPAIR, 0);
        return BitConverter.ToUInt32(sequence);
    }
}
