using static Backends.Tests.Dashboards.AllDashboards;

namespace Backends.Tests.Dashboards;

/// <summary>What is wrong on a node, and how its devices, queues, tables and processors are.</summary>
internal static class NodeDashboard
{
    private const string Scope = "netlens_scope=\"node\"";
    private const string Receive = Scope + ",network_io_direction=\"receive\"";
    private const string Transmit = Scope + ",network_io_direction=\"transmit\"";
    private const string Device = "network_interface_name";

    public static Dashboard Make()
    {
        var n = new Series(OfNode);
        return new("netlens-node", "Netlens / Node", "What is wrong on a node, and its devices, queues and tables.",
            [Node],
            [
                new("Findings", Findings(n)), new("Devices", Devices(n)), new("Packets received", Packets(n)),
                new("Tables and limits", Tables(n)), new("Processors", Processors(n)),
            ]);
    }

    private static Panel[] Findings(Series n) =>
    [
        new("Findings now", "short", "Faults whose cause is known, seen in the last minute.",
            new Query($"sum({n["netlens.finding.active"]}) or vector(0)"))
        { Kind = PanelKind.Stat, Red = 1, Width = 4 },
        new("Findings by subject", "short",
            "What is wrong now and whom it concerns. docs/findings has a page per kind.",
            new Query($"sum by ($nodelabel, netlens_finding_kind, {Who}) ({n["netlens.finding.active"]}) > 0"))
        { Kind = PanelKind.Table, Width = 12 },
        new("Findings since the agent's start", "short", "By kind, consequences of others included.",
            new Query(n.Levels("netlens_finding_kind", "netlens.findings"), "{{netlens_finding_kind}}")),
    ];

    private static Panel[] Devices(Series n) =>
    [
        new("Received", "Bps", "Bytes received by device (rx_bytes).",
            new Query(Top(n.Rates($"$nodelabel, {Device}", "system.network.io", Receive)))),
        new("Sent", "Bps", "Bytes sent by device (tx_bytes).",
            new Query(Top(n.Rates($"$nodelabel, {Device}", "system.network.io", Transmit)))),
        new("Errors and drops", "pps", "rx_errors, tx_errors, rx_dropped, rx_missed_errors, tx_dropped by device.",
            new Query(n.Rates($"{Device}, network_io_direction", "system.network.errors", Scope),
                "{{network_interface_name}} {{network_io_direction}} errors"),
            new Query(n.Rates($"{Device}, network_io_direction", "system.network.packet.dropped", Scope),
                "{{network_interface_name}} {{network_io_direction}} dropped")),
        new("Links down", "short", "Devices of the node that are not up or have no carrier.",
            new Query($"count by ($nodelabel) ({n["netlens.netdev.up", Scope]} == 0) or "
                + $"0 * count by ($nodelabel) ({n["netlens.netdev.up", Scope]})")),
        new("Carrier changes", "cps", "Times the carrier came or went (carrier_changes).",
            new Query(n.Rates(Device, "netlens.netdev.carrier.changes", Scope), "{{network_interface_name}}")),
        new("Queue of devices: drops", "pps", "What root qdiscs dropped, and how often they held back (overlimits).",
            new Query(n.Rates(Who + ", " + Device, "netlens.qdisc.packet.dropped"),
                WhoLegend + " {{network_interface_name}} drops"),
            new Query(n.Rates(Who + ", " + Device, "netlens.qdisc.overlimits"),
                WhoLegend + " {{network_interface_name}} overlimits")),
    ];

    private static Panel[] Packets(Series n) =>
    [
        new("What became of IP packets", "pps", "Delivered, forwarded, lost, refused, unexplained: it adds up.",
            new Query(n.Rates("netlens_ledger_fate", "netlens.ledger.packets"), "{{netlens_ledger_fate}}"))
        { Width = 12 },
        new("Backlogs of processors", "pps", "softnet_stat: packets dropped, polls cut short (time_squeeze).",
            new Query(n.Rates("$nodelabel", "netlens.softnet.dropped"), "dropped"),
            new Query(n.Rates("$nodelabel", "netlens.softnet.time_squeeze"), "time_squeeze")) { Width = 6 },
        new("Packets in backlogs", "short", "Packets that wait in the backlogs of all processors.",
            new Query(n.Levels("$nodelabel", "netlens.softnet.backlog.length"))) { Width = 6 },
    ];

    private static Panel[] Tables(Series n) =>
    [
        new("Connection tracking", "percentunit", "nf_conntrack_count of nf_conntrack_max, by namespace.",
            new Query(Share(n.Levels(Who, "netlens.conntrack.entry.count"),
                n.Levels(Who, "netlens.conntrack.entry.limit")), WhoLegend)) { Red = 0.9 },
        new("Neighbours", "percentunit", "Entries of the ARP and neighbour discovery tables, of gc_thresh3.",
            new Query(Share(n.Levels("$nodelabel, network_type", "netlens.neighbour.entry.count"),
                n.Levels("$nodelabel, network_type", "netlens.neighbour.entry.limit")))) { Red = 0.9 },
        new("Local ports", "percentunit",
            "Ports in use, of TCP towards the destination that has most of them, of UDP of all sockets, of those that the "
                + "kernel may choose.",
            new Query(Share($"max by ({Who}) ({n["netlens.ports.used"]})",
                $"max by ({Who}) ({n["netlens.ports.limit"]})"), WhoLegend)) { Red = 0.9 },
        new("Ports of source NAT", "percentunit", "Ports in use of a translated address, of those that SNAT may take.",
            new Query(Share($"max by ({Who}) ({n["netlens.ports.snat.used"]})",
                $"max by ({Who}) ({n["netlens.ports.snat.limit"]})"), WhoLegend)) { Red = 0.9 },
        new("File descriptors", "percentunit", "Of the process nearest to its limit (RLIMIT_NOFILE), by namespace.",
            new Query(Top($"max by ({Who}) ({n["netlens.fd.utilization"]})"), WhoLegend)) { Red = 0.9 },
        new("Memory of sockets", "bytes", "Buffers of TCP and UDP of the whole machine (sockstat: mem).",
            new Query(n.Levels("$nodelabel, network_transport", "netlens.sock.memory"))),
    ];

    private static Panel[] Processors(Series n) =>
    [
        new("Softirqs wait, p99", "s", "From raised to running, by vector.",
            new Query(n.Quantile(0.99, "netlens_softirq_vector", "netlens.softirq.wait.duration"),
                "{{netlens_softirq_vector}}")),
        new("Softirqs run, p99", "s", "How long they ran, by vector.",
            new Query(n.Quantile(0.99, "netlens_softirq_vector", "netlens.softirq.run.duration"),
                "{{netlens_softirq_vector}}")),
        new("Pressure", "percentunit", "Share of time in which some tasks waited (PSI), by resource, of the node.",
            new Query(n.Rates("$nodelabel, netlens_pressure_resource", "netlens.throttling.pressure", Scope))),
    ];
}
