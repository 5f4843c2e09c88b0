namespace Backends.Tests.Dashboards;

/// <summary>
/// The panels of KubeSkoop's dashboards over /metrics?naming=kubeskoop, with the labels that its metrics have.
/// </summary>
internal static class KubeSkoopDashboards
{
    private const string OfNode = "k8s_node=~\"$node\",k8s_pod=\"\"";
    private const string OfPod = "k8s_namespace=~\"$namespace\",k8s_pod=~\"$pod\",k8s_pod!=\"\"";

    public static Dashboard Nodes()
    {
        var n = new Series(OfNode);
        const string By = "k8s_node";
        return new("netlens-kubeskoop-nodes", "KubeSkoop / Nodes (Netlens)",
            "Panels of KubeSkoop's dashboard of nodes over Netlens' KubeSkoop naming.",
            [new("node", "Node", "kubeskoop_tcp_activeopens", "k8s_node")],
            [
                new("Risk Overview", new Panel("Packet abnormal loss", "pps", "Drops but those that are in order.",
                    new Query(new Series("k8s_node=~\"$node\"").Old(By, "kubeskoop_packetloss_total"))) { Width = 24 }),
                .. Common(n, By),
                new("Node", new Panel("Socket count", "short", "Of the host (sockstat).",
                        new Query(n.Old(By, "kubeskoop_sock_inuse", grows: false), "in use"),
                        new Query(n.Old(By, "kubeskoop_sock_tw", grows: false), "TIME_WAIT"),
                        new Query(n.Old(By, "kubeskoop_sock_orphan", grows: false), "orphan"),
                        new Query(n.Old(By, "kubeskoop_sock_alloc", grows: false), "allocated")),
                    new Panel("Memory of TCP", "short", "In pages.",
                        new Query(n.Old(By, "kubeskoop_sock_mem", grows: false))),
                    new Panel("Softnet", "pps", "Backlogs of processors.",
                        new Query(n.Old(By, "kubeskoop_softnet_processed"), "processed"),
                        new Query(n.Old(By, "kubeskoop_softnet_dropped"), "dropped")),
                    new Panel("Softirqs", "cps", "Over 10 and 100 ms until they ran, or running.",
                        new Query(n.Old("softirq_type", "kubeskoop_softirq_schedslow"), "{{softirq_type}} wait"),
                        new Query(n.Old("softirq_type", "kubeskoop_softirq_excuteslow"), "{{softirq_type}} run"))),
                new("RDMA", new Panel("RX bytes", "Bps", "Of eRDMA devices.",
                        new Query(n.Old(By, "kubeskoop_rdma_erdma_hw_rx_bytes_cnt"))),
                    new Panel("RX packets", "pps", "Of eRDMA devices.",
                        new Query(n.Old(By, "kubeskoop_rdma_erdma_hw_rx_packets_cnt"))),
                    new Panel("TX packets", "pps", "Of eRDMA devices.",
                        new Query(n.Old(By, "kubeskoop_rdma_erdma_hw_tx_packets_cnt"))),
                    new Panel("Queue pairs and memory regions", "short", "Of all devices.",
                        new Query(n.Old(By, "kubeskoop_rdma_qp", grows: false), "QPs"),
                        new Query(n.Old(By, "kubeskoop_rdma_mr", grows: false), "MRs")),
                    new Panel("Drops by limits", "pps", "Of eRDMA devices: bits and packets per second, disabled.",
                        new Query(n.Old(By, "kubeskoop_rdma_erdma_hw_bps_limit_drop_cnt"), "TX bps"),
                        new Query(n.Old(By, "kubeskoop_rdma_erdma_hw_rx_bps_limit_drop_cnt"), "RX bps"))),
            ])
        { ByNodeLabel = false };
    }

    public static Dashboard Pods()
    {
        var n = new Series(OfPod);
        const string By = "k8s_namespace, k8s_pod";
        const string Any = "kubeskoop_tcp_activeopens{k8s_namespace=~\"$namespace\"}";
        return new("netlens-kubeskoop-pods", "KubeSkoop / Pods (Netlens)",
            "Panels of KubeSkoop's dashboard of pods over Netlens' KubeSkoop naming.",
            [
                new("namespace", "Namespace", "kubeskoop_tcp_activeopens", "k8s_namespace"),
                new("pod", "Pod", Any, "k8s_pod"),
            ], [.. Common(n, By)])
        { ByNodeLabel = false };
    }

    private static Section[] Common(Series n, string by)
    {
        var who = string.Join('/', by.Split(", ").Select(l => "{{" + l + "}}"));
        Panel One(string title, string unit, string name, bool grows = true) =>
            new(title, unit, name, new Query(n.Old(by, name, grows), who));
        Query State(string state) =>
            new(n.Old(by, $"kubeskoop_tcpsummary_tcp{state}conn", grows: false), $"{who} {state}");
        return
        [
            new("Network Overview",
                One("RX bytes", "Bps", "kubeskoop_netdev_rxbytes"), One("TX bytes", "Bps", "kubeskoop_netdev_txbytes"),
                One("TX errors", "pps", "kubeskoop_netdev_txerrors"),
                One("RX errors", "pps", "kubeskoop_netdev_rxerrors"),
                One("TX packets", "pps", "kubeskoop_netdev_txpackets"),
                One("RX packets", "pps", "kubeskoop_netdev_rxpackets")),
            new("TCP Summary",
                new Panel("Connections by state", "short", "kubeskoop_tcpsummary_tcp...conn",
                    State("established"), State("timewait"), State("closewait"), State("synsent"), State("synrecv"))
                { Width = 12 },
                new Panel("Queues", "bytes", "Bytes of sockets that are not read or not acknowledged.",
                    new Query(n.Old(by, "kubeskoop_tcpsummary_tcprxqueue", grows: false), who + " RX"),
                    new Query(n.Old(by, "kubeskoop_tcpsummary_tcptxqueue", grows: false), who + " TX")) { Width = 12 }),
            new("TCPExt",
                new Panel("Opens", "cps", "Connections begun and accepted.",
                    new Query(n.Old(by, "kubeskoop_tcp_activeopens"), who + " active"),
                    new Query(n.Old(by, "kubeskoop_tcp_passiveopens"), who + " passive")),
                One("ListenDrops", "cps", "kubeskoop_tcpext_listendrops"),
                One("ListenOverflows", "cps", "kubeskoop_tcpext_listenoverflows"),
                One("SynRetrans", "cps", "kubeskoop_tcpext_tcpsynretrans"),
                One("RcvQDrop", "cps", "kubeskoop_tcpext_tcprcvqdrop"),
                One("Memory alloc fail", "cps", "kubeskoop_tcpext_pfmemallocdrop"),
                One("BacklogDrop", "cps", "kubeskoop_tcpext_tcpbacklogdrop")),
            new("UDP Metrics",
                One("Receive buffer errors", "pps", "kubeskoop_udp_rcvbuferrors"),
                One("Send buffer errors", "pps", "kubeskoop_udp_sndbuferrors"),
                One("No ports", "pps", "kubeskoop_udp_noports"), One("In errors", "pps", "kubeskoop_udp_inerrors")),
            new("Not in KubeSkoop's",
                new Panel("Connection tracking", "cps", "kubeskoop_conntrack_...",
                    new Query(n.Old(by, "kubeskoop_conntrack_drop"), who + " drop"),
                    new Query(n.Old(by, "kubeskoop_conntrack_insertfailed"), who + " insert failed")),
                new Panel("Qdiscs", "pps", "kubeskoop_qdisc_...",
                    new Query(n.Old(by, "kubeskoop_qdisc_drops"), who + " drops"),
                    new Query(n.Old(by, "kubeskoop_qdisc_overlimits"), who + " overlimits")),
                new Panel("System calls", "cps", "kubeskoop_io_...",
                    new Query(n.Old(by, "kubeskoop_io_readsyscall"), who + " read"),
                    new Query(n.Old(by, "kubeskoop_io_writesyscall"), who + " write"))),
        ];
    }
}
