using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Collector.Core.Metrics;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Probes.Ports;
using Collector.Linux.Sources;
using Collector.Linux.Tests.Kernel.Netlink;
using Collector.Tests.Support;

namespace Collector.Linux.Tests.Probes;

/// <summary>Lists of ports, entries of connection tracking, and how full the fullest group of ports is.</summary>
public sealed class PortParsingTests
{
    private static readonly PortGroup Group = new(6, 1, 2, 80);

    [Theory]
    [InlineData("", 0)]
    [InlineData("8080", 1)]
    [InlineData("8080,9148-9150", 4)]
    [InlineData("0-65535", 65_536)]
    public void A_list_of_ports_is_read(string list, int count)
    {
        var ports = new PortSet();
        ports.TryParse(Encoding.ASCII.GetBytes(list)).ShouldBeTrue();
        ports.Count.ShouldBe(count);
        ports.Has(8080).ShouldBe(list.Contains("8080") || count > 4);
        ports.Has(9151).ShouldBe(count > 4);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("65536")]
    [InlineData("-1")]
    [InlineData("1-")]
    [InlineData("1-70000")]
    [InlineData("1;2")]
    [InlineData(",")]
    public void What_is_none_is_refused(string list) =>
        new PortSet().TryParse(Encoding.ASCII.GetBytes(list)).ShouldBeFalse();

    [Fact]
    public void A_translated_connection_is_read_and_every_cut_of_it_is_refused_or_read()
    {
        var bytes = Entry().Bytes;
        ConntrackEntry.TryParse(new NetlinkMessage(ConntrackEntry.Type, bytes), out var entry).ShouldBeTrue();
        entry.IsTranslated.ShouldBeTrue();
        entry.Original.Source.ShouldBe(SocketMessage.Mapped(0x0a000001));
        entry.Reply.Destination.ShouldBe(SocketMessage.Mapped(0x0a000009));
        (entry.Reply.SourcePort, entry.Reply.DestinationPort, entry.Reply.Protocol)
            .ShouldBe(((ushort)80, (ushort)40_000, (byte)6));
        entry.TcpState.ShouldBe(Ctnetlink.TCP_CONNTRACK_TIME_WAIT);
        for (var length = 0; length < bytes.Length; length++)
            _ = ConntrackEntry.TryParse(new NetlinkMessage(ConntrackEntry.Type, bytes.AsSpan(0, length)), out _);
        ConntrackEntry.TryParse(new NetlinkMessage(ConntrackMessage.Global, bytes), out _).ShouldBeFalse();
    }

    [Fact]
    public void The_fullest_groups_come_first_and_who_has_most_of_one_is_known()
    {
        var groups = new PortGroups();
        for (ushort port = 1; port <= 5; port++)
        {
            for (var i = 0; i < port; i++)
                groups.Add(Group with { Port = port }, isOver: i == 0, (ulong)i, user: i < 3 ? 7u : 8u);
        }
        var fullest = new (PortGroup Group, PortUse Use)[3];
        groups.Fullest(fullest).ShouldBe(3);
        fullest.Select(f => (int)f.Group.Port).ShouldBe([5, 4, 3]);
        fullest[0].Use.ShouldSatisfyAllConditions(
            use => use.Used.ShouldBe(5), use => use.TimeWait.ShouldBe(1), use => use.User.ShouldBe((UInt128)7),
            use => use.Votes.ShouldBe(1));
        groups.Clear();
        groups.Fullest(fullest).ShouldBe(0);
    }

    [Fact]
    public void Time_until_full_is_that_at_the_rate_of_the_last_minute()
    {
        const long Second = 1_000_000_000;
        var fill = new PortFill();
        fill.Take(Group, new() { Used = 10 }, 100, 0);
        fill.TimeToFull.ShouldBe(Metric.Absent);
        fill.Take(Group, new() { Used = 40 }, 100, 30 * Second);
        fill.TimeToFull.ShouldBe(60);
        fill.BeginsToFill(600).ShouldBeFalse();
        fill.Take(Group, new() { Used = 70 }, 100, 60 * Second);
        fill.TimeToFull.ShouldBe(30);
        fill.BeginsToFill(600).ShouldBeTrue();
        fill.BeginsToFill(600).ShouldBeFalse();
        // Nothing more for a minute: it does not fill.
        fill.Take(Group, new() { Used = 70 }, 100, 90 * Second);
        fill.Take(Group, new() { Used = 70 }, 100, 120 * Second);
        fill.TimeToFull.ShouldBe(Metric.Absent);
        fill.Take(Group, new() { Used = 100 }, 100, 121 * Second);
        fill.TimeToFull.ShouldBe(0);
        fill.BecameFull().ShouldBeTrue();
        fill.Take(Group, new() { Used = 95 }, 100, 122 * Second);
        fill.BecameFull().ShouldBeFalse();
        fill.Take(Group, new() { Used = 89 }, 100, 123 * Second);
        fill.BecameFull().ShouldBeFalse();
        fill.Take(Group, new() { Used = 100 }, 100, 124 * Second);
        fill.BecameFull().ShouldBeTrue();
        // Another group goes on where the most of all was.
        fill.Take(Group with { Port = 81 }, new() { Used = 60 }, 100, 125 * Second);
        fill.TimeToFull.ShouldBe(Metric.Absent);
        fill.BecameFull().ShouldBeFalse();
        fill.BeginsToFill(600).ShouldBeFalse();
        fill.Take(Group with { Port = 82 }, new() { Used = 90 }, 100, 126 * Second);
        fill.TimeToFull.ShouldBe(18);
        fill.BecameFull().ShouldBeFalse();
    }

    [Fact]
    public void Two_full_groups_that_take_turns_are_told_once_each()
    {
        var fill = new PortFill();
        for (var i = 0; i < 6; i++)
        {
            fill.Take(Group with { Port = (ushort)(80 + (i % 2)) }, new() { Used = 100 }, 100, i);
            fill.BecameFull().ShouldBe(i < 2);
            fill.BeginsToFill(600).ShouldBeFalse();
        }
    }

    [Fact]
    public void Ports_in_TIME_WAIT_that_may_be_taken_again_are_as_good_as_free()
    {
        var fill = new PortFill();
        fill.Take(Group, new() { Used = 100, TimeWait = 60 }, 100, 0, reuses: true);
        fill.TimeToFull.ShouldBe(Metric.Absent);
        fill.BecameFull().ShouldBeFalse();
        fill.BeginsToFill(600).ShouldBeFalse();
        fill.Take(Group, new() { Used = 100, TimeWait = 60 }, 100, 1, reuses: false);
        fill.TimeToFull.ShouldBe(0);
        fill.BecameFull().ShouldBeTrue();
    }

    [Theory]
    [InlineData(0, false, false)]
    [InlineData(1, true, true)]
    [InlineData(2, true, false)]
    public void Which_ports_in_TIME_WAIT_may_be_taken_again(long setting, bool loopback, bool others)
    {
        var (here, there) = (SocketMessage.Mapped(0x7f000005), SocketMessage.Mapped(0x0a000002));
        TimeWaitReuseFile.Allows(setting, here, here).ShouldBe(loopback);
        TimeWaitReuseFile.Allows(setting, 1, 1).ShouldBe(loopback);
        TimeWaitReuseFile.Allows(setting, there, there).ShouldBe(others);
    }

    [Fact]
    public void Dumps_of_all_namespaces_share_a_fiftieth_of_a_processor()
    {
        var share = new DumpShare();
        share.Begin();
        share.IsTime(0, 1000).ShouldBeTrue();
        share.IsTime(0, 1000).ShouldBeTrue();
        share.Begin();
        var next = share.After(cost: 10, moment: 1000);
        next.ShouldBe(1000 + (10 * 50 * 2));
        share.IsTime(next, next - 1).ShouldBeFalse();
        share.IsTime(next, next).ShouldBeTrue();
    }

    [RequiresRootFact]
    public void Steady_state_allocates_nothing()
    {
        using var ns = new TestNetns();
        ns.Sysctl("net.ipv4.ip_local_port_range", "40000 40049");
        var sockets = ns.Inside(() =>
        {
            var listener = new TcpListener(IPAddress.Loopback, 8080);
            listener.Start(100);
            var clients = Enumerable.Range(0, 30).Select(_ => new TcpClient("127.0.0.1", 8080));
            var datagrams = Enumerable.Range(0, 30).Select(i => new UdpClient(
                new IPEndPoint(IPAddress.Parse($"127.0.0.{1 + (i % 3)}"), 0)));
            return clients.Append<IDisposable>(listener).Concat(datagrams).ToList();
        });
        try
        {
            KernelProbeRun.AllocatedInHundred("ports", ns, ("top", "4")).ShouldBe(0);
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }
    }

    private static MessageBytes Entry() => new MessageBytes().Struct(new nfgenmsg { nfgen_family = 2 })
        .Nested(Ctnetlink.CTA_TUPLE_ORIG, Tuple(0x0a000001, 0x0a000002, 50_000, 80))
        .Nested(Ctnetlink.CTA_TUPLE_REPLY, Tuple(0x0a000002, 0x0a000009, 80, 40_000))
        .BigEndian(Ctnetlink.CTA_STATUS, Ctnetlink.IPS_SRC_NAT | 1)
        .Nested(Ctnetlink.CTA_PROTOINFO, new MessageBytes().Nested(Ctnetlink.CTA_PROTOINFO_TCP,
            new MessageBytes().Attribute(
                Ctnetlink.CTA_PROTOINFO_TCP_STATE, [Ctnetlink.TCP_CONNTRACK_TIME_WAIT])));

    private static MessageBytes Tuple(uint source, uint destination, ushort from, ushort to) => new MessageBytes()
        .Nested(Ctnetlink.CTA_TUPLE_IP, new MessageBytes()
            .BigEndian(Ctnetlink.CTA_IP_V4_SRC, source).BigEndian(Ctnetlink.CTA_IP_V4_DST, destination))
        .Nested(Ctnetlink.CTA_TUPLE_PROTO, new MessageBytes()
            .Attribute(Ctnetlink.CTA_PROTO_NUM, [(byte)6])
            .Attribute(Ctnetlink.CTA_PROTO_SRC_PORT, BinaryPrimitives.ReverseEndianness(from))
            .Attribute(Ctnetlink.CTA_PROTO_DST_PORT, BinaryPrimitives.ReverseEndianness(to)));
}
