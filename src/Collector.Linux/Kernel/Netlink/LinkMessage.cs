using System.Runtime.InteropServices;
using Collector.Linux.Interop;

namespace Collector.Linux.Kernel.Netlink;

/// <summary>One RTM_NEWLINK message (rtnl_fill_ifinfo, net/core/rtnetlink.c): spans into the datagram.</summary>
internal ref struct LinkMessage
{
    public int Index;
    public uint Flags;
    public ReadOnlySpan<byte> Name;

    /// <summary>IFLA_INFO_KIND; empty for a device without rtnl_link_ops, which is what hardware has.</summary>
    public ReadOnlySpan<byte> Kind;

    /// <summary>Device below, or the peer of a veth; 0 where there is none.</summary>
    public int LowerIndex;

    /// <summary>IFLA_LINK names a device of another namespace.</summary>
    public bool LowerElsewhere;
    public int Master;
    public uint Mtu;

    /// <summary>-1 before Linux 3.15.</summary>
    public long CarrierChanges;

    /// <summary>rtnl_link_stats64, as long as this kernel has it; empty when not sent.</summary>
    public ReadOnlySpan<ulong> Statistics;

    /// <summary>False for a message that is cut short or has no name.</summary>
    public static bool TryParse(scoped in NetlinkMessage message, out LinkMessage link)
    {
        link = new LinkMessage { CarrierChanges = -1 };
        if (message.Type != Rtnl.RTM_NEWLINK || !message.TryRead<ifinfomsg>(out var header, out var rest))
            return false;
        link.Index = header.ifi_index;
        link.Flags = header.ifi_flags;
        var attributes = new NetlinkAttributes(rest);
        var good = true;
        while (good && attributes.MoveNext(out var type, out var value))
            good = link.Take(type, value);
        return good && !attributes.Malformed && !link.Name.IsEmpty;
    }

    private bool Take(ushort type, ReadOnlySpan<byte> value)
    {
        switch (type)
        {
            case Rtnl.IFLA_IFNAME:
                Name = NetlinkAttributes.Text(value);
                return true;
            case Rtnl.IFLA_MTU:
                return NetlinkAttributes.TryUInt32(value, out Mtu);
            case Rtnl.IFLA_LINK:
                return MemoryMarshal.TryRead(value, out LowerIndex);
            case Rtnl.IFLA_LINK_NETNSID:
                LowerElsewhere = true;
                return true;
            case Rtnl.IFLA_MASTER:
                return MemoryMarshal.TryRead(value, out Master);
            case Rtnl.IFLA_CARRIER_CHANGES:
                var good = NetlinkAttributes.TryUInt32(value, out var changes);
                CarrierChanges = changes;
                return good;
            case Rtnl.IFLA_STATS64:
                Statistics = MemoryMarshal.Cast<byte, ulong>(value);
                return true;
            case Rtnl.IFLA_LINKINFO:
                return TakeInfo(value);
            default:
                return true;
        }
    }

    private bool TakeInfo(ReadOnlySpan<byte> info)
    {
        var attributes = new NetlinkAttributes(info);
        while (attributes.MoveNext(out var type, out var value))
        {
            if (type == Rtnl.IFLA_INFO_KIND)
                Kind = NetlinkAttributes.Text(value);
        }
        return !attributes.Malformed;
    }
}
