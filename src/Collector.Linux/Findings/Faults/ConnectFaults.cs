using System.Net;
using System.Net.Sockets;
using Collector.Linux.Interop;
using static Collector.Linux.Findings.Faults.FaultPair;

namespace Collector.Linux.Findings.Faults;

/// <summary>Connects that fail or come late.</summary>
internal static class ConnectFaults
{
    /// <summary>One that nobody listens at.</summary>
    private const int Closed = 8081;

    private static readonly IPNetwork OtherNetwork = IPNetwork.Parse("2001:db8:5::/48");
    private static readonly IPAddress OtherIPv6 = IPAddress.Parse("2001:db8:5::7");

    public static void ToNobody(FaultPair pair)
    {
        for (var i = pair.Times(Many, 3); i > 0; i--)
            pair.Server.Begin(IPAddress.Loopback, Closed);
    }

    public static void ToListenerThatEnded(FaultPair pair)
    {
        if (pair.IsFirst)
            pair.Server.Listen(Port, 16).Dispose();
        Begin(pair, pair.ServerAddress, Port);
    }

    public static void ToSilence(FaultPair pair)
    {
        if (pair.IsFirst)
            pair.Client.Lose(pair.Nobody, Device);
        // Given up after three seconds and two SYNs, of newer kernels three.
        for (var i = pair.Times(3, 2); i > 0; i--)
            pair.Client.Begin(pair.Nobody, 443, static s => Set(s, TcpUapi.TCP_SYNCNT, 1));
    }

    public static void WithoutRoute(FaultPair pair) => Begin(pair, Elsewhere, 443);

    public static void ToSilentNeighbour(FaultPair pair)
    {
        if (pair.IsFirst)
            pair.Client.Set($"net.ipv4.neigh.{Device}.mcast_solicit", "1");
        Begin(pair, pair.Nobody, 443);
    }

    public static void ToProhibited(FaultPair pair)
    {
        if (pair.IsFirst)
        {
            // Each is to be told, however many there are.
            pair.Server.Set("net.ipv6.icmp.ratelimit", "0");
            pair.Server.Set("net.ipv6.conf.all.forwarding", "1");
            pair.Server.AddRoute(OtherNetwork, Rtnl.RTN_PROHIBIT);
            pair.Client.AddRoute(OtherNetwork, pair.ServerIPv6);
        }
        Begin(pair, OtherIPv6, 443);
    }

    public static void ByLongQueue(FaultPair pair)
    {
        if (pair.IsFirst)
        {
            pair.Server.Listen(Port, 4096);
            pair.Server.Limit(Device, 20_000, 1_000_000);
            pair.Server.Lose(pair.Nobody, Device);
        }
        // Every other time, so that the queue is empty again before.
        if (pair.Round % 2 != 0)
            return;
        // 1000 bytes each with their headers: at 20,000 a second some 720 ms, and a SYN is sent again after 1 s.
        pair.Server.Send(pair.Nobody, Closed, 16, 958);
        for (var i = pair.Times(4, 3); i > 0; i--)
            pair.Client.Begin(pair.ServerAddress, Port);
    }

    public static void UseAllPorts(FaultPair pair)
    {
        // With their listener connections end at once, and leave their ports.
        pair.Server.Clear();
        pair.Client.Clear();
        if (pair.IsFirst)
            pair.Client.Set("net.ipv4.ip_local_port_range", "40000 40003");
        pair.Server.Listen(Port, 64);
        Begin(pair, pair.ServerAddress, Port, 6);
    }

    public static void UseManyPorts(FaultPair pair)
    {
        const int Ports = 100;
        var more = pair.Times(3, 2);
        var used = pair.IsFirst ? Ports / 4 : more;
        if (pair.IsFirst)
        {
            pair.Client.Set("net.ipv4.ip_local_port_range", $"40000 {40000 + Ports - 1}");
            pair.Server.Listen(Port, 2 * Ports);
        }
        for (var i = 0; i < used && pair.Round * more < Ports / 2; i++)
            pair.Client.Begin(pair.ServerAddress, Port);
    }

    private static void Begin(FaultPair pair, IPAddress to, int port, int least = 3)
    {
        for (var i = pair.Times(Many, least); i > 0; i--)
            pair.Client.Begin(to, port);
    }

    internal static void Set(Socket socket, int option, int value) =>
        socket.SetRawSocketOption(TcpUapi.IPPROTO_TCP, option, BitConverter.GetBytes(value));
}
