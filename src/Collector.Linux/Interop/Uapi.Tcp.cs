namespace Collector.Linux.Interop;

// include/uapi/linux/{in,in6,tcp}.h: options of sockets that .NET has no name for.
internal static class TcpUapi
{
    public const int IPPROTO_IP = 0;
    public const int IPPROTO_TCP = 6;
    public const int IP_MTU_DISCOVER = 10;
    public const int IP_NODEFRAG = 22;
    public const int IP_PMTUDISC_PROBE = 3;
    public const int TCP_SYNCNT = 7;
    public const int TCP_USER_TIMEOUT = 18;
    public const int TCP_REPAIR = 19;
    public const int TCP_REPAIR_QUEUE = 20;
    public const int TCP_QUEUE_SEQ = 21;
    public const int TCP_REPAIR_OFF_NO_WP = -1;
    public const int TCP_TIMESTAMP = 24;
    public const int TCP_RECV_QUEUE = 1;
    public const int TCP_SEND_QUEUE = 2;
}
