using static Backends.Tests.Dashboards.AllDashboards;

namespace Backends.Tests.Dashboards;

/// <summary>Where time goes between a packet and its program.</summary>
internal static class LatencyDashboard
{
    private const string OffByDefault = " The probe is off by default.";

    public static Dashboard Make()
    {
        var n = new Series(OfPod);
        return new("netlens-latency", "Netlens / Latency",
            "Where time goes between a packet and its program: receive, transmit, dns, runqueue and socketlatency are "
                + "probes that are off by default.", NodeAndPod,
            [new("Network", Network(n)), new("Way in and out", Way(n)), new("Machine", Machine(n))]);
    }

    private static Panel[] Network(Series n) =>
    [
        new("Round-trip time", "s", "Smoothed (srtt_us) of open connections, taken once per collection.",
            new Query(n.Buckets("", "netlens.tcp.connection.rtt"), "{{le}}")) { Kind = PanelKind.Heatmap },
        new("Round-trip time by pod, p50 and p99", "s", "Of the ten worst.",
            new Query(Top(n.Quantile(0.5, Who, "netlens.tcp.connection.rtt")), "p50 " + WhoLegend),
            new Query(Top(n.Quantile(0.99, Who, "netlens.tcp.connection.rtt")), "p99 " + WhoLegend)),
        new("Connects, p50 and p99", "s", "From connect() to the peer's answer.",
            new Query(n.Quantile(0.5, Who, "netlens.connect.duration"), "p50 " + WhoLegend),
            new Query(n.Quantile(0.99, Who, "netlens.connect.duration"), "p99 " + WhoLegend)),
        new("DNS answers, p50 and p99", "s", "By server, of queries that were answered (probe dns)." + OffByDefault,
            new Query(n.Quantile(0.5, "server_address, network_transport", "netlens.dns.lookup.duration"),
                "p50 {{server_address}} {{network_transport}}"),
            new Query(n.Quantile(0.99, "server_address, network_transport", "netlens.dns.lookup.duration"),
                "p99 {{server_address}} {{network_transport}}")),
        new("Flows: round-trip time", "s", "The greatest flows, by peer and server's port (probe flow)." + OffByDefault,
            new Query(Top($"max by ({Who}, network_peer_address, server_port) ({n["netlens.flow.rtt"]})"),
                WhoLegend + " {{network_peer_address}} port {{server_port}}")),
        new("Flows: bytes", "Bps", "What the greatest flows carried (probe flow)." + OffByDefault,
            new Query(
                Top(n.Rates($"{Who}, network_peer_address, server_port, network_io_direction", "netlens.flow.io")),
                WhoLegend + " {{network_peer_address}} port {{server_port}} {{network_io_direction}}")),
    ];

    private static Panel[] Way(Series n) =>
    [
        new("Received packets", "s", "From the device's stamp until read, all stations (probe receive)." + OffByDefault,
            new Query(n.Buckets("", "netlens.receive.duration"), "{{le}}")) { Kind = PanelKind.Heatmap },
        new("Received, p99 by station", "s", "Network layer, socket's queue, read." + OffByDefault,
            new Query(n.Quantile(0.99, "netlens_receive_station, network_transport", "netlens.receive.duration"),
                "{{netlens_receive_station}} {{network_transport}}")),
        new("Data wait to be read, p99", "s", "Ready in TCP sockets (probe socketlatency)." + OffByDefault,
            new Query(n.Quantile(0.99, "netlens_socket_role, " + Who, "netlens.socketlatency.read.duration"),
                "{{netlens_socket_role}} " + WhoLegend)),
        new("Data wait to be sent, p99", "s", "Written to TCP sockets, until first sent." + OffByDefault,
            new Query(n.Quantile(0.99, "netlens_socket_role, " + Who, "netlens.socketlatency.write.duration"),
                "{{netlens_socket_role}} " + WhoLegend)),
        new("Socket to device, p99", "s", "Probe transmit." + OffByDefault,
            new Query(n.Quantile(0.99, "network_transport", "netlens.transmit.socket.duration"),
                "{{network_transport}}")),
        new("Queue and driver, p99", "s", "Of devices that have a queue (probe transmit)." + OffByDefault,
            new Query(n.Quantile(0.99, "network_interface_name", "netlens.transmit.queue.duration"),
                "{{network_interface_name}} queue"),
            new Query(n.Quantile(0.99, "network_interface_name", "netlens.transmit.driver.duration"),
                "{{network_interface_name}} driver")),
    ];

    private static Panel[] Machine(Series n)
    {
        var node = new Series(OfNode);
        return
        [
            new("Receive softirq waits", "s", "NET_RX, from raised to running.",
                new Query(node.Buckets("", "netlens.softirq.wait.duration", "netlens_softirq_vector=\"net_rx\""),
                    "{{le}}")) { Kind = PanelKind.Heatmap },
            new("Threads wait for a processor, p99", "s", "By pod (probe runqueue)." + OffByDefault,
                new Query(Top(n.Quantile(0.99, Who, "netlens.runqueue.delay")), WhoLegend)),
            new("Behind whom threads wait", "percentunit", "Seconds per second (probe runqueue)." + OffByDefault,
                new Query(n.Rates("netlens_runqueue_holder", "netlens.runqueue.behind.time"),
                    "{{netlens_runqueue_holder}}")),
            new("Disk, p99", "s", "Block requests by device and operation.",
                new Query(n.Quantile(0.99, "system_device, netlens_block_operation", "netlens.biolatency.duration"),
                    "{{system_device}} {{netlens_block_operation}}")),
            new("virtio commands, p99", "s", "Control commands of virtio-net devices, whoever asked.",
                new Query(node.Quantile(0.99, "network_interface_name", "netlens.virtcmdlatency.duration"),
                    "{{network_interface_name}}")),
        ];
    }
}
