using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Rdma;

/// <summary>The names of RDMA counters and the columns that they go to.</summary>
internal sealed class RdmaCounters
{
    private const string Prefix = "netlens.rdma.";

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

    private readonly Dictionary<string, int> _columns = new(StringComparer.Ordinal);
    private readonly string[] _names;

    private RdmaCounters(IEnumerable<string> unknown)
    {
        _names = [.. Mlx5, .. Erdma, .. unknown];
        Table = new TableInfo("rdma", RowScope.Node,
            [new("netlens.rdma.device"), new("netlens.rdma.driver"), new("netlens.rdma.port")],
            [.. _names.Select(Exported)]);
        for (var i = 0; i < _names.Length; i++)
            _columns[_names[i]] = i;
    }

    /// <summary>What is known at compile time: the catalogue's table.</summary>
    public static RdmaCounters Known { get; } = new([]);

    public static readonly ProbeOption<bool> IncludeAll =
        Option.Include("Counters to export: the known ones, or every file that the drivers have.");

    public static ProbeInfo Info { get; } = new()
    {
        Id = "rdma",
        Description = "Traffic, errors and verbs of RDMA ports (mlx5, erdma and the port counters of any driver).",
        Source = "/sys/class/infiniband/<device>/ports/<port>/{counters,hw_counters}, RDMA netlink",
        Tables = [Known.Table, RdmaResources.Table],
        Options = [IncludeAll],
    };

    public TableInfo Table { get; }

    /// <summary>Driver family by device name; empty for others.</summary>
    public static string DriverOf(string device) =>
        device.StartsWith("mlx5_", StringComparison.Ordinal) ? "mlx5"
        : device.StartsWith("erdma_", StringComparison.Ordinal) ? "erdma"
        : "";

    /// <summary>The same with further counters; the same object when none is new.</summary>
    public RdmaCounters With(IEnumerable<string> names)
    {
        var unknown = names.Where(n => !_columns.ContainsKey(n) && n.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
            .ToList();
        return unknown.Count == 0 ? this : new RdmaCounters(_names.Skip(Mlx5.Length + Erdma.Length).Concat(unknown));
    }

    /// <summary>Column of a file's value; -1 for none.</summary>
    public int ColumnOf(string name) => _columns.GetValueOrDefault(name, -1);

    // The InfiniBand counters of data are in words of four bytes (IBTA, PortXmitData).
    private static Metric Exported(string name) => Metric.Counter(
        Prefix + NameOf(name), UnitOf(name), $"RDMA port counter {name}.",
        scale: name is "port_rcv_data" or "port_xmit_data" ? 4 : 1);

    private static string NameOf(string name) => name switch
    {
        "port_rcv_data" => "port_rcv.io",
        "port_xmit_data" => "port_xmit.io",
        "hw_rx_bytes_cnt" => "hw_rx.io",
        "hw_tx_bytes_cnt" => "hw_tx.io",
        _ => Trim(Trim(name, "_cnt"), "_total").ToLowerInvariant(),
    };

    private static string Trim(string name, string end) =>
        name.EndsWith(end, StringComparison.Ordinal) ? name[..^end.Length] : name;

    private static string UnitOf(string name) => name switch
    {
        "port_rcv_data" or "port_xmit_data" or "hw_rx_bytes_cnt" or "hw_tx_bytes_cnt" => Units.Bytes,
        _ when name.Contains("packets", StringComparison.Ordinal)
            || name.EndsWith("_drop_cnt", StringComparison.Ordinal)
            || name is "VL15_dropped" or "port_xmit_discards" => Units.Packets,
        _ when name.Contains("err", StringComparison.Ordinal) => Units.Errors,
        _ => Units.Events,
    };
}
