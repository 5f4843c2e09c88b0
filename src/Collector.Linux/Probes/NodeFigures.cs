using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Probes.Cgroups;
using Collector.Linux.Probes.Connects;
using Collector.Linux.Probes.Drops;
using Collector.Linux.Probes.Flows;
using Collector.Linux.Probes.Links;
using Collector.Linux.Probes.Listeners;
using Collector.Linux.Probes.Mib;
using Collector.Linux.Probes.Node;
using Collector.Linux.Probes.Sockets;
using Collector.Linux.Probes.Softirq;
using Collector.Linux.Probes.Tables;
using Collector.Linux.Probes.Tcp;

namespace Collector.Linux.Probes;

/// <summary>Figures of which a node is described in one look, whichever probe declares them.</summary>
public static class NodeFigures
{
    /// <summary>TCP sockets that are established.</summary>
    public static Metric Established => TcpSummary.Established;

    /// <summary>Of every open connection, once per collection.</summary>
    public static Metric RoundTrip => TcpConnections.RoundTrip;

    /// <summary>Bytes that nobody has read, by sockets of TCP and of UDP.</summary>
    public static IReadOnlyList<Metric> ReceiveQueues { get; } = [TcpSummary.ReceiveQueue, UdpSummary.ReceiveQueue];

    /// <summary>Connections made, and taken.</summary>
    public static IReadOnlyList<Metric> Opened { get; } =
        [Mib.Tcp.Of("Tcp", "ActiveOpens"), Mib.Tcp.Of("Tcp", "PassiveOpens")];

    /// <summary>Segments sent for the first time.</summary>
    public static Metric SentSegments { get; } = Mib.Tcp.Of("Tcp", "OutSegs");

    /// <summary>Segments sent again.</summary>
    public static Metric SentAgain { get; } = Mib.Tcp.Of("Tcp", "RetransSegs");

    /// <summary>Connections that were reset, and resets sent.</summary>
    public static IReadOnlyList<Metric> Resets { get; } =
        [Mib.Tcp.Of("Tcp", "EstabResets"), Mib.Tcp.Of("Tcp", "OutRsts")];

    /// <summary>Packets dropped, as packetloss sees them: a row begins with its first.</summary>
    public static Metric Dropped => PacketLossTables.DropsCounter;

    /// <summary>True for a row of <see cref="Dropped"/> whose packets were lost: nobody was told.</summary>
    public static bool IsLost(Row row) => row.Tags[2].Text == PacketLossTables.Outcome(DropOutcome.Lost);

    /// <summary>True for a row of <see cref="Dropped"/> whose packets <see cref="ListenDrops"/> counts, too.</summary>
    public static bool IsListenOverflow(Row row) => row.Tags[0].Text == "TCP_LISTEN_OVERFLOW";

    /// <summary>
    /// Handshakes that listeners dropped. Kernels that have a reason for full queues tell of those as lost, too.
    /// </summary>
    public static Metric ListenDrops { get; } = TcpExt.Of("TcpExt", "ListenDrops");

    /// <summary>Packets lost as the kernel counts them, for want of packetloss.</summary>
    public static Metric LostByCounters => Ledger.Lost;

    /// <summary>Told of a namespace whose drops packetloss watches.</summary>
    public static Metric LossWatched => Ledger.Unexplained;

    /// <summary>One of these moves where anything is dropped.</summary>
    public static IReadOnlyList<Metric> AnyDrop { get; } =
    [
        PacketLossTables.DropsCounter, Ledger.Lost, Ledger.Refused, Ledger.Orderly, ListenDrops, Qdisc.TotalDrops,
        .. NetdevTotal.Table.Metrics.Skip(4),
    ];

    /// <summary>Bytes in and out of a namespace as a whole.</summary>
    public static (Metric In, Metric Out) Traffic { get; } =
        (NetdevTotal.Table.Metrics[0], NetdevTotal.Table.Metrics[1]);

    /// <summary>Periods of CPU quota, and those of them in which it was used up.</summary>
    public static (Metric All, Metric Throttled) Periods { get; } = (Throttling.Periods, Throttling.Throttled);

    /// <summary>By local address, port and device.</summary>
    public static TableInfo Listeners => TcpListeners.Table;

    /// <summary>Of a row of it: connections that wait, how many may, packets dropped.</summary>
    public static (Metric Queue, Metric Limit, Metric Drops) Listener { get; } =
        (TcpListeners.Fullest, TcpListeners.FullestLimit, TcpListeners.Drops);

    /// <summary>Told when a listener drops: who it is and whose the limit is.</summary>
    public static IReadOnlyList<EventInfo> ListenerEvents { get; } = [ListenKinds.Overflow, ListenKinds.Cookies];

    /// <summary>By role, peer, port of the server and pod.</summary>
    public static TableInfo Flows => FlowCounters.Table;

    /// <summary>Of a row of <see cref="Flows"/>: connections, segments sent again, mean round-trip time.</summary>
    public static (Metric Connections, Metric SentAgain, Metric RoundTrip) Flow { get; } =
        (Flows.Metrics[0], Flows.Metrics[5], Flows.Metrics[6]);

    /// <summary>Connects that are over: by outcome and class of port.</summary>
    public static Metric Connects => ConnectCounters.Attempts;

    /// <summary>True for an outcome that is a failure.</summary>
    public static bool IsFailure(string outcome) => outcome is not ("established" or "aborted");

    /// <summary>Devices, by name and kind.</summary>
    public static TableInfo Devices => Netdev.Table;

    /// <summary>1 for a device that is up and has carrier.</summary>
    public static Metric DeviceUp => Netdev.Up;

    /// <summary>Queueing disciplines, by device, kind and parent.</summary>
    public static TableInfo Qdiscs => Qdisc.Table;

    /// <summary>What they dropped, and hold.</summary>
    public static (Metric Drops, Metric Backlog) QdiscFigures { get; } = (Qdisc.Drops, Qdisc.Backlog);

    /// <summary>How long softirqs ran: by vector; by vector and CPU.</summary>
    public static (Metric Node, Metric Cpu) SoftirqRuns { get; } =
        (Softirq.Softirq.Ran, Softirq.Softirq.RanAtCpu);

    /// <summary>Packets dropped at full backlogs: of all CPUs; by CPU.</summary>
    public static (Metric Node, Metric Cpu) BacklogDrops { get; } = (Softnet.Dropped, Softnet.DroppedAtCpu);

    /// <summary>Connections tracked.</summary>
    public static (Metric Used, Metric Limit) Tracked { get; } = (Conntrack.Entries, Conntrack.Limit);

    /// <summary>Next hops, by address family.</summary>
    public static (Metric Used, Metric Limit) NextHops { get; } = (Neighbour.Entries, Neighbour.Limit);

    /// <summary>Ports towards one destination.</summary>
    public static (Metric Used, Metric Limit, Metric TimeToFull) Ports { get; } =
        (Probes.Ports.Ports.Used, Probes.Ports.Ports.Limit, Probes.Ports.Ports.TimeToFull);

    /// <summary>The same of UDP sockets.</summary>
    public static (Metric Used, Metric Limit, Metric TimeToFull) UdpPorts { get; } =
        (Probes.Ports.Ports.UdpUsed, Probes.Ports.Ports.UdpLimit, Probes.Ports.Ports.UdpTimeToFull);

    /// <summary>The same of a translated address.</summary>
    public static (Metric Used, Metric Limit, Metric TimeToFull) TranslatedPorts { get; } =
    (
        Probes.Ports.Ports.TranslatedUsed, Probes.Ports.Ports.TranslatedLimit,
        Probes.Ports.Ports.TranslatedTimeToFull);

    /// <summary>Memory of the machine's socket buffers.</summary>
    public static (Metric Tcp, Metric Udp) SocketMemory { get; } = (Sock.TcpMemory, Sock.UdpMemory);

    /// <summary>Part of one processor, by probe.</summary>
    public static Metric BpfCpu => Ebpf.ProbeUtilization;

    /// <summary>What became of packets; null: not known.</summary>
    /// <inheritdoc cref="LedgerLines.Between"/>
    public static LedgerLines? LedgerOf(Snapshot before, Snapshot after, Subject? ns) =>
        LedgerLines.Between(before, after, ns);
}
