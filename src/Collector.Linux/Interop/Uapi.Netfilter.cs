namespace Collector.Linux.Interop;

// struct nfgenmsg, include/uapi/linux/netfilter/nfnetlink.h
internal struct nfgenmsg
{
    public byte nfgen_family;
    public byte version;
    public ushort res_id;
}

// include/uapi/linux/netfilter/{nfnetlink,nf_tables}.h, include/uapi/linux/netfilter.h
internal static class Nftables
{
    public const ushort NFNL_MSG_BATCH_BEGIN = 0x10;
    public const ushort NFNL_MSG_BATCH_END = 0x11;
    public const ushort NFNL_SUBSYS_NFTABLES = 10;
    public const byte NFPROTO_IPV4 = 2;
    public const uint NF_INET_LOCAL_IN = 1;
    public const uint NF_DROP = 0;
    public const ushort NFT_MSG_NEWTABLE = 0;
    public const ushort NFT_MSG_NEWCHAIN = 3;
    public const ushort NFT_MSG_NEWRULE = 6;
    public const ushort NFTA_TABLE_NAME = 1;
    public const ushort NFTA_CHAIN_TABLE = 1;
    public const ushort NFTA_CHAIN_NAME = 3;
    public const ushort NFTA_CHAIN_HOOK = 4;
    public const ushort NFTA_CHAIN_TYPE = 7;
    public const ushort NFTA_HOOK_HOOKNUM = 1;
    public const ushort NFTA_HOOK_PRIORITY = 2;
    public const ushort NFTA_RULE_TABLE = 1;
    public const ushort NFTA_RULE_CHAIN = 2;
    public const ushort NFTA_RULE_EXPRESSIONS = 4;
    public const ushort NFTA_LIST_ELEM = 1;
    public const ushort NFTA_EXPR_NAME = 1;
    public const ushort NFTA_EXPR_DATA = 2;
    public const ushort NFTA_IMMEDIATE_DREG = 1;
    public const ushort NFTA_IMMEDIATE_DATA = 2;
    public const ushort NFTA_DATA_VERDICT = 2;
    public const ushort NFTA_VERDICT_CODE = 1;
    public const uint NFT_REG_VERDICT = 0;
    public const ushort NFTA_CT_DREG = 1;
    public const ushort NFTA_CT_KEY = 2;
    public const uint NFT_CT_STATE = 0;
    public const uint NFT_REG_1 = 1;
}

// include/uapi/linux/netfilter/{nfnetlink,nfnetlink_conntrack,nf_conntrack_common,nf_conntrack_tcp}.h
internal static class Ctnetlink
{
    public const ushort NFNL_SUBSYS_CTNETLINK = 1;
    public const ushort IPCTNL_MSG_CT_NEW = 0;
    public const ushort IPCTNL_MSG_CT_GET = 1;
    public const ushort IPCTNL_MSG_CT_GET_STATS_CPU = 4;
    public const ushort IPCTNL_MSG_CT_GET_STATS = 5;
    public const ushort CTA_TUPLE_ORIG = 1;
    public const ushort CTA_TUPLE_REPLY = 2;
    public const ushort CTA_STATUS = 3;
    public const ushort CTA_PROTOINFO = 4;
    public const ushort CTA_STATUS_MASK = 26;
    public const ushort CTA_TUPLE_IP = 1;
    public const ushort CTA_TUPLE_PROTO = 2;
    public const ushort CTA_IP_V4_SRC = 1;
    public const ushort CTA_IP_V4_DST = 2;
    public const ushort CTA_IP_V6_SRC = 3;
    public const ushort CTA_IP_V6_DST = 4;
    public const ushort CTA_PROTO_NUM = 1;
    public const ushort CTA_PROTO_SRC_PORT = 2;
    public const ushort CTA_PROTO_DST_PORT = 3;
    public const ushort CTA_PROTOINFO_TCP = 1;
    public const ushort CTA_PROTOINFO_TCP_STATE = 1;
    public const byte TCP_CONNTRACK_TIME_WAIT = 7;
    public const uint IPS_SRC_NAT = 1 << 4;
    public const ushort CTA_STATS_SEARCHED = 1;
    public const ushort CTA_STATS_FOUND = 2;
    public const ushort CTA_STATS_NEW = 3;
    public const ushort CTA_STATS_INVALID = 4;
    public const ushort CTA_STATS_IGNORE = 5;
    public const ushort CTA_STATS_DELETE = 6;
    public const ushort CTA_STATS_DELETE_LIST = 7;
    public const ushort CTA_STATS_INSERT = 8;
    public const ushort CTA_STATS_INSERT_FAILED = 9;
    public const ushort CTA_STATS_DROP = 10;
    public const ushort CTA_STATS_EARLY_DROP = 11;
    public const ushort CTA_STATS_ERROR = 12;
    public const ushort CTA_STATS_SEARCH_RESTART = 13;
    public const ushort CTA_STATS_CLASH_RESOLVE = 14;
    public const ushort CTA_STATS_CHAIN_TOOLONG = 15;
    public const ushort CTA_STATS_GLOBAL_ENTRIES = 1;
    public const ushort CTA_STATS_GLOBAL_MAX_ENTRIES = 2;
}
