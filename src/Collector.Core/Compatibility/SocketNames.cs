namespace Collector.Core.Compatibility;

/// <summary>Old names of the figures of sockets and their memory.</summary>
internal static class SocketNames
{
    public static IReadOnlyList<LegacyName> All { get; } =
    [
        .. LegacyName.InBoth("tcpsummary",
            ("system.network.connection.count tcp established", "tcpestablishedconn"),
            ("system.network.connection.count tcp time_wait", "tcptimewaitconn"),
            ("netlens.tcp.queue.usage receive", "tcprxqueue"),
            ("netlens.tcp.queue.usage transmit", "tcptxqueue")),
        .. LegacyName.InKubeSkoop("tcpsummary",
            ("system.network.connection.count tcp syn_sent", "tcpsynsentconn"),
            ("system.network.connection.count tcp syn_received", "tcpsynrecvconn"),
            ("system.network.connection.count tcp close_wait", "tcpclosewaitconn")),
        .. LegacyName.InBoth("sock",
            ("netlens.sock.time_wait", "tw"),
            ("netlens.sock.orphan", "orphan"),
            ("netlens.sock.allocated", "alloc"),
            ("netlens.sock.tcp.in_use", "inuse")),
        .. LegacyName.InBoth("socketlatency",
            ("netlens.socketlatency.read.over_1ms", "read1ms"),
            ("netlens.socketlatency.read.over_100ms", "read100ms"),
            ("netlens.socketlatency.write.over_1ms", "write1ms"),
            ("netlens.socketlatency.write.over_100ms", "write100ms")),
        // Their figure is in the pages that the kernel counts.
        new("netlens.sock.memory tcp")
        {
            KubeSkoop = ["kubeskoop_sock_mem"],
            Inspector = ["inspector_pod_sockmem"],
            Scale = 1.0 / Environment.SystemPageSize,
        },
    ];

    public static IReadOnlyList<RowViewInfo> Views { get; } =
    [
        new("sock", "sock.tcp")
        {
            Columns =
            [
                new("netlens.sock.tcp.in_use", "netlens.sock.in_use tcp ipv4", "netlens.sock.in_use tcp ipv6")
                {
                    Description =
                        "TCP sockets in use, IPv4 and IPv6 (sockstat: TCP inuse, sockstat6: TCP6 inuse).",
                },
            ],
        },
    ];
}
