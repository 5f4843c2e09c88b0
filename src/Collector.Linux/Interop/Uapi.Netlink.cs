namespace Collector.Linux.Interop;

// struct nlmsghdr, include/uapi/linux/netlink.h
internal struct nlmsghdr
{
    public uint nlmsg_len;
    public ushort nlmsg_type;
    public ushort nlmsg_flags;
    public uint nlmsg_seq;
    public uint nlmsg_pid;
}

// struct sockaddr_nl, include/uapi/linux/netlink.h
internal struct sockaddr_nl
{
    public ushort nl_family;
    public ushort nl_pad;
    public uint nl_pid;
    public uint nl_groups;
}

// struct nlattr, include/uapi/linux/netlink.h
internal struct nlattr
{
    public ushort nla_len;
    public ushort nla_type;
}
