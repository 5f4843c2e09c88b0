using Collector.Core.Metrics;

namespace Collector.Core.Compatibility;

/// <summary>
/// KubeSkoop's names of RDMA counters. They have the driver in them, and exist for mlx5 and erdma devices only; the
/// port counters are common to all drivers, so a name takes the rows of its driver. Values are as the driver counts.
/// </summary>
internal static class RdmaNames
{
    private static readonly string[] Mlx5 =
    [
        "port_rcv_data", "port_rcv_packets", "multicast_rcv_packets", "unicast_rcv_packets", "port_xmit_data",
        "port_xmit_packets", "port_xmit_packets_64", "port_rcv_switch_relay_errors", "port_rcv_errors",
        "port_rcv_constraint_errors", "local_link_integrity_errors", "port_xmit_wait", "multicast_xmit_packets",
        "unicast_xmit_packets", "port_xmit_discards", "port_xmit_constraint_errors",
        "port_rcv_remote_physical_errors", "symbol_error", "VL15_dropped", "link_error_recovery", "link_downed",
        "rx_write_requests", "rx_read_requests", "rx_atomic_requests", "out_of_buffer", "out_of_sequence",
        "duplicate_request", "rnr_nak_retry_err", "packet_seq_err", "implied_nak_seq_err", "local_ack_timeout_err",
        "rx_dct_connect", "resp_local_length_error", "resp_cqe_error", "req_cqe_error", "req_remote_invalid_request",
        "req_remote_access_errors", "resp_remote_access_errors", "resp_cqe_flush_error", "req_cqe_flush_error",
        "roce_adp_retrans", "roce_adp_retrans_to", "roce_slow_restart", "roce_slow_restart_cnps",
        "roce_slow_restart_trans", "rp_cnp_ignored", "rp_cnp_handled", "np_ecn_marked_roce_packets", "np_cnp_sent",
        "rx_icrc_encapsulated",
    ];

    private static readonly string[] Erdma =
    [
        "accept_failed_cnt", "accept_success_cnt", "accept_total_cnt", "cmdq_comp_cnt", "cmdq_cq_armed_cnt",
        "cmdq_eq_event_cnt", "cmdq_eq_notify_cnt", "cmdq_submitted_cnt", "connect_failed_cnt", "connect_reset_cnt",
        "connect_success_cnt", "connect_timeout_cnt", "connect_total_cnt", "erdma_aeq_event_cnt",
        "erdma_aeq_notify_cnt", "hw_bps_limit_drop_cnt", "hw_disable_drop_cnt", "hw_pps_limit_drop_cnt",
        "hw_rx_bps_limit_drop_cnt", "hw_rx_bytes_cnt", "hw_rx_disable_drop_cnt", "hw_rx_packets_cnt",
        "hw_rx_pps_limit_drop_cnt", "hw_tx_bytes_cnt", "hw_tx_packets_cnt", "hw_tx_reqs_cnt", "listen_create_cnt",
        "listen_destroy_cnt", "listen_failed_cnt", "listen_ipv6_cnt", "listen_success_cnt", "reject_cnt",
        "reject_failed_cnt", "verbs_alloc_mr_cnt", "verbs_alloc_mr_failed_cnt", "verbs_alloc_pd_cnt",
        "verbs_alloc_pd_failed_cnt", "verbs_alloc_uctx_cnt", "verbs_alloc_uctx_failed_cnt", "verbs_create_cq_cnt",
        "verbs_create_cq_failed_cnt", "verbs_destroy_cq_failed_cnt", "verbs_create_qp_cnt",
        "verbs_create_qp_failed_cnt", "verbs_destroy_qp_cnt", "verbs_dealloc_pd_cnt", "verbs_dealloc_uctx_cnt",
        "verbs_dereg_mr_cnt", "verbs_dereg_mr_failed_cnt", "verbs_destroy_cq_cnt", "verbs_destroy_qp_failed_cnt",
        "verbs_get_dma_mr_cnt", "verbs_get_dma_mr_failed_cnt", "verbs_reg_usr_mr_cnt",
        "verbs_reg_usr_mr_failed_cnt",
    ];

    public static IReadOnlyList<LegacyName> All { get; } =
    [
        .. LegacyName.InKubeSkoop("rdma",
            ("netlens.rdma.cm_id.count", "cm_id"),
            ("netlens.rdma.cq.count", "cq"),
            ("netlens.rdma.ctx.count", "ctx"),
            ("netlens.rdma.mr.count", "mr"),
            ("netlens.rdma.pd.count", "pd"),
            ("netlens.rdma.qp.count", "qp"),
            ("netlens.rdma.srq.count", "srq")),
        .. Of("mlx5", Mlx5), .. Of("erdma", Erdma),
    ];

    public static IReadOnlyList<RowViewInfo> Views { get; } =
    [
        new("rdma", "rdma.driver")
        {
            Columns =
            [
                .. Mlx5.Select(counter => Column("mlx5", counter)),
                .. Erdma.Select(counter => Column("erdma", counter)),
            ],
        },
    ];

    private static IEnumerable<LegacyName> Of(string driver, string[] counters) =>
        counters.Select(counter => new LegacyName(NameOf(driver, counter))
        {
            KubeSkoop = [$"kubeskoop_rdma_{driver}_{counter}"],
        });

    private static ViewColumn Column(string driver, string counter) => new(NameOf(driver, counter), Source(counter))
    {
        Where = new("netlens.rdma.driver", driver),
        Description = $"RDMA port counter {counter} of {driver} devices, as the driver counts it.",
        // In words of four bytes.
        Unit = counter is "port_rcv_data" or "port_xmit_data" ? Units.One : null,
    };

    private static string NameOf(string driver, string counter) =>
        $"netlens.rdma.{driver}.{counter.ToLowerInvariant()}";

    /// <summary>The metric of a counter, as the rdma probe calls it.</summary>
    private static string Source(string counter) => "netlens.rdma." + counter switch
    {
        "port_rcv_data" => "port_rcv.io",
        "port_xmit_data" => "port_xmit.io",
        "hw_rx_bytes_cnt" => "hw_rx.io",
        "hw_tx_bytes_cnt" => "hw_tx.io",
        _ when counter.EndsWith("_total_cnt", StringComparison.Ordinal) => counter[..^"_total_cnt".Length],
        _ when counter.EndsWith("_cnt", StringComparison.Ordinal) => counter[..^"_cnt".Length],
        _ => counter.ToLowerInvariant(),
    };
}
