using Collector.Linux.Sources;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>
/// Devices and qdiscs that change on the real kernel between collections that ask for no more than counters.
/// </summary>
public sealed class LinkNewsTests
{
    [RequiresRootFact]
    public void Counters_alone_are_asked_for_while_nothing_changes_and_are_those_that_ip_shows()
    {
        using var pair = new TestNetnsPair();
        using var run = new KernelProbeRun("netdev", ("include", "all"));
        KernelProbeRun.WaitForCarrier(pair.Right);
        run.Collect();
        KernelProbeRun.Eventually(() =>
        {
            var version = Table(run, pair.Right).Version;
            NetdevTests.SendDatagrams(pair.Left, TestNetnsPair.RightIPv4, 20, 700);
            var before = NetdevTests.IpLink(pair.Right);
            var rows = run.Rows("netdev", pair.Right);
            var after = NetdevTests.IpLink(pair.Right);
            if (before != after)
                return false;
            NetdevTests.Compare(rows, after);
            rows.Max(r => r["system.network.packet.count/receive"]).ShouldBeGreaterThan(20);
            return version == Table(run, pair.Right).Version;
        });
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootFact]
    public void A_device_made_anew_with_its_index_and_name_is_a_new_row_at_once()
    {
        using var ns = new TestNetns();
        string[] made = ["ip", "link", "add", "index", "77", "name", "a0", "type", "veth", "peer", "name", "a1"];
        ns.Run(made);
        using var run = Settled(ns, "a0", "a1", "lo");
        var first = run.Row("netdev", ns, "a0");
        ns.Run("ip", "link", "del", "a0");
        ns.Run(made);
        var second = run.Row("netdev", ns, "a0");
        second.Row.ShouldNotBeSameAs(first.Row);
        second.Row.StartTime.ShouldBeGreaterThan(first.Row.StartTime);
        run.Row("netdev", ns, "a0").Row.ShouldBeSameAs(second.Row);
    }

    [RequiresRootFact]
    public void What_is_told_beyond_the_sockets_room_is_asked_for()
    {
        using var ns = new TestNetns();
        ns.Run("ip", "link", "add", "a0", "type", "veth", "peer", "name", "a1");
        using var run = Settled(ns, "a0", "a1", "lo");
        // Many times what a socket holds by default; what matters comes last.
        ns.Ip(
        [
            .. Enumerable.Range(1000, 1500).Select(mtu => $"link set a0 mtu {mtu}"),
            "link set a0 name b0", "link set b0 mtu 1234",
        ]);
        run.Rows("netdev", ns).Select(r => r.Tags[0].Text).Order().ShouldBe(["a1", "b0", "lo"]);
        run.Row("netdev", ns, "b0")["netlens.netdev.mtu"].ShouldBe(1234);
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootFact]
    public void A_veth_whose_other_end_leaves_counts_from_then_on()
    {
        using var ns = new TestNetns();
        using var to = new TestNetns();
        ns.Run("ip", "link", "add", "a0", "type", "veth", "peer", "name", "a1");
        using var run = Settled(ns, "a0", "a1", "lo");
        ns.Run("ip", "link", "set", "a1", "netns", to.Name);
        run.Collect();
        ns.Run("ip", "addr", "add", $"{TestNetnsPair.LeftIPv4}/24", "dev", "a0");
        ns.Run("ip", "link", "set", "a0", "up");
        to.Run("ip", "link", "set", "a1", "up");
        NetdevTests.SendDatagrams(ns, TestNetnsPair.RightIPv4, 5, 1000);
        KernelProbeRun.Eventually(() => run.Row("netdev.total", ns)["netlens.netdev.io/transmit"] is > 0 and var sent
            && sent == run.Row("netdev", ns, "a0")["system.network.io/transmit"]);
    }

    [RequiresRootFact("tc")]
    public void A_qdisc_has_a_row_as_soon_as_it_is_there_and_none_when_it_is_gone()
    {
        using var ns = new TestNetns();
        ns.Run("ip", "link", "add", "a0", "type", "veth", "peer", "name", "a1");
        ns.Run("ip", "link", "set", "a0", "up");
        using var run = new KernelProbeRun("qdisc");
        for (var i = 0; i < 3; i++)
            run.Rows("qdisc", ns).ShouldBeEmpty();
        ns.Run("tc", "qdisc", "add", "dev", "a0", "root", "pfifo");
        run.Rows("qdisc", ns).Single().Tags[1].Text.ShouldBe("pfifo");
        ns.Run("tc", "qdisc", "del", "dev", "a0", "root");
        run.Rows("qdisc", ns).ShouldBeEmpty();
        // Nobody is told of the first qdisc of a device: it comes with its coming up.
        ns.Run("ip", "tuntap", "add", "dev", "tun0", "mode", "tun");
        run.Rows("qdisc", ns).ShouldBeEmpty();
        ns.Run("ip", "link", "set", "tun0", "up");
        run.Rows("qdisc", ns).Single().Tags[0].Text.ShouldBe("tun0");
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootFact]
    public void Of_three_namespaces_the_others_keep_their_figures_when_the_one_between_goes()
    {
        using var first = new TestNetns();
        using var second = new TestNetns();
        using var third = new TestNetns();
        TestNetns[] all = [first, second, third];
        for (var i = 0; i < all.Length; i++)
            all[i].Ip($"link add d{i} mtu {1300 + i} type veth peer name e{i}");
        using var run = new KernelProbeRun("netdev", ("include", "all"));
        var rows = all.Select((ns, i) => run.Row("netdev", ns, $"d{i}").Row).ToArray();
        for (var i = 0; i < all.Length; i++)
            run.Row("netdev", all[i], $"d{i}").Row.ShouldBeSameAs(rows[i]);
        second.Dispose();
        KernelProbeRun.Eventually(() => run.Rows("netdev", second.Inode).Count == 0);
        using var fourth = new TestNetns();
        fourth.Ip("link add d3 mtu 1303 type veth peer name e3");
        for (var i = 0; i < 3; i++)
        {
            var (one, other) = (run.Row("netdev", first, "d0"), run.Row("netdev", third, "d2"));
            one.Row.ShouldBeSameAs(rows[0]);
            other.Row.ShouldBeSameAs(rows[2]);
            (one["netlens.netdev.mtu"], other["netlens.netdev.mtu"]).ShouldBe((1300, 1302));
            run.Row("netdev", fourth, "d3")["netlens.netdev.mtu"].ShouldBe(1303);
        }
        run.Failures.ShouldBeEmpty();
    }

    private static LinkTable Table(KernelProbeRun run, TestNetns ns) =>
        run.Host.Namespaces.All.Single(h => h.Namespace.Inode == ns.Inode).Source<LinkTable>();

    // Devices are asked for all at the first look, and perhaps at a second; the third asks for counters.
    private static KernelProbeRun Settled(TestNetns ns, params string[] devices)
    {
        var run = new KernelProbeRun("netdev", ("include", "all"));
        for (var i = 0; i < 3; i++)
            run.Rows("netdev", ns).Select(r => r.Tags[0].Text).Order().ShouldBe(devices);
        return run;
    }
}
