using static Backends.Tests.Dashboards.AllDashboards;

namespace Backends.Tests.Dashboards;

/// <summary>Lost packets, resets and retransmissions by their reasons.</summary>
internal static class DropsDashboard
{
    public static Dashboard Make()
    {
        var n = new Series(OfPod);
        return new("netlens-drops", "Netlens / Drops and resets",
            "What was lost, refused, reset or sent again, by the kernel's reason.", NodeAndPod,
            [new("Drops", Drops(n)), new("Routing and tables", Routing(n)), new("Resets", Resets(n)),
                new("Retransmissions", Retransmissions(n)), new("Buffers", Buffers(n))]);
    }

    private static Panel[] Drops(Series n) =>
    [
        new("Drops by reason", "pps", "By the kernel's drop reason and what it means; orderly ones too.",
            new Query(Top(n.Rates("netlens_drop_reason, netlens_drop_outcome", "netlens.packetloss.drops")),
                "{{netlens_drop_reason}} ({{netlens_drop_outcome}})")) { Width = 12 },
        new("Lost, by whom it concerns", "pps", "Lost without a word to the sender.",
            new Query(Top(n.Rates(Who, "netlens.packetloss.lost")), WhoLegend)) { Width = 12 },
        new("Share of packets lost", "percentunit", "Of the IP packets that a namespace received.",
            new Query(Share(n.Rates(Who, "netlens.ledger.packets", "netlens_ledger_fate=\"lost\""),
                n.Rates(Who, "netlens.ledger.packets")), WhoLegend)) { Red = 0.01 },
        new("Unexplained", "pps", "Received IP packets that neither counters nor drop reasons explain.",
            new Query(n.Rates(Who, "netlens.ledger.packets", "netlens_ledger_fate=\"unexplained\""), WhoLegend)),
        new("Without a namespace", "pps", "Drops whose namespace the kernel does not tell, by reason.",
            new Query(new Series(OfNode).Rates("netlens_drop_reason", "netlens.packetloss.unattributed"),
                "{{netlens_drop_reason}}")),
    ];

    private static Panel[] Routing(Series n) =>
    [
        new("Refused by routing", "pps", "Reverse path filter, no route, impossible address, time to live.",
            new Query(n.Rates("netlens_route_reason", "netlens.route.refused"), "{{netlens_route_reason}}")),
        new("Too big for the path", "pps", "FragFails, and ICMPv6 packet too big.",
            new Query(n.Rates(Who, "netlens.route.fragment_failures"), WhoLegend + " FragFails"),
            new Query(n.Rates(Who + ", network_io_direction", "netlens.route.packet_too_big"),
                WhoLegend + " too big, {{network_io_direction}}")),
        new("Next hops", "cps", "That did not answer ARP or neighbour discovery, and that changed their address.",
            new Query(n.Rates(Who, "netlens.nexthop.failed"), WhoLegend + " failed"),
            new Query(n.Rates(Who, "netlens.nexthop.changed"), WhoLegend + " changed")),
        new("Connection tracking", "cps", "drop, insert_failed, early_drop, invalid.",
            new Query(n.Rates("", "netlens.conntrack.drop"), "drop"),
            new Query(n.Rates("", "netlens.conntrack.insert_failed"), "insert_failed"),
            new Query(n.Rates("", "netlens.conntrack.early_drop"), "early_drop"),
            new Query(n.Rates("", "netlens.conntrack.invalid"), "invalid")),
        new("Fragments", "cps", "ReasmFails.",
            new Query(n.Rates(Who, "netlens.ip.reasm_fails"), WhoLegend)),
        new("Destination unreachable", "cps", "ICMP messages, both address families.",
            new Query(n.Rates("network_io_direction", "netlens.icmp.destination_unreachable"),
                "{{network_io_direction}}")),
    ];

    private static Panel[] Resets(Series n) =>
    [
        new("Resets by reason", "cps", "The kernel's reason, where it has one; sent and received.",
            new Query(Top(n.Rates("network_io_direction, netlens_reset_reason", "netlens.tcpreset.resets")),
                "{{network_io_direction}} {{netlens_reset_reason}}")),
        new("Resets by state", "cps", "State of the connection.",
            new Query(Top(n.Rates("network_io_direction, network_connection_state", "netlens.tcpreset.resets")),
                "{{network_io_direction}} {{network_connection_state}}")),
        new("Resets, by whom it concerns", "cps", "All of them.",
            new Query(Top(n.Rates(Who, "netlens.tcpreset.total")), WhoLegend)),
        new("Aborted by programs", "cps", "TCPAbortOnClose (unread data), TCPAbortOnData, TCPAbortOnTimeout, OnMemory.",
            new Query(n.Rates("", "netlens.tcpext.abort_on_close"), "unread data (AbortOnClose)"),
            new Query(n.Rates("", "netlens.tcpext.abort_on_data"), "AbortOnData"),
            new Query(n.Rates("", "netlens.tcpext.abort_on_timeout"), "AbortOnTimeout"),
            new Query(n.Rates("", "netlens.tcpext.abort_on_memory"), "AbortOnMemory")),
    ];

    private static Panel[] Retransmissions(Series n) =>
    [
        new("Sent again, by cause", "pps", "What made the kernel send again, and whether this node dropped the first.",
            new Query(n.Rates("netlens_retransmit_kind, netlens_retransmit_verdict", "netlens.tcpretrans.segments"),
                "{{netlens_retransmit_kind}} ({{netlens_retransmit_verdict}})")),
        new("Sent again, by whom it concerns", "pps", "TcpRetransSegs.",
            new Query(Top(n.Rates(Who, "netlens.tcp.retrans_segs")), WhoLegend)),
        new("Needlessly", "pps", "TCPDSACKRecv: duplicates that peers reported.",
            new Query(Top(n.Rates(Who, "netlens.tcpext.dsack_recv")), WhoLegend)),
    ];

    private static Panel[] Buffers(Series n) =>
    [
        new("TCP receive buffers", "cps", "PruneCalled, RcvPruned, TCPRcvQDrop, TCPBacklogDrop, TCPZeroWindowDrop.",
            new Query(n.Rates("", "netlens.tcpext.prune_called"), "PruneCalled"),
            new Query(n.Rates("", "netlens.tcpext.rcv_pruned"), "RcvPruned"),
            new Query(n.Rates("", "netlens.tcpext.rcv_q_drop"), "TCPRcvQDrop"),
            new Query(n.Rates("", "netlens.tcpext.backlog_drop"), "TCPBacklogDrop"),
            new Query(n.Rates("", "netlens.tcpext.zero_window_drop"), "TCPZeroWindowDrop")),
        new("Windows closed", "cps", "TCPToZeroWindowAdv (own reader slow), TCPWinProbe (peer's reader slow).",
            new Query(Top(n.Rates(Who, "netlens.tcpext.to_zero_window_adv")), WhoLegend + " own"),
            new Query(Top(n.Rates(Who, "netlens.tcpext.win_probe")), WhoLegend + " peer")),
        new("UDP buffers", "pps", "RcvbufErrors, SndbufErrors, MemErrors.",
            new Query(n.Rates("", "netlens.udp.rcvbuf_errors"), "RcvbufErrors"),
            new Query(n.Rates("", "netlens.udp.sndbuf_errors"), "SndbufErrors"),
            new Query(n.Rates("", "netlens.udp.mem_errors"), "MemErrors")),
    ];
}
