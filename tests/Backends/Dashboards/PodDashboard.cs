using static Backends.Tests.Dashboards.AllDashboards;

namespace Backends.Tests.Dashboards;

/// <summary>A pod, or another network namespace, from its traffic to its processor.</summary>
internal static class PodDashboard
{
    public static Dashboard Make()
    {
        var n = new Series(OfPod);
        return new("netlens-pod", "Netlens / Pod",
            "Pods, and with All also namespaces that are no pods': traffic, TCP, UDP, names, processor.", NodeAndPod,
            [
                new("Findings", Findings(n)), new("Traffic", Traffic(n)), new("TCP", Tcp(n)),
                new("UDP and names", Names(n)), new("Processor and files", Processor(n)),
            ]);
    }

    private static Panel[] Findings(Series n) =>
    [
        new("Findings now", "short", "Faults whose cause is known, seen in the last minute.",
            new Query($"sum by (netlens_finding_kind, {Who}) ({n["netlens.finding.active"]}) > 0"))
        { Kind = PanelKind.Table, Width = 12 },
        new("Findings since the agent's start", "short", "By kind, consequences of others included.",
            new Query(n.Levels("netlens_finding_kind, " + Who, "netlens.findings"),
                "{{netlens_finding_kind}} " + WhoLegend)) { Width = 12 },
    ];

    private static Panel[] Traffic(Series n) =>
    [
        new("Bytes", "Bps", "Of the namespace as a whole, no byte twice.",
            new Query(Top(n.Rates($"{Who}, network_io_direction", "netlens.netdev.io")),
                "{{network_io_direction}} " + WhoLegend)),
        new("Packets", "pps", "Of the namespace as a whole.",
            new Query(Top(n.Rates($"{Who}, network_io_direction", "netlens.netdev.packet.count")),
                "{{network_io_direction}} " + WhoLegend)),
        new("Packets lost", "pps", "Dropped without a word to the sender, by the kernel's reasons.",
            new Query(Top(n.Rates(Who, "netlens.packetloss.lost")), WhoLegend)),
    ];

    private static Panel[] Tcp(Series n) =>
    [
        new("Sockets by state", "short", "sock_diag, all states that last.",
            new Query(n.Levels("network_connection_state", "system.network.connection.count"),
                "{{network_connection_state}}")),
        new("New connections", "cps", "Tcp ActiveOpens and PassiveOpens.",
            new Query(n.Rates("", "netlens.tcp.active_opens"), "active"),
            new Query(n.Rates("", "netlens.tcp.passive_opens"), "passive"),
            new Query(n.Rates("", "netlens.tcp.attempt_fails"), "failed (AttemptFails)")),
        new("Sent again", "percentunit", "Tcp RetransSegs of OutSegs.",
            new Query(Share(n.Rates(Who, "netlens.tcp.retrans_segs"),
                n.Rates(Who, "netlens.tcp.segments", "network_io_direction=\"transmit\"")), WhoLegend)) { Red = 0.05 },
        new("Round-trip time, p99", "s", "Smoothed (srtt_us) of open connections, by who began them.",
            new Query(n.Quantile(0.99, "netlens_connection_role, " + Who, "netlens.tcp.connection.rtt"),
                "{{netlens_connection_role}} " + WhoLegend)),
        new("Connects, p99", "s", "From connect() to the peer's answer, of those that succeeded.",
            new Query(n.Quantile(0.99, Who, "netlens.connect.duration"), WhoLegend)),
        new("Connects that failed", "cps", "By how they ended.",
            new Query(n.Rates(
                    "netlens_connect_outcome", "netlens.connect.attempts", "netlens_connect_outcome!=\"established\""),
                "{{netlens_connect_outcome}}")),
        new("Resets", "cps", "Sent and received, by where they come from.",
            new Query(n.Rates("network_io_direction, netlens_reset_origin", "netlens.tcpreset.resets"),
                "{{network_io_direction}} {{netlens_reset_origin}}")),
        new("Bytes in socket queues", "bytes", "Received and not read; sent and not acknowledged.",
            new Query(n.Levels("network_io_direction", "netlens.tcp.queue.usage"), "{{network_io_direction}}")),
        new("Connections the application has not closed", "short", "CLOSE_WAIT for at least 1 s, 10 s, 1 min, 10 min.",
            new Query(n.Levels("netlens_connection_age", "netlens.tcp.connection.close_wait"),
                "{{netlens_connection_age}}")),
    ];

    private static Panel[] Names(Series n) =>
    [
        new("UDP datagrams", "pps", "Udp InDatagrams, OutDatagrams, both address families.",
            new Query(n.Rates("network_io_direction", "netlens.udp.datagrams"), "{{network_io_direction}}")),
        new("UDP errors", "pps", "RcvbufErrors, SndbufErrors, NoPorts.",
            new Query(n.Rates("", "netlens.udp.rcvbuf_errors"), "receive buffer"),
            new Query(n.Rates("", "netlens.udp.sndbuf_errors"), "send buffer"),
            new Query(n.Rates("", "netlens.udp.no_ports"), "no port")),
        new("DNS queries", "cps", "By how they ended. The probe dns is off by default: probes: {dns: on}.",
            new Query(n.Rates("netlens_dns_outcome", "netlens.dns.lookups"), "{{netlens_dns_outcome}}")),
    ];

    private static Panel[] Processor(Series n) =>
    [
        new("Throttled", "percentunit", "Periods in which the CPU quota was used up (nr_throttled of nr_periods).",
            new Query(Share(n.Rates(Who, "netlens.throttling.throttled_periods"),
                n.Rates(Who, "netlens.throttling.periods")), WhoLegend)) { Red = 0.25 },
        new("Wait for a processor, p99", "s",
            "How long threads that could run waited. The probe runqueue is off by default: probes: {runqueue: on}.",
            new Query(n.Quantile(0.99, Who, "netlens.runqueue.delay"), WhoLegend)),
        new("Pressure", "percentunit", "Share of time in which some tasks waited (PSI), by resource.",
            new Query(n.Rates("netlens_pressure_resource, " + Who, "netlens.throttling.pressure"),
                "{{netlens_pressure_resource}} " + WhoLegend)),
        new("Calls", "cps", "Read and write system calls (syscr, syscw).",
            new Query(Top(n.Rates("netlens_io_direction, " + Who, "netlens.io.calls")),
                "{{netlens_io_direction}} " + WhoLegend)),
        new("Open files", "short", "File descriptors of all processes.",
            new Query(Top(n.Levels(Who, "netlens.fd.count")), WhoLegend)),
        new("Disk, p99", "s", "Block requests from made until done, by operation.",
            new Query(n.Quantile(0.99, "netlens_block_operation, " + Who, "netlens.biolatency.duration"),
                "{{netlens_block_operation}} " + WhoLegend)),
    ];
}
