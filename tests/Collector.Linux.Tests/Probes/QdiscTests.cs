using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Collector.Core.Subjects;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Probes;
using Collector.Linux.Probes.Links;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Tests.Kernel.Netlink;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>Queueing disciplines on the real kernel against <c>tc -s -j qdisc</c>.</summary>
public sealed class QdiscTests
{
    private const string Dropped = "netlens.qdisc.packet.dropped";

    [RequiresRootFact("tc")]
    public void W_M6_W_M7_Drops_of_a_full_tbf_are_those_that_tc_shows_under_the_devices_own_name()
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Left;
        // An index that is another device's, or none, in the host's namespace; and no "eth" in the name.
        ns.Run("ip", "link", "set", "veth0", "down");
        ns.Run("ip", "link", "set", "veth0", "name", "wan7");
        ns.Run("ip", "link", "set", "wan7", "up");
        ns.Run("tc", "qdisc", "add", "dev", "wan7", "root", "tbf", "rate", "8kbit", "burst", "1540", "limit", "3000");
        using var run = new KernelProbeRun("qdisc");
        Flood(ns, 50);

        KernelProbeRun.Eventually(() =>
        {
            var before = Tc(ns, "wan7", "tbf");
            var row = run.Row("qdisc", ns, "wan7");
            var after = Tc(ns, "wan7", "tbf");
            if (before.GetRawText() != after.GetRawText())
                return false;
            row.Tags[1].Text.ShouldBe("tbf");
            row.Tags[2].Text.ShouldBe("root");
            row["netlens.qdisc.io"].ShouldBe(after.GetProperty("bytes").GetInt64());
            row["netlens.qdisc.packet.count"].ShouldBe(after.GetProperty("packets").GetInt64());
            row[Dropped].ShouldBe(after.GetProperty("drops").GetInt64());
            row["netlens.qdisc.overlimits"].ShouldBe(after.GetProperty("overlimits").GetInt64());
            row["netlens.qdisc.requeues"].ShouldBe(after.GetProperty("requeues").GetInt64());
            row["netlens.qdisc.queue.usage"].ShouldBe(after.GetProperty("backlog").GetInt64());
            row["netlens.qdisc.queue.length"].ShouldBe(after.GetProperty("qlen").GetInt64());
            row[Dropped].ShouldBeGreaterThan(0);
            return true;
        });
        run.Row("qdisc.total", ns)["kubeskoop_qdisc_drops"].ShouldBeGreaterThan(0);
        run.Failures.ShouldBeEmpty();
    }

    [RequiresRootTheory("tc")]
    [InlineData("root", "htb root")]
    [InlineData("leaves", "pfifo 1:10", "pfifo 1:20")]
    [InlineData("all", "clsact ingress", "htb root", "pfifo 1:10", "pfifo 1:20")]
    public void W_M6_Root_and_leaves_are_chosen_and_the_total_has_the_roots_only(
        string select, params string[] expected)
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Left;
        ns.Run("tc", "qdisc", "add", "dev", "veth0", "root", "handle", "1:", "htb", "default", "10");
        foreach (var id in new[] { "10", "20" })
        {
            ns.Run("tc", "class", "add", "dev", "veth0", "parent", "1:", "classid", $"1:{id}", "htb", "rate", "10mbit");
            ns.Run(
                "tc", "qdisc", "add", "dev", "veth0", "parent", $"1:{id}", "handle", $"{id}:", "pfifo", "limit", "100");
        }
        ns.Run("tc", "qdisc", "add", "dev", "veth0", "clsact");
        using var run = new KernelProbeRun("qdisc", ("select", select));
        Flood(ns, 5);
        KernelProbeRun.Eventually(() =>
        {
            var rows = run.Rows("qdisc", ns).Where(r => r.Tags[0].Text == "veth0").ToList();
            rows.Select(r => $"{r.Tags[1].Text} {r.Tags[2].Text}").Order().ShouldBe(expected);
            var root = Tc(ns, "veth0", "htb").GetProperty("packets").GetInt64();
            var total = run.Row("qdisc.total", ns)["kubeskoop_qdisc_packets"];
            return total == root && root >= 5;
        });
    }

    [RequiresRootFact("tc")]
    public void A_replaced_qdisc_is_a_new_row_and_the_total_does_not_fall()
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Left;
        string[] tbf =
            ["dev", "veth0", "root", "handle", "5:", "tbf", "rate", "8kbit", "burst", "1540", "limit", "3000"];
        ns.Run(["tc", "qdisc", "add", .. tbf]);
        using var run = new KernelProbeRun("qdisc");
        Flood(ns, 50);
        var first = run.Row("qdisc", ns, "veth0");
        first[Dropped].ShouldBeGreaterThan(10);
        var total = run.Row("qdisc.total", ns)["kubeskoop_qdisc_drops"];
        ns.Run("tc", "qdisc", "del", "dev", "veth0", "root");
        ns.Run(["tc", "qdisc", "add", .. tbf]);
        var second = run.Row("qdisc", ns, "veth0");
        second.Row.ShouldNotBeSameAs(first.Row);
        second.Row.StartTime.ShouldBeGreaterThan(first.Row.StartTime);
        second[Dropped].ShouldBeLessThan(first[Dropped]);
        run.Row("qdisc.total", ns)["kubeskoop_qdisc_drops"].ShouldBeGreaterThanOrEqualTo(total);
    }

    [RequiresRootFact("tc")]
    public void A_device_without_a_queue_counts_nothing_and_has_no_row()
    {
        using var pair = new TestNetnsPair();
        var ns = pair.Right;
        ns.Run("tc", "qdisc", "add", "dev", "veth0", "root", "pfifo");
        using var run = new KernelProbeRun("qdisc");
        var kinds = run.Rows("qdisc", ns).Select(r => $"{r.Tags[0].Text} {r.Tags[1].Text}").ToList();
        var shown = JsonDocument.Parse(ns.Run("tc", "-s", "-j", "qdisc")).RootElement.EnumerateArray()
            .Where(q => q.TryGetProperty("root", out _))
            .Select(q => $"{q.GetProperty("dev").GetString()} {q.GetProperty("kind").GetString()}");
        kinds.ShouldBe(["veth0 pfifo"]);
        shown.ShouldBe(["veth0 pfifo", "lo noqueue"], ignoreOrder: true);
    }

    [RequiresRootFact]
    public void Steady_state_allocates_nothing()
    {
        using var pair = new TestNetnsPair();
        KernelProbeRun.AllocatedInHundred("qdisc", pair.Left, ("select", "all")).ShouldBe(0);
    }

    [Fact]
    public void Counters_of_32_bits_go_on_after_a_wrap_and_start_again_after_a_reset()
    {
        var state = new QdiscState(new QdiscKey(2, Rtnl.TC_H_ROOT, 0x50000));
        var sums = new long[4];
        Look(state, 100, drops: uint.MaxValue - 5, sums);
        Look(state, 200, drops: 4, sums);
        sums[2].ShouldBe(uint.MaxValue + 5L);
        Look(state, 300, drops: 1, sums); // 4 to 1 is no wrap: another qdisc under the same handle.
        sums[2].ShouldBe(uint.MaxValue + 6L);
        Look(state, 50, drops: 2, sums);
        sums[0].ShouldBe(200 + 300 + 50);
        sums[2].ShouldBe(uint.MaxValue + 8L);
    }

    [Theory]
    [InlineData(Rtnl.TC_H_ROOT, "root")]
    [InlineData(Rtnl.TC_H_INGRESS, "ingress")]
    [InlineData(0x0001_0010u, "1:10")]
    [InlineData(0xffff_fff2u - 0xf, "ffff:ffe3")]
    [InlineData(3u, ":3")]
    public void Parents_are_written_as_tc_does(uint parent, string text) => Qdisc.ParentText(parent).ShouldBe(text);

    private static void Look(QdiscState state, ulong bytes, uint drops, long[] sums)
    {
        var nested = new MessageBytes().Attribute(Rtnl.TCA_STATS_BASIC, new gnet_stats_basic { bytes = bytes })
            .Attribute(Rtnl.TCA_STATS_QUEUE, new gnet_stats_queue { drops = drops });
        var message = new MessageBytes().Struct(new tcmsg { tcm_ifindex = 2, tcm_parent = Rtnl.TC_H_ROOT })
            .Text(Rtnl.TCA_KIND, "tbf").Nested(Rtnl.TCA_STATS2, nested);
        QdiscMessage.TryParse(new NetlinkMessage(Rtnl.RTM_NEWQDISC, message.Bytes), out var parsed).ShouldBeTrue();
        state.Stage(ref parsed);
        state.Commit(1);
        state.AddGrowth(sums);
    }

    private static JsonElement Tc(TestNetns ns, string device, string kind) =>
        JsonDocument.Parse(ns.Run("tc", "-s", "-j", "qdisc", "show", "dev", device)).RootElement.EnumerateArray()
            .Single(q => q.GetProperty("kind").GetString() == kind);

    private static void Flood(TestNetns from, int count)
    {
        KernelProbeRun.WaitForCarrier(from);
        from.Inside(() =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            // To everybody on the link: no neighbour needs to be found first.
            socket.EnableBroadcast = true;
            for (var i = 0; i < count; i++)
                socket.SendTo(new byte[900], new IPEndPoint(IPAddress.Parse("192.0.2.255"), 9));
        });
    }
}
