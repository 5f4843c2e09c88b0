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

// struct ifaddrmsg, include/uapi/linux/if_addr.h
internal struct ifaddrmsg
{
    public byte ifa_family;
    public byte ifa_prefixlen;
    public byte ifa_flags;
    public byte ifa_scope;
    public uint ifa_index;
}

// struct rtmsg, include/uapi/linux/rtnetlink.h
internal struct rtmsg
{
    public byte rtm_family;
    public byte rtm_dst_len;
    public byte rtm_src_len;
    public byte rtm_tos;
    public byte rtm_table;
    public byte rtm_protocol;
    public byte rtm_scope;
    public byte rtm_type;
    public uint rtm_flags;
}

// struct ndmsg, include/uapi/linux/neighbour.h
internal struct ndmsg
{
    public byte ndm_family;
    public byte ndm_pad1;
    public ushort ndm_pad2;
    public int ndm_ifindex;
    public ushort ndm_state;
    public byte ndm_flags;
    public byte ndm_type;
}

// struct tc_ratespec, include/uapi/linux/pkt_sched.h
internal struct tc_ratespec
{
    public byte cell_log;
    public byte linklayer;
    public ushort overhead;
    public short cell_align;
    public ushort mpu;
    public uint rate;
}

// struct tc_tbf_qopt, include/uapi/linux/pkt_sched.h
internal struct tc_tbf_qopt
{
    public tc_ratespec rate;
    public tc_ratespec peakrate;
    public uint limit;
    public uint buffer;
    public uint mtu;
}

// include/uapi/linux/{netlink,rtnetlink,if_link,if_addr,if,neighbour,veth,gen_stats,pkt_sched}.h
internal static class Rtnl
{
    public const ushort NLM_F_REQUEST = 0x01;
    public const ushort NLM_F_MULTI = 0x02;
    public const ushort NLM_F_ACK = 0x04;
    public const ushort NLM_F_DUMP_INTR = 0x10;
    public const ushort NLM_F_REPLACE = 0x100;
    public const ushort NLM_F_CREATE = 0x400;
    public const ushort NLM_F_APPEND = 0x800;
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
    public const ushort RTM_NEWADDR = 20;
    public const ushort RTM_GETADDR = 22;
    public const ushort RTM_NEWROUTE = 24;
    public const ushort RTM_NEWNEIGH = 28;
    public const int RTNLGRP_LINK = 1;
    public const int RTNLGRP_TC = 4;
    public const int RTNLGRP_IPV4_IFADDR = 5;
    public const int RTNLGRP_IPV6_IFADDR = 9;
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

    public const ushort IFLA_ADDRESS = 1;
    public const ushort IFLA_IFNAME = 3;
    public const ushort IFLA_MTU = 4;
    public const ushort IFLA_LINK = 5;
    public const ushort IFLA_MASTER = 10;
    public const ushort IFLA_LINKINFO = 18;
    public const ushort IFLA_STATS64 = 23;
    public const ushort IFLA_NET_NS_FD = 28;
    public const ushort IFLA_EXT_MASK = 29;
    public const ushort IFLA_CARRIER_CHANGES = 35;
    public const ushort IFLA_LINK_NETNSID = 37;
    public const ushort IFLA_INFO_KIND = 1;
    public const ushort IFLA_INFO_DATA = 2;
    public const ushort VETH_INFO_PEER = 1;
    public const ushort IFLA_STATS_LINK_64 = 1;

    public const ushort IFA_ADDRESS = 1;
    public const ushort IFA_LOCAL = 2;
    public const byte IFA_F_NODAD = 0x02;

    public const ushort RTA_DST = 1;
    public const ushort RTA_OIF = 4;
    public const ushort RTA_GATEWAY = 5;
    public const ushort RTA_PREFSRC = 7;
    public const byte RT_SCOPE_UNIVERSE = 0;
    public const byte RTN_UNICAST = 1;
    public const byte RTN_PROHIBIT = 8;
    public const byte RT_TABLE_MAIN = 254;
    public const byte RTPROT_STATIC = 4;

    public const ushort NDA_DST = 1;
    public const ushort NDA_LLADDR = 2;
    public const ushort NUD_PERMANENT = 0x80;

    public const ushort TCA_KIND = 1;
    public const ushort TCA_OPTIONS = 2;
    public const ushort TCA_STATS = 3;
    public const ushort TCA_STATS2 = 7;
    public const ushort TCA_STATS_BASIC = 1;
    public const ushort TCA_STATS_QUEUE = 3;
    public const ushort TCA_STATS_PKT64 = 8;
    public const ushort TCA_TBF_PARMS = 1;
    public const ushort TCA_TBF_BURST = 6;
    public const byte TC_LINKLAYER_ETHERNET = 1;
    public const uint TC_H_ROOT = 0xFFFFFFFF;
    public const uint TC_H_INGRESS = 0xFFFFFFF1;
}
