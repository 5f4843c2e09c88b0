using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Tcp;

/// <summary>TCP segments that were sent again, by what made the kernel do it. tcpretrans.bpf.c</summary>
/// <remarks>Agrees with nstat's TcpRetransSegs, which has no kinds; no series per connection.</remarks>
internal sealed class TcpRetrans : BpfProbe
{
    // enum kind in tcpretrans.bpf.c, from 1
    private static readonly string[] Kinds = ["syn", "syn_ack", "fast", "rto", "slow_start", "tlp", "other"];

    // The same for people.
    private static readonly string[] Words =
    [
        "the SYN was not answered", "the answer to a SYN was not acknowledged",
        "the peer acknowledged later segments (fast retransmit)", "no acknowledgement in time (time-out)",
        "after a time-out (slow start)", "the last segment was not acknowledged (tail loss probe)",
        "for another reason",
    ];

    private static readonly Metric Segments = Metric.Counter("netlens.tcpretrans.segments", Units.Segments,
        "TCP segments sent again (TcpRetransSegs), by what made the kernel do it.");

    private static readonly TableInfo Table = new("tcpretrans", RowScope.Namespace,
        [new("netlens.retransmit.kind"), new("network.type")], [Segments]);

    private static readonly Metric Total = Metric.Counter("netlens.tcpretrans.total", Units.Segments,
        "TCP segments sent again, of all kinds: 0 where there were none.");

    private static readonly TableInfo TotalTable = new("tcpretrans.total", RowScope.Namespace, [], [Total]);

    internal static readonly EventInfo Retransmitted = new()
    {
        Name = "netlens.tcpretrans.retransmit",
        Severity = EventSeverity.Warn,
        Description = "A TCP segment was sent again.",
        Fields = [new("netlens.retransmit.kind"), new("network.connection.state"), new("netlens.retransmit.segments")],
    };

    private static readonly TcpSegmentOptions Arguments = new("namespace, kind and family");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "tcpretrans",
        Description = "TCP retransmissions by kind: SYN, SYN-ACK, fast, time-out, slow start, tail loss probe.",
        Source = "tracepoints tcp:tcp_retransmit_skb and tcp:tcp_retransmit_synack",
        Watches = true,
        Essential = true,
        Tables = [Table, TotalTable],
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

    private readonly TcpSegments _segments;
    private TcpSegmentCounters _counters = null!;

    public TcpRetrans(ProbeHost host, ProbeSettings settings) : base(Info, host, Hooks)
    {
        _segments = new TcpSegments(Arguments, settings);
        Decoder = new EventDecoder<TcpEvent>(host, Segment) { LeastBytes = KernelStack.LeastBytes<TcpEvent>() };
    }

    private static EventKind<TcpEvent> Segment { get; } = TcpSegments.Kind(
        Retransmitted,
        static (in e) => e.Kind,
        static (in e, parties) => $"{parties.Local} sent a segment again to {parties.Remote}, the connection is "
            + $"{TcpState.Words(e.Flow.State)}: {Words[(int)e.Kind - 1]}",
        static (in e) => [Kind(e.Kind), TcpState.Name(e.Flow.State), (long)e.Segments],
        static (in e) => Severity(Kind(e.Kind)));

    // Who opens a connection waits a second and more; a probe for the last segment comes before anybody has waited.
    private static EventSeverity Severity(string kind) => kind switch
    {
        "syn" => EventSeverity.Error,
        "tlp" => EventSeverity.Info,
        _ => Retransmitted.Severity,
    };

    private static string Kind(long kind) => Kinds[(int)kind - 1];

    protected override void Configure(BpfObject opened) => _segments.Configure(opened);

    protected override void Prepare(BpfObject loaded)
    {
        _segments.Prepare(loaded);
        _counters = new(Host, loaded, Table, TotalTable,
            static (kind, family) => [Kind(kind), family == 6 ? "ipv6" : "ipv4"])
        {
            Numbers = static key => (key.Kind, key.Family),
            EventKey = static key => new(Retransmitted, key.Netns, key.Kind),
        };
    }

    public override bool Reconfigure(ProbeSettings settings) => _segments.Reconfigure(Object, settings);

    public override void Collect(SnapshotBuilder snapshot) => _counters.Collect(snapshot, Host.Events);
}
