using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.ProcFs;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Tables;

/// <summary>
/// Sockets in use per namespace, and TCP and UDP memory of the machine, from /proc/net/sockstat and sockstat6; of other
/// namespaces than the node's own from one pass over all, where the kernel allows it.
/// </summary>
/// <remarks>
/// The file mixes both scopes: inuse, tw and FRAG are the namespace's; orphan, alloc and mem are the whole machine's
/// and read the same everywhere (sockstat_seq_show in net/ipv4/proc.c), so they are exported once.
/// </remarks>
internal sealed class Sock(ProbeHost host, ProbeSettings settings) : PerNamespaceProbe<Sock.Reader>(Info, host)
{
    private static readonly Metric Used = Metric.UpDownCounter(
        "netlens.sock.used", Units.Sockets, "Sockets of all families (sockstat: sockets used).");

    private static readonly Metric TcpV4 = InUse("tcp", "ipv4");
    private static readonly Metric UdpV4 = InUse("udp", "ipv4");
    private static readonly Metric UdpliteV4 = InUse("udplite", "ipv4");
    private static readonly Metric RawV4 = InUse("raw", "ipv4");
    private static readonly Metric TcpV6 = InUse("tcp", "ipv6");
    private static readonly Metric UdpV6 = InUse("udp", "ipv6");
    private static readonly Metric UdpliteV6 = InUse("udplite", "ipv6");
    private static readonly Metric RawV6 = InUse("raw", "ipv6");
    private static readonly Metric FragQueuesV4 = FragQueues("ipv4");
    private static readonly Metric FragQueuesV6 = FragQueues("ipv6");
    private static readonly Metric FragMemoryV4 = FragMemory("ipv4");
    private static readonly Metric FragMemoryV6 = FragMemory("ipv6");

    private static readonly Metric TimeWait = Metric.UpDownCounter("netlens.sock.time_wait", Units.Sockets,
        "TCP sockets in TIME_WAIT, both address families (sockstat: TCP tw).");

    internal static readonly Metric Orphan = Metric.UpDownCounter("netlens.sock.orphan", Units.Sockets,
        "TCP sockets of the machine that no process holds any more (sockstat: TCP orphan).");

    private static readonly Metric Allocated = Metric.UpDownCounter("netlens.sock.allocated", Units.Sockets,
        "TCP sockets of the machine that hold kernel memory (sockstat: TCP alloc).");

    internal static readonly Metric TcpMemory = Memory("tcp");
    internal static readonly Metric UdpMemory = Memory("udp");

    private static readonly TableInfo Sockets = new("sock", RowScope.Namespace, [],
    [
        Used, TcpV4, TcpV6, UdpV4, UdpV6, UdpliteV4, UdpliteV6, RawV4, RawV6, TimeWait, FragQueuesV4, FragQueuesV6,
        FragMemoryV4, FragMemoryV6,
    ]);

    private static readonly TableInfo Machine =
        new("sock.machine", RowScope.Node, [], [Orphan, Allocated, TcpMemory, UdpMemory]);

    private static readonly (SockstatField Field, Metric V4, Metric V6)[] PerFamily =
    [
        (SockstatField.TcpInuse, TcpV4, TcpV6),
        (SockstatField.UdpInuse, UdpV4, UdpV6),
        (SockstatField.UdpliteInuse, UdpliteV4, UdpliteV6),
        (SockstatField.RawInuse, RawV4, RawV6),
        (SockstatField.FragInuse, FragQueuesV4, FragQueuesV6),
        (SockstatField.FragMemory, FragMemoryV4, FragMemoryV6),
    ];

    private static readonly ProbeOption<bool> IncludeAll =
        Option.Include("all adds a row for every namespace; the node's own is always there.");

    private readonly bool _all = settings.Get(IncludeAll);
    private readonly Row _machine = new(Machine, null, host.BootTime);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "sock",
        Description = "Sockets in use by protocol and address family, fragments in reassembly, TCP and UDP memory.",
        Source = "one eBPF pass over all namespaces, else /proc/net/sockstat, /proc/net/sockstat6",
        Tables = [Sockets, Machine],
        Options = [IncludeAll],
    };

    protected override Reader Open(NamespaceHandle ns, SnapshotBuilder snapshot) =>
        new(new Row(Sockets, ns.Namespace, ns.Namespace.StartTime));

    protected override void Collect(Reader reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        if (!_all && !ns.Namespace.IsHost)
            return;
        // What is the machine's only the node's own file has.
        if (!ns.Namespace.IsHost && Host.Mib.ReadSockets(ns, snapshot.Tick) is { } pass)
            Append(reader.Row, pass.IPv4, pass.HasIPv6 ? pass.IPv6 : null, isHost: false, snapshot);
        else
            AppendFiles(reader.Row, ns, snapshot);
    }

    private void AppendFiles(Row identity, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        var ipv4 = Read(ns.Source<SockstatFile>(), ns, snapshot);
        var ipv6 = Read(ns.Source<Sockstat6File>(), ns, snapshot);
        Append(identity, ipv4, ipv6, ns.Namespace.IsHost, snapshot);
    }

    private static SockstatFigures? Read(SockstatLines file, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        var read = file.EnsureRead(ns, snapshot.Tick);
        if (file.Failure.Length > 0)
            snapshot.ReadFailed(file.Failure);
        return read ? file.Figures : null;
    }

    private void Append(
        Row identity, SockstatFigures? ipv4, SockstatFigures? ipv6, bool isHost, SnapshotBuilder snapshot)
    {
        if (ipv4 is null && ipv6 is null)
            return;
        var row = snapshot.Append(identity);
        foreach (var (field, v4, v6) in PerFamily)
        {
            if (ipv4 is not null)
                row.Set(v4, ipv4[field]);
            if (ipv6 is not null)
                row.Set(v6, ipv6[field]);
        }
        if (ipv4 is null)
            return;
        row.Set(Used, ipv4[SockstatField.SocketsUsed]);
        row.Set(TimeWait, ipv4[SockstatField.TcpTw]);
        if (isHost)
            AppendMachine(ipv4, snapshot);
    }

    private void AppendMachine(SockstatFigures file, SnapshotBuilder snapshot)
    {
        var row = snapshot.Append(_machine);
        row.Set(Orphan, file[SockstatField.TcpOrphan]);
        row.Set(Allocated, file[SockstatField.TcpAlloc]);
        row.Set(TcpMemory, Bytes(file[SockstatField.TcpMem]));
        row.Set(UdpMemory, Bytes(file[SockstatField.UdpMem]));
    }

    private static Metric InUse(string transport, string family) => Metric.UpDownCounter(
        "netlens.sock.in_use", Units.Sockets,
        "Sockets in use by protocol and address family (sockstat and sockstat6: inuse).",
        [new("network.transport", transport), new("network.type", family)]);

    private static Metric FragQueues(string family) => Metric.UpDownCounter(
        "netlens.sock.fragment.queues", Units.Packets,
        "Packets whose fragments are being put together (sockstat: FRAG inuse).", [new("network.type", family)]);

    private static Metric FragMemory(string family) => Metric.UpDownCounter(
        "netlens.sock.fragment.memory", Units.Bytes,
        "Memory of fragments that wait to be put together (sockstat: FRAG memory).", [new("network.type", family)]);

    // The kernel counts pages.
    private static long Bytes(long pages) => pages == Metric.Absent ? pages : pages * Environment.SystemPageSize;

    private static Metric Memory(string transport) => Metric.UpDownCounter(
        "netlens.sock.memory", Units.Bytes, "Memory of the machine's socket buffers, in whole pages (sockstat: mem).",
        [new("network.transport", transport)]);

    internal sealed class Reader(Row row) : IDisposable
    {
        public Row Row { get; } = row;

        public void Dispose()
        {
        }
    }
}
