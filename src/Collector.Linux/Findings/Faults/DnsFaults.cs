using System.Net;
using System.Net.Sockets;

namespace Collector.Linux.Findings.Faults;

/// <summary>Servers of names that answer late or not at all.</summary>
internal static class DnsFaults
{
    private const int DnsPort = 53;

    // Recursion is desired, one question: the address of selftest.invalid, which nobody has (RFC 6761 6.4).
    private static readonly byte[] Query =
        [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 8, .. "selftest"u8, 7, .. "invalid"u8, 0, 0, 1, 0, 1];

    public static void AnswerNothing(FaultPair pair)
    {
        Serve(pair, static (_, _) => { });
        if (pair.IsFirst)
            pair.Connections.Add((Connect(pair), null!));
        Ask(pair, static p => p.Connections[0].Client);
    }

    // Asked every other time, and answered when it is asked again: a second later, when the port is closed.
    public static void AnswerLate(FaultPair pair)
    {
        if (pair.Round % 2 != 0)
        {
            pair.Connections.ForEach(static c => c.Client.Dispose());
            pair.Connections.Clear();
            return;
        }
        Serve(pair, (query, from) =>
        {
            // It is an answer, without a record.
            query[2] |= 0x80;
            query[3] = 0x80;
            pair.Listener!.SendTo(query, from);
        });
        Ask(pair, static p =>
        {
            var client = Connect(p);
            p.Connections.Add((client, null!));
            return client;
        });
    }

    private static Socket Connect(FaultPair pair)
    {
        var client = pair.Client.Udp();
        client.Connect(pair.ServerAddress, DnsPort);
        return client;
    }

    private static void Ask(FaultPair pair, Func<FaultPair, Socket> client)
    {
        var count = pair.Times(4, 2);
        for (var i = 0; i < count; i++)
        {
            byte[] query = [.. Query];
            var id = (pair.Round * count) + i + 1;
            (query[0], query[1]) = ((byte)(id >> 8), (byte)id);
            client(pair).Send(query);
        }
    }

    private static void Serve(FaultPair pair, Action<byte[], EndPoint> answer)
    {
        if (pair.Listener is null)
        {
            pair.Listener = pair.Server.Udp();
            pair.Listener.Bind(new IPEndPoint(IPAddress.Any, DnsPort));
        }
        while (pair.Listener.Available > 0)
        {
            var query = new byte[512];
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            var length = pair.Listener.ReceiveFrom(query, ref from);
            answer(query[..length], from);
        }
    }
}
