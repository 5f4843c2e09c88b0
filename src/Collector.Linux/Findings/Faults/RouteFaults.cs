using System.Net;
using System.Net.Sockets;
using Collector.Linux.Interop;
using static Collector.Linux.Findings.Faults.FaultPair;

namespace Collector.Linux.Findings.Faults;

/// <summary>Packets that do not get where they are to go.</summary>
internal static class RouteFaults
{
    private const int Packets = 60;
    private const string Narrow = "wan0";

    private static readonly IPNetwork Everywhere = IPNetwork.Parse("0.0.0.0/0");

    public static void AskSilentNeighbour(FaultPair pair)
    {
        if (pair.IsFirst)
            pair.Client.Set($"net.ipv4.neigh.{Device}.retrans_time_ms", "50");
        pair.Client.Send(pair.Nobody, ClosedPort, pair.Times(30, 5), 100);
    }

    public static void MoveAddress(FaultPair pair)
    {
        if (pair.IsFirst)
        {
            pair.Client.Set($"net.ipv4.neigh.{Device}.locktime", "0");
            // Who gets another hardware address says so.
            pair.Server.Set($"net.ipv4.conf.{Device}.arp_notify", "1");
            pair.Client.Send(pair.ServerAddress, ClosedPort, 1, 100);
        }
        for (var i = pair.Times(1, 1); i > 0; i--)
        {
            foreach (var last in new byte[] { 0x77, 0x78, 0x77 })
                pair.Server.SetLink(Device, [2, 0, 0, 0, 0, last]);
        }
    }

    public static void ComeByAnotherDevice(FaultPair pair)
    {
        if (pair.IsFirst)
            pair.Server.Set("net.ipv4.conf.all.rp_filter", "1");
        SendFrom(pair, Elsewhere);
    }

    public static void ComeFromItself(FaultPair pair) => SendFrom(pair, pair.ServerAddress);

    public static void GoInCircle(FaultPair pair)
    {
        if (pair.IsFirst)
        {
            foreach (var (ns, peer) in new[] { (pair.Client, pair.ServerAddress), (pair.Server, pair.ClientAddress) })
            {
                ns.Set("net.ipv4.ip_forward", "1");
                ns.Set("net.ipv4.conf.all.send_redirects", "0");
                ns.Set($"net.ipv4.conf.{Device}.send_redirects", "0");
                ns.Set($"net.ipv4.conf.{Device}.accept_local", "1");
                ns.AddRoute(Everywhere, peer);
            }
        }
        pair.Client.Send(Elsewhere, ClosedPort, pair.Times(Packets, 18), 100);
    }

    public static void ComeForOthers(FaultPair pair)
    {
        if (pair.IsFirst)
        {
            pair.Client.AddRoute(Everywhere, pair.ServerAddress);
            // Where it would go to.
            pair.Server.AddRoute(new IPNetwork(Elsewhere, 32), pair.ClientAddress);
        }
        pair.Client.Send(Elsewhere, ClosedPort, pair.Times(Packets, 6), 100);
    }

    public static void ComeWithoutRoute(FaultPair pair)
    {
        if (pair.IsFirst)
        {
            pair.Server.Set("net.ipv4.ip_forward", "1");
            pair.Client.AddRoute(Everywhere, pair.ServerAddress);
        }
        pair.Client.Send(Elsewhere, ClosedPort, pair.Times(Packets, 6), 100);
    }

    public static void SendTooMuch(FaultPair pair)
    {
        if (pair.IsFirst)
        {
            pair.Server.Set("net.ipv4.ip_forward", "1");
            using (var itself = pair.Server.Run(static () => SafeFd.Open("/proc/thread-self/ns/net")))
                pair.Server.AddPair(Narrow, "wan1", itself, mtu: 1280);
            pair.Server.SetLink(Narrow);
            pair.Server.SetLink("wan1");
            pair.Server.AddRoute(new IPNetwork(Elsewhere, 32), Narrow, pair.ServerAddress);
            pair.Client.AddRoute(Everywhere, pair.ServerAddress);
        }
        using var socket = pair.Client.Run(static () =>
            new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        // Never to be cut, whatever routers say.
        socket.SetRawSocketOption(
            TcpUapi.IPPROTO_IP, TcpUapi.IP_MTU_DISCOVER, BitConverter.GetBytes(TcpUapi.IP_PMTUDISC_PROBE));
        for (var i = pair.Times(Packets, 6); i > 0; i--)
            socket.SendTo(new byte[1400], new IPEndPoint(Elsewhere, ClosedPort));
    }

    public static void SendHalves(FaultPair pair)
    {
        if (pair.IsFirst)
            pair.Server.Set("net.ipv4.ipfrag_time", "1");
        var count = pair.Times(30, 5);
        pair.Client.SendRaw(pair.ServerAddress, count, i =>
            RawPackets.Fragment(pair.ClientAddress, pair.ServerAddress, (pair.Round * count) + i));
    }

    public static void SendDamaged(FaultPair pair) => pair.Client.SendRaw(pair.ServerAddress, pair.Times(20, 5), i =>
        RawPackets.Datagram(pair.ClientAddress, pair.ServerAddress, 20_000 + i, damaged: true));

    public static void SendFasterThanItLeaves(FaultPair pair)
    {
        if (pair.IsFirst)
        {
            pair.Client.Limit(Device, 8000, 3000);
            pair.Server.Udp().Bind(new IPEndPoint(IPAddress.Any, ClosedPort));
        }
        pair.Client.Send(pair.ServerAddress, ClosedPort, pair.Times(Packets, 20), 500);
    }

    private static void SendFrom(FaultPair pair, IPAddress source) => pair.Client.SendRaw(
        pair.ServerAddress, pair.Times(40, 5), i => RawPackets.Datagram(source, pair.ServerAddress, 20_000 + i));
}
