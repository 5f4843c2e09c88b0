using Collector.Core.Metrics;
using Collector.Core.Subjects;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Processes;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Tcp;

/// <summary>The accept queues of one namespace: a row per local address, port and device.</summary>
/// <param name="ns">The namespace.</param>
/// <param name="allowance">How many rows there may be.</param>
/// <param name="owners">Tells whose a socket is; null where all are the namespace's.</param>
/// <param name="all">With what is left out else.</param>
internal sealed class TcpListeners(
    NetNamespace ns, RowAllowance allowance, ListenerOwners? owners = null, bool all = false)
    : AddressRows(all ? Columns with { Table = Table.Whole } : Columns, ns, allowance, owners), INetlinkSink
{
    internal static readonly Metric Depth = Queue("usage", "Connections that wait to be accepted (sk_ack_backlog).");
    internal static readonly Metric Limit =
        Queue("limit", "Connections that may wait (sk_max_ack_backlog); one more is let in before it overflows.");

    internal static readonly Metric Fullest = Metric.Gauge("netlens.tcp.listen.queue.highest", Units.Connections,
        "Connections that wait at the fullest of the sockets that share the address.");

    internal static readonly Metric FullestLimit = Metric.Gauge("netlens.tcp.listen.queue.highest_limit",
        Units.Connections, "Connections that may wait at that socket.");

    internal static readonly Metric Drops = Metric.Counter("netlens.tcp.listen.dropped", Units.Packets,
        "Packets that count as dropped at the listener (sk_drops): of handshakes, for a full queue or another reason, "
        + "and SYNs that came again while the first was answered.");

    private static readonly Metric HalfOpen = Metric.UpDownCounter("netlens.tcp.listen.half_open", Units.Connections,
        "Connections whose handshake is not over (icsk_accept_queue.qlen); only where one walk reads all namespaces.",
        optional: true);

    internal static readonly Metric Shards = Metric.UpDownCounter(
        "netlens.tcp.listen.socket.count", Units.Sockets, "Sockets that listen at the address.");

    public static TableInfo Table { get; } = new("tcpsummary.listen", RowScope.Namespace, AddressColumns.RowTags,
        [Depth, Limit, Fullest, FullestLimit, Drops, Shards, HalfOpen]);

    private static readonly AddressColumns Columns = new()
    {
        Table = Table,
        Usage = Depth,
        Limit = Limit,
        Fullest = Fullest,
        FullestLimit = FullestLimit,
        Drops = Drops,
        Sockets = Shards,
        HalfOpen = HalfOpen,
        OverLimit = "listeners_over_limit",
    };

    private static Metric Queue(string name, string description) =>
        Metric.UpDownCounter($"netlens.tcp.listen.queue.{name}", Units.Connections, description);

    bool INetlinkSink.Take(in NetlinkMessage message)
    {
        if (!SocketMessage.TryParse(message, out var socket))
            return false;
        if (socket.State == SocketCounts.Listen)
            Take(socket);
        return true;
    }
}
