using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Links;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Sources;
using Collector.Linux.Tests.Kernel.Netlink;
using Collector.Tests.Support;
using Link = Collector.Linux.Tests.Kernel.Netlink.MessageBytes;

namespace Collector.Linux.Tests.Probes;

/// <summary>
/// Devices on the real kernel against <c>ip -s -s -j link</c>, and the rule of the totals on described devices.
/// </summary>
public sealed class NetdevTests
{
    private const string Received = "system.network.io/receive";
    private const string TotalReceived = "netlens.netdev.io/receive";

    [RequiresRootFact]
    public void Every_device_has_the_figures_that_ip_shows()
    {
        using var pair = new TestNetnsPair();
        using var run = new KernelProbeRun("netdev", ("include", "all"));
        SendDatagrams(pair.Left, TestNetnsPair.RightIPv4, 20, 700);
        // Neighbour discovery may pass between the two looks: equal looks on both sides of ours prove the moment.
        KernelProbeRun.Eventually(() =>
        {
            var before = IpLink(pair.Right);
            var rows = run.Rows("netdev", pair.Right);
            var after = IpLink(pair.Right);
            if (before != after)
                return false;
            Compare(rows, after);
            return true;
        });
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootFact]
    public void W_M9_A_macvlan_over_a_device_and_a_bridge_over_ports_do_not_count_the_byte_again()
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Right;
        // In this namespace: the way out (veth0), a macvlan on it (this kernel may lack vlan, the rule is the same),
        // and a bridge with a port that leads to a namespace below.
        using var below = new TestNetns();
        ns.Run("ip", "link", "add", "link", "veth0", "name", "upper0", "type", "macvlan", "mode", "bridge");
        // Only the macvlan answers for its address, so traffic to it does pass it.
        ns.Sysctl("net.ipv4.conf.all.arp_ignore", "1");
        ns.Run("ip", "link", "add", "br0", "type", "bridge");
        ns.Run("ip", "link", "add", "port0", "type", "veth", "peer", "name", "eth0", "netns", below.Name);
        ns.Run("ip", "link", "set", "port0", "master", "br0");
        Up(ns, "upper0", "br0", "port0");
        Up(below, "eth0");
        pair.Left.Run("ip", "addr", "add", "198.51.100.1/24", "dev", "veth0");
        ns.Run("ip", "addr", "add", "198.51.100.2/24", "dev", "upper0");
        below.Run("ip", "addr", "add", "203.0.113.2/24", "dev", "eth0");
        ns.Run("ip", "addr", "add", "203.0.113.1/24", "dev", "br0");
        using var run = new KernelProbeRun("netdev", ("devices", "*"));
        SendDatagrams(pair.Left, "198.51.100.2", 50, 1000);
        SendDatagrams(below, "203.0.113.1", 50, 1000);

        KernelProbeRun.Eventually(() =>
        {
            var rows = run.Rows("netdev", ns).ToDictionary(r => r.Tags[0].Text);
            rows.Keys.ShouldBe(["lo", "veth0", "upper0", "br0", "port0"], ignoreOrder: true);
            rows["upper0"].Tags[1].Text.ShouldBe("macvlan");
            rows["br0"].Tags[1].Text.ShouldBe("bridge");
            rows["lo"].Tags[1].Text.ShouldBe("loopback");
            rows["upper0"][Received].ShouldBeGreaterThan(50_000);
            rows["port0"][Received].ShouldBeGreaterThan(50_000);
            var total = run.Row("netdev.total", ns)[TotalReceived];
            // Nothing but the veth that leads out, which carried the macvlan's packets once.
            return run.Row("netdev", ns, "veth0")[Received] == total && total is > 50_000 and < 100_000;
        });
    }

    [RequiresRootFact]
    public void A_bond_of_two_ports_is_counted_at_its_ports()
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Right;
        var made = ns.Try("ip", "link", "add", "bond0", "type", "bond", "mode", "active-backup");
        if (made.Code != 0)
        {
            // This kernel has no bonding driver, as its own answer says; the described devices below cover the rule.
            made.Error.ShouldContain("Unknown device type");
            return;
        }
        ns.Run("ip", "link", "set", "veth0", "down");
        ns.Run("ip", "link", "set", "veth0", "master", "bond0");
        Up(ns, "bond0");
        ns.Run("ip", "addr", "add", "192.0.2.2/24", "dev", "bond0");
        using var run = new KernelProbeRun("netdev", ("devices", "*"));
        SendDatagrams(pair.Left, TestNetnsPair.RightIPv4, 20, 700);
        KernelProbeRun.Eventually(
            () => run.Row("netdev.total", ns)[TotalReceived] == run.Row("netdev", ns, "veth0")[Received]);
    }

    [RequiresRootFact]
    public void A_device_made_again_under_its_name_is_a_new_row_and_the_total_does_not_fall()
    {
        using var pair = new TestNetnsPair();
        using var run = new KernelProbeRun("netdev", ("devices", "*"));
        SendDatagrams(pair.Left, TestNetnsPair.RightIPv4, 20, 700);
        var first = run.Row("netdev", pair.Right, "veth0");
        first[Received].ShouldBeGreaterThan(14_000);
        var total = run.Row("netdev.total", pair.Right)[TotalReceived];

        pair.Right.Run("ip", "link", "del", "veth0");
        var without = run.Row("netdev.total", pair.Right)[TotalReceived];
        without.ShouldBeGreaterThanOrEqualTo(total);
        run.Rows("netdev", pair.Right).Select(r => r.Tags[0].Text).ShouldBe(["lo"]);

        pair.Left.Run("ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", pair.Right.Name);
        Up(pair.Left, "veth0");
        Up(pair.Right, "veth0");
        var second = run.Row("netdev", pair.Right, "veth0");
        second.Row.ShouldNotBeSameAs(first.Row);
        second.Row.StartTime.ShouldBeGreaterThan(first.Row.StartTime);
        second[Received].ShouldBeLessThan(first[Received]);
        run.Row("netdev.total", pair.Right)[TotalReceived].ShouldBeGreaterThanOrEqualTo(without);
    }

    [RequiresRootFact]
    public void A_renamed_device_goes_on_counting_under_its_new_name()
    {
        using var pair = new TestNetnsPair();
        using var run = new KernelProbeRun("netdev", ("devices", "*"));
        SendDatagrams(pair.Left, TestNetnsPair.RightIPv4, 20, 700);
        var before = run.Row("netdev", pair.Right, "veth0");
        pair.Right.Run("ip", "link", "set", "veth0", "down");
        pair.Right.Run("ip", "link", "set", "veth0", "name", "uplink7");
        var after = run.Row("netdev", pair.Right, "uplink7");
        after[Received].ShouldBeGreaterThanOrEqualTo(before[Received]);
        after.Row.StartTime.ShouldBe(before.Row.StartTime);
        after["netlens.netdev.up"].ShouldBe(0);
        run.Rows("netdev", pair.Right).Count.ShouldBe(2);
    }

    [RequiresRootFact]
    public void Excluded_devices_have_no_row_but_are_in_the_total()
    {
        using var pair = new TestNetnsPair();
        using var run = new KernelProbeRun("netdev", ("devices", "*"), ("exclude", "veth*, nothing?"));
        SendDatagrams(pair.Left, TestNetnsPair.RightIPv4, 20, 700);
        run.Rows("netdev", pair.Right).Select(r => r.Tags[0].Text).ShouldBe(["lo"]);
        run.Row("netdev.total", pair.Right)[TotalReceived].ShouldBeGreaterThan(14_000);
        run.Row("netdev", pair.Right).Has("netlens.netdev.multicast").ShouldBeFalse();
    }

    [RequiresRootFact]
    public void Steady_state_allocates_nothing()
    {
        using var pair = new TestNetnsPair();
        KernelProbeRun.AllocatedInHundred("netdev", pair.Left, ("include", "all")).ShouldBe(0);
    }

    [Fact]
    public void W_M9_On_the_host_hardware_counts_and_the_ways_to_pods_do_not()
    {
        MessageBytes[] Devices(ulong bytes) =>
        [
            Link.Link(1, "lo", loopback: true, rxBytes: bytes),
            Link.Link(2, "eth0", master: 5, rxBytes: bytes),
            Link.Link(3, "eth1", master: 5, rxBytes: bytes),
            Link.Link(5, "bond0", "bond", master: 6, rxBytes: 2 * bytes),
            Link.Link(6, "br0", "bridge", rxBytes: 3 * bytes),
            Link.Link(7, "veth1", "veth", lower: 2, lowerElsewhere: true, master: 6, rxBytes: bytes),
            Link.Link(8, "cali1", "veth", lower: 2, lowerElsewhere: true, rxBytes: bytes),
            Link.Link(9, "eth0.7", "vlan", lower: 2, rxBytes: bytes),
            Link.Link(10, "vxlan0", "vxlan", rxBytes: bytes),
            Link.Link(11, "tap0", "tun", rxBytes: bytes),
            Link.Link(12, "mac0", "macvlan", lower: 2, rxBytes: bytes),
        ];
        Sum(isHost: true, Devices(100), Devices(1100)).ShouldBe(2200);
    }

    [Fact]
    public void W_M9_In_a_pod_every_way_out_counts_once()
    {
        MessageBytes[] Devices(ulong bytes) =>
        [
            Link.Link(1, "lo", loopback: true, rxBytes: bytes),
            Link.Link(2, "eth0", "veth", lower: 8, lowerElsewhere: true, rxBytes: bytes),
            Link.Link(3, "net1", "macvlan", lower: 2, lowerElsewhere: true, rxBytes: bytes),
            Link.Link(4, "vf0", rxBytes: bytes),
            Link.Link(5, "wg0", "wireguard", rxBytes: bytes),
            Link.Link(6, "docker0", "bridge", rxBytes: bytes),
            Link.Link(7, "vethx", "veth", lower: 2, lowerElsewhere: true, master: 6, rxBytes: bytes),
            // A pair with both ends here never leaves.
            Link.Link(8, "a", "veth", lower: 9, rxBytes: bytes),
            Link.Link(9, "b", "veth", lower: 8, rxBytes: bytes),
        ];
        Sum(isHost: false, Devices(100), Devices(1100)).ShouldBe(3300);
    }

    [Fact]
    public void A_pod_whose_only_way_out_is_a_bridge_port_counts_the_port_and_not_the_guests_tap()
    {
        MessageBytes[] Devices(ulong bytes) =>
        [
            Link.Link(2, "eth0-nic", "veth", lower: 2, lowerElsewhere: true, master: 4, rxBytes: bytes),
            Link.Link(3, "tap0", "tun", master: 4, rxBytes: bytes),
            Link.Link(4, "k6t-eth0", "bridge", rxBytes: bytes),
        ];
        Sum(isHost: false, Devices(0), Devices(70)).ShouldBe(70);
    }

    [Fact]
    public void A_total_neither_falls_nor_jumps_when_devices_change_their_role_or_are_reset()
    {
        var total = new TotalOf(isHost: false);
        total.Look(Link.Link(2, "eth0", "veth", rxBytes: 1000), Link.Link(3, "eth1", "veth", rxBytes: 500))
            .ShouldBe(1500);
        // eth1 becomes a port: its past stays, its future does not count.
        total.Look(Link.Link(2, "eth0", "veth", rxBytes: 1100), Link.Link(3, "eth1", "veth", master: 4, rxBytes: 900),
            Link.Link(4, "br0", "bridge", rxBytes: 400)).ShouldBe(1600);
        total.Look(Link.Link(2, "eth0", "veth", rxBytes: 40), Link.Link(3, "eth1", "veth", rxBytes: 950))
            .ShouldBe(1650);
        total.Look(Link.Link(3, "eth1", "veth", rxBytes: 950)).ShouldBe(1650);
        // Hardware that arrives brings a history from elsewhere; a virtual device was made here.
        total.Look(Link.Link(3, "eth1", "veth", rxBytes: 950), Link.Link(8, "vf0", rxBytes: 1 << 30),
            Link.Link(9, "eth2", "veth", rxBytes: 7)).ShouldBe(1657);
        total.Look(Link.Link(8, "vf0", rxBytes: (1 << 30) + 3)).ShouldBe(1660);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Hardware_under_hardware_counts_once(bool isHost)
    {
        // Azure's netvsc and its virtual function; net_failover and the two that it is made of. None has a kind.
        MessageBytes[] Netvsc(ulong bytes) =>
        [
            Link.Link(1, "lo", loopback: true, rxBytes: bytes),
            Link.Link(2, "eth0", rxBytes: bytes),
            Link.Link(3, "enP1s1", master: 2, rxBytes: bytes),
        ];
        MessageBytes[] Failover(ulong bytes) =>
        [
            Link.Link(2, "eth0", rxBytes: bytes),
            Link.Link(3, "eth0nsby", master: 2, rxBytes: bytes / 2),
            Link.Link(4, "ens5", master: 2, rxBytes: bytes / 2),
        ];
        Sum(isHost, Netvsc(100), Netvsc(1100)).ShouldBe(1100);
        Sum(isHost, Failover(100), Failover(1100)).ShouldBe(1100);
    }

    [Fact]
    public void A_tunnel_counts_where_nothing_carries_it()
    {
        MessageBytes Way(ulong bytes) => Link.Link(2, "eth0", "veth", lower: 8, lowerElsewhere: true, rxBytes: bytes);
        // It sends from another namespace, so nothing of what it carries passes here a second time.
        MessageBytes Moved(ulong bytes) =>
            Link.Link(3, "vx0", "vxlan", lower: 2, lowerElsewhere: true, rxBytes: bytes);
        MessageBytes Own(ulong bytes) => Link.Link(4, "wg0", "wireguard", rxBytes: bytes);
        MessageBytes Dummy(ulong bytes) => Link.Link(5, "dummy0", "dummy", rxBytes: bytes);
        Sum(false, [Moved(0)], [Moved(70)]).ShouldBe(70);
        Sum(false, [Way(0), Moved(0)], [Way(100), Moved(70)]).ShouldBe(170);
        Sum(false, [Own(0), Dummy(0)], [Own(70), Dummy(5)]).ShouldBe(70);
        Sum(false, [Way(0), Own(0)], [Way(100), Own(70)]).ShouldBe(100);
        Sum(true, [Link.Link(6, "nic0", rxBytes: 1), Moved(0)], [Link.Link(6, "nic0", rxBytes: 101), Moved(70)])
            .ShouldBe(101);
    }

    [Fact]
    public void A_port_of_an_Open_vSwitch_counts_away_from_it_and_not_beside_it()
    {
        MessageBytes Port(ulong bytes) => Link.Link(3, "int0", "openvswitch", rxBytes: bytes);
        Sum(false, [Port(0)], [Port(70)]).ShouldBe(70);
        MessageBytes[] Beside(ulong bytes) =>
        [
            Port(bytes), Link.Link(4, "ovs-system", "openvswitch"),
            Link.Link(5, "veth5", "veth", lower: 2, lowerElsewhere: true, master: 4, rxBytes: bytes),
        ];
        Sum(false, Beside(0), Beside(70)).ShouldBe(70);
    }

    [Fact]
    public void A_device_counts_from_the_figures_with_which_it_came()
    {
        var total = new TotalOf(isHost: false);
        total.Look(Link.Link(2, "eth0", "veth", rxBytes: 10)).ShouldBe(10);
        total.Hear(Rtnl.RTM_NEWLINK, Link.Link(3, "tun0", "tun", rxBytes: 5));
        total.Look(Link.Link(2, "eth0", "veth", rxBytes: 10), Link.Link(4, "vf0", rxBytes: 1 << 30)).ShouldBe(10);
        total.Hear(Rtnl.RTM_NEWLINK, Link.Link(5, "net1", "veth", rxBytes: 1000));
        // What is told of it later is not how it came.
        total.Hear(Rtnl.RTM_NEWLINK, Link.Link(5, "net1", "veth", rxBytes: 1200));
        var net1 = Link.Link(5, "net1", "veth", rxBytes: 1234);
        total.Look(Link.Link(2, "eth0", "veth", rxBytes: 10), net1).ShouldBe(244);
        // It leaves and is back before the next look, with what it did elsewhere.
        total.Hear(Rtnl.RTM_DELLINK, Link.Link(5, "net1", "veth", rxBytes: 1240));
        total.Hear(Rtnl.RTM_NEWLINK, Link.Link(5, "net1", "veth", rxBytes: 5000));
        total.Look(Link.Link(2, "eth0", "veth", rxBytes: 10), Link.Link(5, "net1", "veth", rxBytes: 5007))
            .ShouldBe(251);
    }

    private static long Sum(bool isHost, MessageBytes[] first, MessageBytes[] second)
    {
        var total = new TotalOf(isHost);
        var before = total.Look(first);
        before.ShouldBe(total.Look(first));
        total.Look(second);
        return total.Look(second);
    }

    internal static void Compare(List<ReadRow> rows, string json)
    {
        using var document = JsonDocument.Parse(json);
        var devices = document.RootElement.EnumerateArray().ToList();
        rows.Count.ShouldBe(devices.Count);
        foreach (var device in devices)
        {
            var row = rows.Single(r => r.Tags[0].Text == device.GetProperty("ifname").GetString());
            foreach (var (side, direction) in new[] { ("rx", "receive"), ("tx", "transmit") })
            {
                var expected = device.GetProperty("stats64").GetProperty(side);
                row[$"system.network.io/{direction}"].ShouldBe(expected.GetProperty("bytes").GetInt64());
                row[$"system.network.packet.count/{direction}"].ShouldBe(expected.GetProperty("packets").GetInt64());
                row[$"system.network.errors/{direction}"].ShouldBe(expected.GetProperty("errors").GetInt64());
            }
            var rx = device.GetProperty("stats64").GetProperty("rx");
            row["system.network.packet.dropped/receive"]
                .ShouldBe(rx.GetProperty("dropped").GetInt64() + rx.GetProperty("missed_errors").GetInt64());
            row["netlens.netdev.multicast"].ShouldBe(rx.GetProperty("multicast").GetInt64());
            row["netlens.netdev.rx_crc_errors"].ShouldBe(rx.GetProperty("crc_errors").GetInt64());
            row["netlens.netdev.mtu"].ShouldBe(device.GetProperty("mtu").GetInt64());
            var flags = device.GetProperty("flags").EnumerateArray().Select(f => f.GetString());
            var isUp = flags.Contains("UP") && device.GetProperty("operstate").GetString() is "UP" or "UNKNOWN";
            row["netlens.netdev.up"].ShouldBe(isUp ? 1 : 0);
        }
    }

    internal static string IpLink(TestNetns ns) => ns.Run("ip", "-s", "-s", "-j", "link");

    private static void Up(TestNetns ns, params string[] devices)
    {
        foreach (var device in devices)
            ns.Run("ip", "link", "set", device, "up");
    }

    internal static void SendDatagrams(TestNetns from, string to, int count, int size)
    {
        KernelProbeRun.WaitForCarrier(from);
        from.Inside(() =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            var target = new IPEndPoint(IPAddress.Parse(to), 9);
            for (var i = 0; i < count; i++)
            {
                try
                {
                    // A datagram waits for the neighbour's address, of which only three may wait at a time.
                    socket.SendTo(new byte[size], target);
                    Thread.Sleep(i < 4 ? 20 : 0);
                }
                catch (SocketException)
                {
                    // The answer to the one before: nobody listens at the port, which is no matter here.
                    socket.SendTo(new byte[size], target);
                }
            }
        });
    }

    /// <summary>A namespace's total over described devices.</summary>
    private sealed class TotalOf(bool isHost)
    {
        private readonly LinkTable _table = new();
        private readonly NetdevTotal _total = new(new NetNamespace(1, 1, isHost, 0));
        private readonly Dictionary<Collector.Linux.Kernel.Netlink.Link, long[]> _counted = [];
        private bool _started;

        public long Look(params MessageBytes[] devices)
        {
            MessageBytes.Fill(_table, devices);
            _total.Begin(_table);
            foreach (var link in _table.Links)
            {
                if (_counted.TryAdd(link, new long[NetdevTotal.Columns]))
                    NetdevTotal.BeginAt(link, _counted[link], wasHere: !_started);
                _total.Add(link, _counted[link]);
            }
            _started = true;
            foreach (var gone in _counted.Keys.Where(l => !_table.Links.Contains(l)).ToList())
                _counted.Remove(gone);
            return _total.Sums[0];
        }

        public void Hear(ushort type, MessageBytes device) =>
            ((INetlinkNews)_table).Hear(new NetlinkMessage(type, device.Bytes));
    }
}
