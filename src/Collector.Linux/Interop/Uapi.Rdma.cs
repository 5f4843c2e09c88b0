namespace Collector.Linux.Interop;

// include/uapi/rdma/rdma_netlink.h
internal static class Rdmanl
{
    public const ushort RDMA_NL_NLDEV = 5;
    public const ushort RDMA_NLDEV_CMD_RES_GET = 9;
    public const ushort RDMA_NLDEV_ATTR_DEV_NAME = 2;
    public const ushort RDMA_NLDEV_ATTR_RES_SUMMARY = 15;
    public const ushort RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY = 16;
    public const ushort RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_NAME = 17;
    public const ushort RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_CURR = 18;

    // RDMA_NL_GET_TYPE(client, op): the message type of a request to one of RDMA's clients.
    public const ushort ResourcesRequest = (RDMA_NL_NLDEV << 10) + RDMA_NLDEV_CMD_RES_GET;
}
