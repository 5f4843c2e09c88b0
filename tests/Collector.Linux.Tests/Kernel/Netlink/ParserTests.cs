using System.Buffers.Binary;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using FsCheck;
using FsCheck.Fluent;

namespace Collector.Linux.Tests.Kernel.Netlink;

/// <summary>The parsers on bytes: what a kernel writes, what older kernels write, and anything at all.</summary>
public sealed class ParserTests
{
    private static readonly gnet_stats_queue Queue =
        new() { qlen = 3, backlog = 4500, drops = 7, requeues = 2, overlimits = 9 };

    [Fact]
    public void Link_is_read_with_kind_lower_and_statistics()
    {
        var bytes = MessageBytes.Link(7, "eth0.5", "vlan", lower: 2, master: 9, rxBytes: 123).Bytes;
        LinkMessage.TryParse(new NetlinkMessage(Rtnl.RTM_NEWLINK, bytes), out var link).ShouldBeTrue();
        link.Index.ShouldBe(7);
        System.Text.Encoding.ASCII.GetString(link.Name).ShouldBe("eth0.5");
        System.Text.Encoding.ASCII.GetString(link.Kind).ShouldBe("vlan");
        link.LowerIndex.ShouldBe(2);
        link.Master.ShouldBe(9);
        link.Statistics[2].ShouldBe(123ul);
    }

    [Fact]
    public void Link_statistics_of_an_older_kernel_are_shorter_and_no_field_is_invented()
    {
        var bytes = new MessageBytes().Struct(new ifinfomsg { ifi_index = 1 }).Text(Rtnl.IFLA_IFNAME, "a")
            .Attribute(Rtnl.IFLA_STATS64, new byte[23 * 8]); // Linux 4.5: before rx_nohandler
        var table = MessageBytes.Table(bytes);
        table.Find(1)!.Statistics.Length.ShouldBe(23);
    }

    [Fact]
    public void W_M7_Nested_queue_statistics_are_found_under_their_own_numbers()
    {
        var nested = new MessageBytes()
            .Attribute(Rtnl.TCA_STATS_BASIC, new gnet_stats_basic { bytes = 1ul << 40, packets = 11 })
            .Attribute(Rtnl.TCA_STATS_QUEUE, Queue);
        // The outer attribute 3 is TCA_STATS: its figures must not be taken when the better ones are there.
        var qdisc = Parse(
            Qdisc().Nested(Rtnl.TCA_STATS2, nested).Attribute(Rtnl.TCA_STATS, new tc_stats { drops = 99 }));
        qdisc.Bytes.ShouldBe(1ul << 40);
        qdisc.Packets.ShouldBe(11ul);
        qdisc.Queue.drops.ShouldBe(7u);
        qdisc.Queue.requeues.ShouldBe(2u);
        qdisc.HasRequeues.ShouldBeTrue();
        qdisc.WidePackets.ShouldBeFalse();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Qdisc_packets_beyond_32_bits_come_from_the_wide_attribute(bool wideFirst)
    {
        var basic = new gnet_stats_basic { bytes = 1, packets = 5 };
        var nested = new MessageBytes();
        if (wideFirst)
            nested.Attribute(Rtnl.TCA_STATS_PKT64, (1ul << 32) + 5);
        nested.Attribute(Rtnl.TCA_STATS_BASIC, basic);
        if (!wideFirst)
            nested.Attribute(Rtnl.TCA_STATS_PKT64, (1ul << 32) + 5);
        nested.Attribute(Rtnl.TCA_STATS_QUEUE, Queue);
        var qdisc = Parse(Qdisc().Nested(Rtnl.TCA_STATS2, nested));
        qdisc.Packets.ShouldBe((1ul << 32) + 5);
        qdisc.WidePackets.ShouldBeTrue();
    }

    [Fact]
    public void Qdisc_without_TCA_STATS2_is_read_from_the_legacy_attribute_without_requeues()
    {
        var stats = new tc_stats { bytes = 10, packets = 2, drops = 3, overlimits = 4, qlen = 5, backlog = 6 };
        var qdisc = Parse(Qdisc().Attribute(Rtnl.TCA_STATS, stats));
        (qdisc.Bytes, qdisc.Packets, qdisc.Queue.drops, qdisc.Queue.overlimits, qdisc.Queue.qlen, qdisc.Queue.backlog)
            .ShouldBe((10ul, 2ul, 3u, 4u, 5u, 6u));
        qdisc.HasRequeues.ShouldBeFalse();
    }

    [Fact]
    public void Qdisc_without_statistics_has_none_rather_than_zeros()
    {
        Parse(Qdisc()).HasStatistics.ShouldBeFalse();
    }

    [Fact]
    public void Socket_addresses_of_both_families_and_drops_are_read()
    {
        var message = new inet_diag_msg { idiag_family = 2, idiag_state = 10, idiag_rqueue = 4, idiag_wqueue = 128 };
        unsafe
        {
            message.id.idiag_sport = BinaryPrimitives.ReverseEndianness((ushort)8080);
            message.id.idiag_src[0] = BinaryPrimitives.ReverseEndianness(0x7f000001u);
            message.id.idiag_cookie[0] = 1;
            message.id.idiag_cookie[1] = 2;
        }
        var memory = new byte[36];
        memory[32] = 6;
        var bytes = new MessageBytes().Struct(message).Attribute(SockDiag.INET_DIAG_SKMEMINFO, memory).Bytes;
        SocketMessage.TryParse(new NetlinkMessage(20, bytes), out var socket).ShouldBeTrue();
        socket.LocalAddress.ShouldBe(SocketMessage.Mapped(0x7f000001));
        socket.LocalPort.ShouldBe((ushort)8080);
        socket.Cookie.ShouldBe(2ul << 32 | 1);
        socket.Drops.ShouldBe(6);
    }

    [Fact]
    public void Socket_memory_of_an_older_kernel_has_no_drops()
    {
        var bytes = new MessageBytes().Struct(new inet_diag_msg { idiag_family = 10, idiag_state = 10 })
            .Attribute(SockDiag.INET_DIAG_SKMEMINFO, new byte[32]).Bytes;
        SocketMessage.TryParse(new NetlinkMessage(20, bytes), out var socket).ShouldBeTrue();
        socket.Drops.ShouldBe(-1);
    }

    [Fact]
    public void W_M16_Conntrack_attribute_that_was_not_sent_is_absent()
    {
        var bytes = new MessageBytes().Struct(new nfgenmsg { res_id = BinaryPrimitives.ReverseEndianness((ushort)3) })
            .BigEndian(Ctnetlink.CTA_STATS_FOUND, 5).BigEndian(200, 1).Bytes;
        var values = new long[ConntrackMessage.AttributeCount];
        ConntrackMessage.TryParse(
            new NetlinkMessage(ConntrackMessage.PerCpu, bytes), ConntrackMessage.PerCpu, values, out var cpu)
            .ShouldBeTrue();
        cpu.ShouldBe(3);
        values[Ctnetlink.CTA_STATS_FOUND].ShouldBe(5);
        values[Ctnetlink.CTA_STATS_IGNORE].ShouldBe(-1);
    }

    [Fact]
    public void Every_cut_of_a_message_is_refused_or_read_without_a_crash()
    {
        var nested = new MessageBytes().Attribute(Rtnl.TCA_STATS_BASIC, new gnet_stats_basic())
            .Attribute(Rtnl.TCA_STATS_QUEUE, Queue);
        var qdisc = Qdisc().Nested(Rtnl.TCA_STATS2, nested).Bytes;
        for (var length = 0; length < qdisc.Length; length++)
        {
            var good = QdiscMessage.TryParse(
                new NetlinkMessage(Rtnl.RTM_NEWQDISC, qdisc.AsSpan(0, length)), out var parsed);
            (good && parsed.HasStatistics).ShouldBeFalse($"cut at {length}");
        }
    }

    [Fact]
    public void Any_bytes_are_survived_by_every_parser()
    {
        var config = Config.QuickThrowOnFailure.WithMaxTest(2000).WithEndSize(400);
        Check.One(config, Prop.ForAll((byte[] bytes) => ParseAll(bytes)));
    }

    [Fact]
    public void Any_change_to_a_good_message_is_survived_by_every_parser()
    {
        var nested = new MessageBytes().Attribute(Rtnl.TCA_STATS_BASIC, new gnet_stats_basic())
            .Attribute(Rtnl.TCA_STATS_QUEUE, Queue);
        byte[][] good =
        [
            MessageBytes.Link(7, "eth0", "vlan", 2, 3).Bytes,
            Qdisc().Nested(Rtnl.TCA_STATS2, nested).Bytes,
            new MessageBytes().Struct(new inet_diag_msg()).Attribute(SockDiag.INET_DIAG_SKMEMINFO, new byte[36]).Bytes,
            new MessageBytes().Struct(new nfgenmsg()).BigEndian(2, 5).Bytes,
        ];
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll((int which, int at, byte value) =>
        {
            var bytes = (byte[])good[(uint)which % 4].Clone();
            bytes[(uint)at % bytes.Length] = value;
            return ParseAll(bytes);
        }));
    }

    // The bytes end an array of their own, so a read beyond them throws.
    private static bool ParseAll(byte[] bytes)
    {
        var good = 0;
        good += LinkMessage.TryParse(new NetlinkMessage(Rtnl.RTM_NEWLINK, bytes), out var link) ? 1 : 0;
        good += QdiscMessage.TryParse(new NetlinkMessage(Rtnl.RTM_NEWQDISC, bytes), out var qdisc) ? 1 : 0;
        good += SocketMessage.TryParse(new NetlinkMessage(20, bytes), out _) ? 1 : 0;
        Span<long> values = stackalloc long[ConntrackMessage.AttributeCount];
        var conntrack = new NetlinkMessage(ConntrackMessage.PerCpu, bytes);
        good += ConntrackMessage.TryParse(conntrack, ConntrackMessage.PerCpu, values, out _) ? 1 : 0;
        return good <= 4 && link.Name.Length <= bytes.Length && qdisc.Kind.Length <= bytes.Length
            && link.Statistics.Length * 8 <= bytes.Length;
    }

    private static MessageBytes Qdisc() =>
        new MessageBytes().Struct(new tcmsg { tcm_ifindex = 2, tcm_parent = Rtnl.TC_H_ROOT })
            .Text(Rtnl.TCA_KIND, "tbf");

    private static QdiscMessage Parse(MessageBytes bytes)
    {
        QdiscMessage.TryParse(new NetlinkMessage(Rtnl.RTM_NEWQDISC, bytes.Bytes), out var qdisc).ShouldBeTrue();
        return qdisc;
    }
}
