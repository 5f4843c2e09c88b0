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

// struct nlattr, include/uapi/linux/netlink.h
internal struct nlattr
{
    public ushort nla_len;
    public ushort nla_type;
}
