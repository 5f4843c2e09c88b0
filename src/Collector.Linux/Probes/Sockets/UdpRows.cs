using Collector.Core.Metrics;
using Collector.Core.Subjects;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Processes;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Sockets;

/// <summary>
/// The UDP sockets of one namespace that have something to tell, a row per local address, port and device; and the sums
/// of all.
/// </summary>
/// <param name="ns">The namespace.</param>
/// <param name="allowance">How many rows there may be.</param>
/// <param name="owners">Tells whose a socket is; null where all are the namespace's.</param>
internal sealed class UdpRows(NetNamespace ns, RowAllowance allowance, ListenerOwners? owners)
    : AddressRows(Columns, ns, allowance, owners), INetlinkSink
{
    private const string Which = "; of sockets that have a queue, or dropped something.";

    internal static readonly Metric Usage = Metric.UpDownCounter("netlens.udp.socket.queue.usage", Units.Bytes,
        "Memory of datagrams that wait to be read" + Which);

    internal static readonly Metric Limit = Metric.UpDownCounter("netlens.udp.socket.queue.limit", Units.Bytes,
        "Memory that such datagrams may take (SO_RCVBUF, sk_rcvbuf)" + Which);

    internal static readonly Metric Fullest = Metric.Gauge("netlens.udp.socket.queue.highest", Units.Bytes,
        "Memory of datagrams that wait at the fullest of the sockets that share the address.");

    internal static readonly Metric FullestLimit = Metric.Gauge("netlens.udp.socket.queue.highest_limit", Units.Bytes,
        "Memory that they may take at that socket.");

    internal static readonly Metric Drops = Metric.Counter("netlens.udp.socket.dropped", Units.Datagrams,
        "Datagrams that the sockets at the address dropped: full queue, checksum, filter (sk_drops).");

    public static TableInfo Table { get; } = new("udpsummary.socket", RowScope.Namespace, AddressColumns.RowTags,
        [Usage, Limit, Fullest, FullestLimit, Drops]);

    private static readonly AddressColumns Columns = new()
    {
        Table = Table,
        Usage = Usage,
        Limit = Limit,
        Fullest = Fullest,
        FullestLimit = FullestLimit,
        Drops = Drops,
        OverLimit = "udp_sockets_over_limit",
    };

    /// <summary>All sockets of the namespace.</summary>
    public UdpTotals Totals { get; private set; }

    void INetlinkSink.Begin()
    {
        Begin();
        Totals = default;
    }

    bool INetlinkSink.Take(in NetlinkMessage message)
    {
        if (!SocketMessage.TryParse(message, out var socket))
            return false;
        var drops = Math.Max(socket.Drops, 0);
        Totals = Totals with
        {
            Sockets = Totals.Sockets + 1,
            Receive = Totals.Receive + socket.ReceiveQueue,
            Send = Totals.Send + socket.SendQueue,
            Drops = Totals.Drops + (ulong)drops,
        };
        if (drops > 0 || socket.ReceiveQueue > 0)
            Take(socket);
        return true;
    }

    /// <summary>Takes what the pass found.</summary>
    public void Take(in UdpTotals totals, ReadOnlySpan<SocketMessage> sockets)
    {
        Begin();
        Totals = totals;
        foreach (ref readonly var socket in sockets)
            Take(socket);
    }
}
