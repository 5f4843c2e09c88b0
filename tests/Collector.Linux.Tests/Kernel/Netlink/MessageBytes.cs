using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Collector.Linux.Interop;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Sources;

namespace Collector.Linux.Tests.Kernel.Netlink;

/// <summary>Writes netlink messages as a kernel would, for the parsers to read.</summary>
internal sealed class MessageBytes
{
    private readonly List<byte> _bytes = [];

    public byte[] Bytes => [.. _bytes];

    public MessageBytes Struct<T>(T value) where T : unmanaged
    {
        var bytes = new byte[Unsafe.SizeOf<T>()];
        MemoryMarshal.Write(bytes, value);
        _bytes.AddRange(bytes);
        return this;
    }

    public MessageBytes Attribute(ushort type, ReadOnlySpan<byte> value)
    {
        Struct(new nlattr { nla_len = (ushort)(4 + value.Length), nla_type = type });
        _bytes.AddRange(value);
        while (_bytes.Count % 4 != 0)
            _bytes.Add(0);
        return this;
    }

    public MessageBytes Attribute<T>(ushort type, T value) where T : unmanaged
    {
        var bytes = new byte[Unsafe.SizeOf<T>()];
        MemoryMarshal.Write(bytes, value);
        return Attribute(type, bytes);
    }

    public MessageBytes Text(ushort type, string value) => Attribute(type, Encoding.UTF8.GetBytes(value + "\0"));

    public MessageBytes BigEndian(ushort type, uint value) =>
        Attribute(type, BinaryPrimitives.ReverseEndianness(value));

    public MessageBytes Nested(ushort type, MessageBytes inner) => Attribute((ushort)(type | 0x8000), inner.Bytes);

    /// <summary>The whole with its header.</summary>
    public byte[] Message(ushort type, ushort flags, uint sequence)
    {
        var header = new nlmsghdr
        {
            nlmsg_len = (uint)(16 + _bytes.Count), nlmsg_type = type, nlmsg_flags = flags, nlmsg_seq = sequence,
        };
        return [.. new MessageBytes().Struct(header).Bytes, .. _bytes];
    }

    /// <summary>A device as RTM_GETLINK describes it.</summary>
    public static MessageBytes Link(
        int index, string name, string? kind = null, int lower = 0, int master = 0, bool lowerElsewhere = false,
        bool loopback = false, ulong rxBytes = 0)
    {
        var flags = Rtnl.IFF_UP | Rtnl.IFF_RUNNING | (loopback ? Rtnl.IFF_LOOPBACK : 0);
        var statistics = new byte[LinkStatistics.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(statistics.AsSpan(16), rxBytes);
        var bytes = new MessageBytes().Struct(new ifinfomsg { ifi_index = index, ifi_flags = flags })
            .Text(Rtnl.IFLA_IFNAME, name)
            .Attribute(Rtnl.IFLA_MTU, 1500u)
            .Attribute(Rtnl.IFLA_STATS64, statistics);
        if (kind is not null)
            bytes.Nested(Rtnl.IFLA_LINKINFO, new MessageBytes().Text(Rtnl.IFLA_INFO_KIND, kind));
        if (lower != 0)
            bytes.Attribute(Rtnl.IFLA_LINK, lower);
        if (master != 0)
            bytes.Attribute(Rtnl.IFLA_MASTER, master);
        if (lowerElsewhere)
            bytes.Attribute(Rtnl.IFLA_LINK_NETNSID, 0);
        return bytes;
    }

    /// <summary>A table of such devices.</summary>
    public static LinkTable Table(params MessageBytes[] links)
    {
        var table = new LinkTable();
        Fill(table, links);
        return table;
    }

    public static void Fill(LinkTable table, params MessageBytes[] links)
    {
        INetlinkSink sink = table;
        sink.Begin();
        foreach (var link in links)
            sink.Take(new NetlinkMessage(Rtnl.RTM_NEWLINK, link.Bytes)).ShouldBeTrue();
    }
}

/// <summary>Size of the statistics that a current kernel sends.</summary>
internal static class LinkStatistics
{
    public const int Length = Collector.Linux.Kernel.Netlink.Link.StatisticCount * 8;
}
