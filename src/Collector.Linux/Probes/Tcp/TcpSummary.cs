using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Processes;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Tcp;

/// <summary>TCP sockets by state, the bytes in their queues, and the accept queue of every listener.</summary>
/// <remarks>
/// IPv4 and IPv6 together; a namespace without IPv6 simply has no such sockets. Half-open connections (syn_received)
/// belong to no process yet and are counted as ss(8) does. Queues are those of all sockets that do not listen: of
/// a listener the kernel gives connections in the same fields. Sockets by state are the namespace's; a listener of a
/// pod on the host network is told as that pod's.
/// </remarks>
public sealed class TcpSummary(ProbeHost host, ProbeSettings settings) : PerNamespaceProbe<TcpSockets>(Info, host)
{
    // In the order of enum tcp_state (include/net/tcp_states.h), from 1. Values are those of the semantic conventions.
    private static readonly Metric[] States =
    [
        State("established"),
        State("syn_sent"),
        State("syn_received"),
        State("fin_wait_1", optional: true),
        State("fin_wait_2", optional: true),
        State("time_wait"),
        State("closed", optional: true),
        State("close_wait"),
        State("last_ack", optional: true),
        State("listen"),
        State("closing", optional: true),
    ];

    internal static Metric Established => States[0];

    internal static readonly Metric ReceiveQueue = Queue("receive");
    internal static readonly Metric TransmitQueue = Queue("transmit");

    private static readonly TableInfo Table =
        new("tcpsummary", RowScope.Namespace, [], [.. States, ReceiveQueue, TransmitQueue]);

    private static readonly ProbeOption<long> MaxListeners = Option.Integer("maxListeners", 256,
        "Local addresses per namespace that get a row of their own; the others share one called 'other'.",
        least: 0, most: 100_000);

    private static readonly ProbeOption<bool> IncludeAll =
        Option.Include("all adds the states that pass by themselves (fin_wait_1, closing and the like).");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "tcpsummary",
        Description = "TCP sockets by state, bytes in their queues, round-trip times, waits, and every accept queue.",
        Source = "one walk of the kernel's tables by eBPF for all namespaces, else sock_diag; no /proc/net/tcp",
        Tables = [Table, TcpListeners.Table, TcpConnections.Table, TcpConnections.AgeTable],
        Options = [IncludeAll, MaxListeners],
    };

    private readonly bool _all = settings.Get(IncludeAll);
    private readonly TableInfo _table = settings.Get(IncludeAll) ? Table.Whole : Table;
    private readonly int _maxListeners = (int)settings.Get(MaxListeners);

    private static Metric State(string value, bool optional = false) => Metric.UpDownCounter(
        "system.network.connection.count", Units.Connections, "Sockets by state.",
        [new("network.transport", "tcp"), new("network.connection.state", value)], optional: optional);

    private static Metric Queue(string direction) => Metric.UpDownCounter("netlens.tcp.queue.usage", Units.Bytes,
        "Bytes in socket queues: received and not read, or sent and not acknowledged; listeners left out.",
        [new("network.io.direction", direction)]);

    public override void Start()
    {
        if (Host.Paths.Recorded)
            throw new ProbeUnavailableException("needs sock_diag; a recorded tree has only files");
    }

    protected override TcpSockets Open(NamespaceHandle ns, SnapshotBuilder snapshot) =>
        new(ns.Namespace, new RowAllowance(Host.Limits.Listeners, ns.Namespace, _maxListeners),
            ns.Namespace.IsHost ? new ListenerOwners(Host.Pods, () => Host.Processes) : null, _table, _all);

    /// <summary>Walks of the machine's sockets by sock_diag so far, all namespaces together.</summary>
    internal long Walks { get; private set; }

    protected override void Collect(TcpSockets reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        var walks = reader.Walks;
        var pass = Host.Sockets.PassOf(snapshot.Tick);
        if (ns.Namespace.IsHost && pass is { Crowded: > 0 })
            snapshot.ReadFailed("ports_over_limit");
        if (reader.Read(ns, snapshot, pass, Host.Mib))
            reader.Write(snapshot);
        else
            snapshot.ReadFailed(reader.Failure);
        Walks += reader.Walks - walks;
    }

    internal static void Write(Row row, SnapshotBuilder snapshot, SocketCounts counts, int listeners)
    {
        var writer = snapshot.Append(row);
        for (var i = 0; i < States.Length; i++)
            writer.Set(States[i], counts.InState(i + 1));
        writer.Set(States[SocketCounts.Listen - 1], listeners);
        writer.Set(ReceiveQueue, counts.ReceiveQueue);
        writer.Set(TransmitQueue, counts.SendQueue);
    }
}
