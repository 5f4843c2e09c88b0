using static Backends.Tests.Dashboards.AllDashboards;

namespace Backends.Tests.Dashboards;

/// <summary>Listeners with their queues, and local ports.</summary>
internal static class ListenersDashboard
{
    private const string Place = Who + ", network_local_address, network_local_port";
    private const string PlaceLegend = WhoLegend + " {{network_local_address}}:{{network_local_port}}";

    public static Dashboard Make()
    {
        var n = new Series(OfPod);
        return new("netlens-listeners", "Netlens / Listeners and ports",
            "Accept queues against their limits, dropped handshakes, and how many local ports are left.", NodeAndPod,
            [
                new("Listeners", Listeners(n)), new("Handshakes", Handshakes(n)), new("Ports", Ports(n)),
                new("UDP", Udp(n)),
            ]);
    }

    private static Panel[] Listeners(Series n) =>
    [
        new("Listeners", "short",
            "Waiting to be accepted, how many may wait, what was dropped; of the fullest socket at each address.",
            new Query($"max by ({Place}) ({n["netlens.tcp.listen.queue.highest"]})"),
            new Query($"max by ({Place}) ({n["netlens.tcp.listen.queue.highest_limit"]})"),
            new Query(n.Levels(Place, "netlens.tcp.listen.dropped"))) { Kind = PanelKind.Table, Width = 24 },
        new("Accept queues", "percentunit", "sk_ack_backlog of sk_max_ack_backlog, the fullest.",
            new Query(Top(Share($"max by ({Place}) ({n["netlens.tcp.listen.queue.highest"]})",
                $"max by ({Place}) ({n["netlens.tcp.listen.queue.highest_limit"]})")), PlaceLegend))
        { Red = 0.8, Width = 12 },
        new("Dropped at listeners", "pps", "sk_drops of listeners: of handshakes, for any reason.",
            new Query(Top(n.Rates(Place, "netlens.tcp.listen.dropped")), PlaceLegend)) { Width = 12 },
    ];

    private static Panel[] Handshakes(Series n) =>
    [
        new("Dropped handshakes", "cps", "ListenDrops, ListenOverflows (accept queue), TCPReqQFullDrop (SYN queue).",
            new Query(n.Rates("", "netlens.tcpext.listen_drops"), "all (ListenDrops)"),
            new Query(n.Rates("", "netlens.tcpext.listen_overflows"), "accept queue (ListenOverflows)"),
            new Query(n.Rates("", "netlens.tcpext.req_q_full_drop"), "SYN queue (TCPReqQFullDrop)")),
        new("Share of handshakes dropped", "percentunit", "ListenDrops of those and PassiveOpens, by namespace.",
            new Query(Share(n.Rates(Who, "netlens.tcpext.listen_drops"),
                $"{n.Rates(Who, "netlens.tcpext.listen_drops")} + {n.Rates(Who, "netlens.tcp.passive_opens")}"),
                WhoLegend)) { Red = 0.01 },
        new("SYN cookies", "cps", "SyncookiesSent, SyncookiesRecv.",
            new Query(n.Rates("", "netlens.tcpext.syncookies_sent"), "sent"),
            new Query(n.Rates("", "netlens.tcpext.syncookies_recv"), "received")),
        new("Listeners that drop", "short", "Listeners that dropped handshakes since the collection before.",
            new Query(n.Levels(Who, "netlens.listen.dropping"), WhoLegend)),
        new("SYNs sent again", "cps", "SYN and SYN-ACK segments sent again (TCPSynRetrans).",
            new Query(Top(n.Rates(Who, "netlens.tcpext.syn_retrans")), WhoLegend)),
        new("Half-open", "short", "Handshakes under way.",
            new Query(n.Levels(Who, "system.network.connection.count", "network_connection_state=\"syn_received\""),
                WhoLegend)),
    ];

    private static Panel[] Ports(Series n) =>
    [
        new("Local ports in use", "percentunit",
            "Of TCP towards the destination that has most of them, of UDP of all sockets; of namespaces with an eighth as "
                + "many sockets as ports.",
            new Query(Share($"max by ({Who}) ({n["netlens.ports.used"]})",
                $"max by ({Who}) ({n["netlens.ports.limit"]})"), WhoLegend)) { Red = 0.9 },
        new("Time until ports are used up", "s", "At the rate of the last minute; nothing where they get no more.",
            new Query($"min by ({Who}) ({n["netlens.ports.time_to_full"]})", WhoLegend)),
        new("TIME_WAIT", "short", "Sockets in TIME_WAIT, and connections that found no place there per second.",
            new Query(Top(n.Levels(Who, "netlens.sock.time_wait")), WhoLegend),
            new Query(Top(n.Rates(Who, "netlens.tcpext.time_wait_overflow")), WhoLegend + " overflow/s")),
        new("Refused in TIME_WAIT", "cps", "Segments, SYNs among them, for a connection that is over.",
            new Query(n.Rates(
                    "netlens_timewait_action", "netlens.tcptwrcv.segments", "netlens_timewait_outcome=\"refused\""),
                "{{netlens_timewait_action}}")),
    ];

    private static Panel[] Udp(Series n) =>
    [
        new("UDP queues", "percentunit", "Memory of waiting datagrams of SO_RCVBUF, the fullest.",
            new Query(Top(Share($"max by ({Place}) ({n["netlens.udp.socket.queue.highest"]})",
                $"max by ({Place}) ({n["netlens.udp.socket.queue.highest_limit"]})")), PlaceLegend))
        { Red = 0.8, Width = 12 },
        new("Dropped at UDP sockets", "pps", "sk_drops of UDP sockets.",
            new Query(Top(n.Rates(Place, "netlens.udp.socket.dropped")), PlaceLegend)) { Width = 12 },
    ];
}
