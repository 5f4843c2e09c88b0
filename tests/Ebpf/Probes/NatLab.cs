using System.Net;
using Collector.Tests.Support;

namespace Ebpf.Tests.Probes;

/// <summary>Two clients, a router that gives them its own address and ports of a range, and a server.</summary>
internal sealed class NatLab : IDisposable
{
    /// <param name="first">Of the ports.</param>
    /// <param name="count">How many; 0: it tracks connections and leaves them as they are.</param>
    public NatLab(int first, int count)
    {
        try
        {
            Router.Run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
            Join(Server, "wan0", 0);
            Join(Clients[0], "lan1", 1);
            Join(Clients[1], "lan2", 2);
            var rule = count == 0
                ? "ct state established counter"
                : $"oifname wan0 meta l4proto tcp masquerade to :{first}-{first + count - 1}";
            Router.Run("nft", "add table inet t; add chain inet t out { type nat hook postrouting priority 100; }; "
                + $"add rule inet t out {rule}");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public TestNetns Router { get; } = new();

    public TestNetns Server { get; } = new();

    public TestNetns[] Clients { get; } = [new(), new()];

    public static IPAddress ServerAddress(bool ipv6) => Address(ipv6, 0, 2);

    /// <summary>The one that connections are given.</summary>
    public static IPAddress RouterAddress(bool ipv6) => Address(ipv6, 0, 1);

    public static IPAddress ClientAddress(int client, bool ipv6) => Address(ipv6, client + 1, 2);

    private static IPAddress Address(bool ipv6, int network, int host) =>
        IPAddress.Parse(ipv6 ? $"2001:db8:{network}::{host}" : $"10.20.{network}.{host}");

    /// <summary>Entries that conntrack(8) shows of translated connections.</summary>
    public int Tracked(bool ipv6) =>
        Router.Run("conntrack", "-L", "-f", ipv6 ? "ipv6" : "ipv4", "-p", "tcp", "--src-nat")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;

    private void Join(TestNetns other, string device, int network)
    {
        Router.Ip(
            $"link add {device} type veth peer name eth0 netns {other.Name}",
            $"addr add 10.20.{network}.1/24 dev {device}", $"addr add 2001:db8:{network}::1/64 dev {device} nodad",
            $"link set {device} up");
        other.Ip(
            $"addr add 10.20.{network}.2/24 dev eth0", $"addr add 2001:db8:{network}::2/64 dev eth0 nodad",
            "link set eth0 up", $"route add default via 10.20.{network}.1",
            $"route add 2001:db8::/32 via 2001:db8:{network}::1");
    }

    public void Dispose()
    {
        Server.Dispose();
        foreach (var client in Clients)
            client.Dispose();
        Router.Dispose();
    }
}
