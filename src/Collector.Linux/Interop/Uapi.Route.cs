namespace Collector.Linux.Interop;

// struct ifinfomsg, include/uapi/linux/rtnetlink.h
internal struct ifinfomsg
{
    public byte ifi_family;
    public byte __ifi_pad;
    public ushort ifi_type;
    public int ifi_index;
    public uint ifi_flags;
    public uint ifi_change;
}

// struct if_stats_msg, include/uapi/linux/if_link.h
internal struct if_stats_msg
{
    public byte family;
    public byte pad1;
    public ushort pad2;
    public int ifindex;
    public uint filter_mask;
}

// struct tcmsg, include/uapi/linux/rtnetlink.h
internal struct tcmsg
{
    public byte tcm_family;
    public byte tcm__pad1;
    public ushort tcm__pad2;
    public int tcm_ifindex;
    public uint tcm_handle;
    public uint tcm_parent;
    public uint tcm_info;
}

// struct gnet_stats_basic, include/uapi/linux/gen_stats.h
internal struct gnet_stats_basic
{
    public ulong bytes;
    public uint packets;
}

// struct gnet_stats_queue, include/uapi/linux/gen_stats.h
internal struct gnet_stats_queue
{
    public uint qlen;
    public uint backlog;
    public uint drops;
    public uint requeues;
    public uint overlimits;
}

// struct tc_stats, include/uapi/linux/pkt_sched.h: what TCA_STATS carries, for kernels and qdiscs without TCA_STATS2
internal struct tc_stats
{
    public ulong bytes;
    public uint packets;
    public uint drops;
    public uint overlimits;
    public uint bps;
    public uint pps;
    public uint qlen;
    public uint backlog;
}

// include/uapi/linux/{netlink,rtnetlink,if_link,if,gen_stats,pkt_sched}.h
internal static class Rtnl
{
    public const ushort NLM_F_REQUEST = 0x01;
    public const ushort NLM_F_MULTI = 0x02;
    public const ushort NLM_F_ACK = 0x04;
    public const ushort NLM_F_DUMP_INTR = 0x10;
    public const ushort NLM_F_DUMP = 0x300;
    public const ushort NLMSG_NOOP = 1;
    public const ushort NLMSG_ERROR = 2;
    public const ushort NLMSG_DONE = 3;
    public const int NETLINK_ADD_MEMBERSHIP = 1;
    public const int NETLINK_EXT_ACK = 11;
    public const int NETLINK_GET_STRICT_CHK = 12;
    public const ushort RTM_NEWLINK = 16;
    public const ushort RTM_DELLINK = 17;
    public const ushort RTM_GETLINK = 18;
    public const int RTNLGRP_LINK = 1;
    public const int RTNLGRP_TC = 4;
    public const ushort RTM_NEWQDISC = 36;
    public const ushort RTM_DELQDISC = 37;
    public const ushort RTM_GETQDISC = 38;
    public const ushort RTM_NEWTCLASS = 40;
    public const ushort RTM_GETACTION = 50;
    public const ushort RTM_NEWSTATS = 92;
    public const ushort RTM_GETSTATS = 94;
    public const ushort RTM_NEWCHAIN = 100;
    public const ushort RTM_GETCHAIN = 102;
    public const uint RTEXT_FILTER_SKIP_STATS = 1 << 3;

    public const uint IFF_UP = 1;
    public const uint IFF_LOOPBACK = 1 << 3;
    public const uint IFF_RUNNING = 1 << 6;

    public const ushort IFLA_IFNAME = 3;
    public const ushort IFLA_MTU = 4;
    public const ushort IFLA_LINK = 5;
    public const ushort IFLA_MASTER = 10;
    public const ushort IFLA_LINKINFO = 18;
    public const ushort IFLA_STATS64 = 23;
    public const ushort IFLA_EXT_MASK = 29;
    public const ushort IFLA_CARRIER_CHANGES = 35;
    public const ushort IFLA_LINK_NETNSID = 37;
    public const ushort IFLA_INFO_KIND = 1;
    public const ushort IFLA_STATS_LINK_64 = 1;

    public const ushort TCA_KIND = 1;
    public const ushort TCA_STATS = 3;
    public const ushort TCA_STATS2 = 7;
    public const ushort TCA_STATS_BASIC = 1;
    public const ushort TCA_STATS_QUEUE = 3;
    public const ushort TCA_STATS_PKT64 = 8;
    public const uint TC_H_ROOT = 0xFFFFFFFF;
    public const uint TC_H_INGRESS = 0xFFFFFFF1;
}
