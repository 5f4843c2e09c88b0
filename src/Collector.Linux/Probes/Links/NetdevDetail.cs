using Collector.Core.Metrics;
using Collector.Core.Snapshots;

namespace Collector.Linux.Probes.Links;

/// <summary>The rest of rtnl_link_stats64, exported with <c>include: all</c>.</summary>
internal static class NetdevDetail
{
    // Place in rtnl_link_stats64, name, unit, description (include/uapi/linux/if_link.h).
    private static readonly (int Place, string Name, string Unit, string Text)[] Fields =
    [
        (8, "multicast", Units.Packets, "Multicast packets received (multicast)."),
        (9, "collisions", Units.Events, "Collisions while sending (collisions)."),
        (10, "rx_length_errors", Units.Errors, "Packets received with a wrong length (rx_length_errors)."),
        (11, "rx_over_errors", Units.Errors, "Packets that overran the receiver (rx_over_errors)."),
        (12, "rx_crc_errors", Units.Errors, "Packets received with a wrong checksum (rx_crc_errors)."),
        (13, "rx_frame_errors", Units.Errors, "Packets received misaligned (rx_frame_errors)."),
        (14, "rx_fifo_errors", Units.Errors, "Receive FIFO errors (rx_fifo_errors)."),
        (15, "rx_missed_errors", Units.Packets, "Packets the node was too slow to take (rx_missed_errors)."),
        (16, "tx_aborted_errors", Units.Errors, "Sending given up (tx_aborted_errors)."),
        (17, "tx_carrier_errors", Units.Errors, "Carrier lost while sending (tx_carrier_errors)."),
        (18, "tx_fifo_errors", Units.Errors, "Send FIFO underruns (tx_fifo_errors)."),
        (19, "tx_heartbeat_errors", Units.Errors, "Heartbeat errors of half-duplex Ethernet (tx_heartbeat_errors)."),
        (20, "tx_window_errors", Units.Errors, "Late collisions (tx_window_errors)."),
        (21, "rx_compressed", Units.Packets, "Compressed packets received (rx_compressed)."),
        (22, "tx_compressed", Units.Packets, "Compressed packets sent (tx_compressed)."),
        (23, "rx_nohandler", Units.Packets, "Packets for nobody on an inactive device (rx_nohandler, Linux 4.6)."),
        (24, "rx_otherhost_dropped", Units.Packets,
            "Packets dropped for another host's address (rx_otherhost_dropped, Linux 5.19)."),
    ];

    public static IReadOnlyList<Metric> Metrics { get; } =
    [
        .. Fields.Select(f => Metric.Counter($"netlens.netdev.{f.Name}", f.Unit, f.Text, optional: true)),
    ];

    /// <summary>Sets the columns for which the kernel sent a value.</summary>
    public static void Write(RowWriter writer, ReadOnlySpan<long> statistics)
    {
        for (var i = 0; i < Fields.Length && Fields[i].Place < statistics.Length; i++)
            writer.Set(Metrics[i], statistics[Fields[i].Place]);
    }
}
