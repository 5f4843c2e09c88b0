namespace Collector.Linux.Interop;

// struct inet_diag_sockid, include/uapi/linux/inet_diag.h; ports and addresses in network byte order
internal unsafe struct inet_diag_sockid
{
    public ushort idiag_sport;
    public ushort idiag_dport;
    public fixed uint idiag_src[4];
    public fixed uint idiag_dst[4];
    public uint idiag_if;
    public fixed uint idiag_cookie[2];
}

// struct inet_diag_req, include/uapi/linux/inet_diag.h: the request of TCPDIAG_GETSOCK
internal struct inet_diag_req
{
    public byte idiag_family;
    public byte idiag_src_len;
    public byte idiag_dst_len;
    public byte idiag_ext;
    public inet_diag_sockid id;
    public uint idiag_states;
    public uint idiag_dbs;
}

// struct inet_diag_req_v2, include/uapi/linux/inet_diag.h: the request of SOCK_DIAG_BY_FAMILY
internal struct inet_diag_req_v2
{
    public byte sdiag_family;
    public byte sdiag_protocol;
    public byte idiag_ext;
    public byte pad;
    public uint idiag_states;
    public inet_diag_sockid id;
}

// struct inet_diag_msg, include/uapi/linux/inet_diag.h
internal struct inet_diag_msg
{
    public byte idiag_family;
    public byte idiag_state;
    public byte idiag_timer;
    public byte idiag_retrans;
    public inet_diag_sockid id;
    public uint idiag_expires;
    public uint idiag_rqueue;
    public uint idiag_wqueue;
    public uint idiag_uid;
    public uint idiag_inode;
}

// include/uapi/linux/{inet_diag,sock_diag}.h
internal static class SockDiag
{
    public const ushort TCPDIAG_GETSOCK = 18;
    public const ushort SOCK_DIAG_BY_FAMILY = 20;
    public const byte IPPROTO_TCP = 6;
    public const byte IPPROTO_UDP = 17;
    public const ushort INET_DIAG_SKMEMINFO = 7;
    public const int SK_MEMINFO_RCVBUF = 1;
    public const int SK_MEMINFO_DROPS = 8;
}
