using Collector.Core.Events;
using Collector.Core.Identity;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Tcp;

/// <summary>TCP segments that were sent again, by what made the kernel do it. tcpretrans.bpf.c</summary>
/// <remarks>Agrees with nstat's TcpRetransSegs, which has no kinds; no series per connection.</remarks>
internal sealed class TcpRetrans : TcpSegmentProbe
{
    // enum kind in tcpretrans.bpf.c, from 1
    private static readonly string[] Kinds = ["syn", "syn_ack", "fast", "rto", "slow_start", "tlp", "other"];

    private static readonly Metric Segments = Metric.Counter("netlens.tcpretrans.segments", Units.Segments,
        "TCP segments sent again (TcpRetransSegs), by what made the kernel do it.");

    private static readonly TableInfo Table = new("tcpretrans", RowScope.Namespace,
        [new("netlens.retransmit.kind"), new("network.type")], [Segments]);

    // For an older exporter's name.
    private static readonly Metric Total = Metric.Unnamed(InstrumentKind.Counter, "netlens.tcpretrans.total",
        Units.Segments, "TCP segments sent again, of all kinds.");

    private static readonly TableInfo LegacyTable = new("tcpretrans.total", RowScope.Namespace, [], [Total]);

    internal static readonly EventInfo Retransmitted = new()
    {
        Name = "netlens.tcpretrans.retransmit",
        Severity = EventSeverity.Warn,
        Description = "A TCP segment was sent again.",
        Fields = [new("netlens.retransmit.kind"), new("network.connection.state"), new("netlens.retransmit.segments")],
        LegacyTypes = ["TCPRetrans"],
    };

    private static readonly TcpSegmentOptions Arguments = new("namespace, kind and family");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "tcpretrans",
        Description = "TCP retransmissions by kind: SYN, SYN-ACK, fast, time-out, slow start, tail loss probe.",
        Source = "tracepoints tcp:tcp_retransmit_skb and tcp:tcp_retransmit_synack",
        Watches = true,
        Tables = [Table, LegacyTable],
        Events = [Retransmitted],
        Options = Arguments.All,
    };

    // Tracepoints since Linux 4.16. Functions are no way: compilers inline parts of __tcp_retransmit_skb, and at its
    // entry nobody knows yet whether the segment can be sent.
    private static readonly Hook[] Hooks =
    [
        new("retransmitted segments",
            new Way("retransmit_result_raw") { Assumes = [("tcp_retransmit_skb", 2, "int")] },
            new Way("retransmit_raw")),
        new("retransmitted SYN-ACKs", new Way("retransmit_synack_raw")),
    ];

    private CounterRows _rows = null!;
    private CounterRows _totals = null!;

    public TcpRetrans(ProbeHost host, ProbeSettings settings) : base(Info, Arguments, host, Hooks, settings)
    {
    }

    private static string Kind(long kind) => Kinds[(int)kind - 1];

    protected override EventKey KeyOf(int kind, int state, uint reason, uint netns) => new(Retransmitted, netns, kind);

    protected override void Reset()
    {
        _rows = new CounterRows(Table, static (kind, family) => [Kind(kind), family == 6 ? "ipv6" : "ipv4"]);
        _totals = new CounterRows(LegacyTable, static (_, _) => []);
    }

    protected override void Begin()
    {
        _rows.Begin();
        _totals.Begin();
    }

    protected override void Count(NetNamespace ns, in TcpKey key, long segments)
    {
        _rows.Counters(ns, key.Kind, key.Family, Since)[0] += segments;
        _totals.Counters(ns, 0, 0, Since)[0] += segments;
    }

    protected override void Write(SnapshotBuilder snapshot)
    {
        _rows.Write(snapshot);
        _totals.Write(snapshot);
    }

    protected override void Drop(NetNamespace ns)
    {
        _rows.Drop(ns);
        _totals.Drop(ns);
    }

    protected override string Message(in TcpEvent e, string ends) =>
        $"retransmitted {ends}: {Kind(e.Kind)} in {TcpState.Name(e.Flow.State)}";

    protected override TagValue?[] Fields(in TcpEvent e) =>
        [Kind(e.Kind), TcpState.Name(e.Flow.State), (long)e.Segments];

    protected override string LegacyType(in TcpEvent e) => "TCPRetrans";
}
