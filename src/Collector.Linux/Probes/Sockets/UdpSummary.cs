using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Processes;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Sockets;

/// <summary>UDP sockets of every namespace, and those that have a queue or dropped something one by one.</summary>
/// <remarks>
/// UDP-Lite has a table of its own and is left out. A socket of a pod on the host network is told as that pod's.
/// </remarks>
public sealed class UdpSummary(ProbeHost host, ProbeSettings settings) : PerNamespaceProbe<UdpSockets>(Info, host)
{
    private static readonly Metric Count = Metric.UpDownCounter(
        "netlens.udp.socket.count", Units.Sockets, "UDP sockets that have a port.");

    internal static readonly Metric ReceiveQueue = Queue("receive");
    private static readonly Metric TransmitQueue = Queue("transmit");

    private static readonly Metric Dropped = Metric.UpDownCounter("netlens.udp.live.dropped", Units.Datagrams,
        "Datagrams that the sockets open now have dropped (sk_drops): falls as sockets are closed.");

    private static readonly TableInfo Table =
        new("udpsummary", RowScope.Namespace, [], [Count, ReceiveQueue, TransmitQueue, Dropped]);

    private static readonly ProbeOption<long> MaxSockets = Option.Integer("maxSockets", 64,
        "Local addresses per namespace that get a row of their own, those that dropped most first; others share one.",
        least: 0, most: 100_000);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "udpsummary",
        Description = "UDP sockets, bytes in their queues, and which of them drop.",
        Source = "one walk of the kernel's table by eBPF for all namespaces, else sock_diag; no /proc/net/udp",
        Tables = [Table, UdpRows.Table],
        Options = [MaxSockets],
    };

    private readonly int _most = (int)settings.Get(MaxSockets);

    private static Metric Queue(string direction) => Metric.UpDownCounter("netlens.udp.queue.usage", Units.Bytes,
        "Memory of datagrams in socket queues: received and not read, or sent and still on the way out of the node.",
        [new("network.io.direction", direction)]);

    public override void Start()
    {
        if (Host.Paths.Recorded)
            throw new ProbeUnavailableException("needs sock_diag; a recorded tree has only files");
    }

    protected override UdpSockets Open(NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        var rows = new UdpRows(ns.Namespace, new RowAllowance(Host.Limits.UdpSockets, ns.Namespace, _most),
            ns.Namespace.IsHost ? new ListenerOwners(Host.Pods, () => Host.Processes) : null);
        return new UdpSockets(rows, new Row(Table, ns.Namespace, ns.Namespace.StartTime), _most);
    }

    protected override void Collect(UdpSockets reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (reader.Read(ns, snapshot, Host.Sockets.UdpPassOf(snapshot.Tick)))
            reader.Write(snapshot);
        else
            snapshot.ReadFailed(reader.Failure);
    }

    internal static void Write(Row row, SnapshotBuilder snapshot, in UdpTotals totals)
    {
        var writer = snapshot.Append(row);
        writer.Set(Count, totals.Sockets);
        writer.Set(ReceiveQueue, (long)totals.Receive);
        writer.Set(TransmitQueue, (long)totals.Send);
        writer.Set(Dropped, (long)totals.Drops);
    }
}
