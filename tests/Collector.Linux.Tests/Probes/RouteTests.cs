using System.Text.Json;
using Collector.Linux.Kernel;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>What a router between two namespaces refuses; nstat tells the same.</summary>
public sealed class RouteTests
{
    private const string Refused = "netlens.route.refused";

    [RequiresRootFact("ping", "nstat")]
    public void A_router_refuses_and_tells_why()
    {
        using var left = new TestNetns();
        using var router = new TestNetns();
        using var right = new TestNetns();
        left.Ip($"link add eth type veth peer name left netns {router.Name}",
            "addr add 192.0.2.1/24 dev eth", "addr add 2001:db8:1::1/64 dev eth nodad", "link set eth up");
        right.Ip($"link add eth type veth peer name right netns {router.Name}",
            "addr add 198.51.100.2/24 dev eth", "addr add 2001:db8:2::2/64 dev eth nodad", "link set eth up");
        router.Ip("addr add 192.0.2.254/24 dev left", "addr add 2001:db8:1::fe/64 dev left nodad", "link set left up",
            "addr add 198.51.100.254/24 dev right", "addr add 2001:db8:2::fe/64 dev right nodad",
            "link set right mtu 1300 up");
        left.Ip("route add default via 192.0.2.254", "route add default via 2001:db8:1::fe", "addr add 203.0.113.9/32 dev lo");
        right.Ip("route add default via 198.51.100.254", "route add default via 2001:db8:2::fe");
        router.Sysctl("net.ipv4.ip_forward", "1");
        router.Sysctl("net.ipv6.conf.all.forwarding", "1");
        router.Sysctl("net.ipv4.conf.left.rp_filter", "1");
        router.Sysctl("net.ipv4.icmp_ratelimit", "0");
        router.Sysctl("net.ipv6.icmp.ratelimit", "0");
        using var run = new FileProbeRun("route", new KernelPaths());
        left.Run("ping", "-c1", "-W5", "198.51.100.2");
        left.Run("ping", "-c1", "-W5", "2001:db8:2::2");
        // Nothing was refused yet.
        foreach (var reason in new[] { "rp_filter", "ttl", "in_no_route", "address" })
            run.Collect().ValueIn(router.Inode, Refused, $"netlens.route.reason={reason}", "network.type=ipv4").ShouldBeNull();
        run.ValueIn(router.Inode, "netlens.route.fragment_failures", "network.type=ipv4").ShouldBeNull();

        left.Try("ping", "-c1", "-W1", "-t1", "198.51.100.2").Code.ShouldNotBe(0);
        left.Try("ping", "-c1", "-W1", "-t1", "2001:db8:2::2").Code.ShouldNotBe(0);
        left.Try("ping", "-c1", "-W1", "-I", "203.0.113.9", "198.51.100.2").Code.ShouldNotBe(0);
        left.Try("ping", "-c1", "-W1", "10.9.9.9").Code.ShouldNotBe(0);
        left.Try("ping", "-c1", "-W1", "-M", "do", "-s", "1400", "198.51.100.2").Code.ShouldNotBe(0);
        left.Try("ping", "-c1", "-W1", "-M", "do", "-s", "1400", "2001:db8:2::2").Code.ShouldNotBe(0);

        run.Collect();
        Of(run, router, "rp_filter", "ipv4", "TcpExtIPReversePathFilter");
        Of(run, router, "ttl", "ipv4", "IcmpOutTimeExcds");
        Of(run, router, "ttl", "ipv6", "Icmp6OutTimeExcds");
        Of(run, router, "in_no_route", "ipv4", "IpExtInNoRoutes");
        Same(run.ValueIn(router.Inode, "netlens.route.fragment_failures", "network.type=ipv4"), router, "IpFragFails");
        Same(run.ValueIn(router.Inode, "netlens.route.packet_too_big", "network.io.direction=transmit", "network.type=ipv6"),
            router, "Icmp6OutPktTooBigs");
        Same(run.ValueIn(left.Inode, "netlens.route.packet_too_big", "network.io.direction=receive", "network.type=ipv6"),
            left, "Icmp6InPktTooBigs");
        run.ValueIn(right.Inode, Refused, "netlens.route.reason=ttl", "network.type=ipv4").ShouldBeNull();
    }

    private static void Of(FileProbeRun run, TestNetns ns, string reason, string type, string counter) => Same(
        run.ValueIn(ns.Inode, Refused, $"netlens.route.reason={reason}", $"network.type={type}"), ns, counter);

    private static void Same(double? value, TestNetns ns, string counter)
    {
        using var json = JsonDocument.Parse(ns.Run("nstat", "-a", "-z", "-s", "-j"));
        value.ShouldNotBeNull(counter).ShouldBeGreaterThan(0, counter);
        value.ShouldBe(json.RootElement.GetProperty("kernel").GetProperty(counter).GetInt64(), counter);
    }
}
