using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Drops;

namespace Collector.Linux.Probes.Tcp;

/// <summary>
/// TCP segments that were sent again, by what made the kernel do it, and whether they were lost on this node: that
/// <see cref="PacketLoss"/> tells it, by a map of both. tcpretrans.bpf.c
/// </summary>
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

    // enum verdict in tcpretrans.bpf.c, from 1
    private static readonly string[] Verdicts = ["dropped_here", "not_here", "unknown"];

    internal static readonly Metric Segments = Metric.Counter("netlens.tcpretrans.segments", Units.Segments,
        "TCP segments sent again (TcpRetransSegs), by what made the kernel do it and whether this node dropped them.");

    internal static readonly TableInfo Table = new("tcpretrans", RowScope.Namespace,
        [new("netlens.retransmit.kind"), new("network.type"), new("netlens.retransmit.verdict")], [Segments]);

    internal static readonly Metric Total = Metric.Counter("netlens.tcpretrans.total", Units.Segments,
        "TCP segments sent again, of all kinds: 0 where there were none.");

    private static readonly TableInfo TotalTable = new("tcpretrans.total", RowScope.Namespace, [], [Total]);

    internal static readonly EventInfo Retransmitted = new()
    {
        Name = "netlens.tcpretrans.retransmit",
        Severity = EventSeverity.Warn,
        Description = "A TCP segment was sent again.",
        Fields =
        [
            new("netlens.retransmit.kind"), new("network.connection.state"), new("netlens.retransmit.segments"),
            new("netlens.retransmit.verdict"), new("netlens.drop.reason"), new("netlens.drop.location"),
            new("netlens.drop.elapsed"), new("netlens.retransmit.timeouts"), new("netlens.retransmit.size"),
            new("netlens.retransmit.delivered_size"),
        ],
    };

    private static readonly TcpSegmentOptions Arguments = new("namespace, kind, verdict and family");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "tcpretrans",
        Description = "TCP retransmissions by kind (SYN, fast, time-out ...), and whether this node dropped them.",
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
    private DropReasons _reasons = null!;
    private LostSegments? _lost;

    public TcpRetrans(ProbeHost host, ProbeSettings settings) : base(Info, host, Hooks)
    {
        _segments = new TcpSegments(Arguments, settings);
        Decoder = new EventDecoder<TcpEvent>(host, Segment())
        {
            LeastBytes = KernelStack.LeastBytes<TcpEvent>(),
        };
    }

    private EventKind<TcpEvent> Segment() => TcpSegments.Kind(
        Retransmitted,
        static (in e) => ReasonOf((byte)e.Kind, e.Reason),
        (in e, parties) => $"{parties.Local} sent a segment again to {parties.Remote}, the connection is "
            + $"{TcpState.Words(e.Flow.State)}: {Words[(int)e.Kind - 1]}{Where(e)}",
        (in e) =>
        [
            Kind(e.Kind), TcpState.Name(e.Flow.State), (long)e.Segments, Verdict(e.Reason),
            IsLoss(e) ? DropReason(e.Loss) : default(TagValue?), IsLoss(e) ? Place(e.Loss) : default(TagValue?),
            IsLoss(e) ? e.Loss.Before : default(TagValue?),
            e.Loss.Timeouts == 0 ? default(TagValue?) : (long)e.Loss.Timeouts, OfSize(e, e.Loss.Length),
            OfSize(e, e.Loss.Delivered),
        ],
        static (in e) => Severity(Kind(e.Kind)));

    private static TagValue? OfSize(in TcpEvent e, uint value) =>
        e.Loss.Length == 0 ? default(TagValue?) : (long)value;

    private static bool IsLoss(in TcpEvent e) => Verdict(e.Reason) == "dropped_here";

    // "; the node dropped it 212 ms before: a rule of the firewall (NETFILTER_DROP in nf_hook_slow+0xa0)"
    private string Where(in TcpEvent e)
    {
        if (!IsLoss(e))
            return Verdict(e.Reason) == "not_here" ? "; this node dropped nothing of it" : "";
        var ns = Host.Namespaces.Directory.Find(e.Loss.Netns, e.Loss.NetnsCookie);
        var what = e.Loss.Answer != 0 ? "the acknowledgement" : "its packet";
        var dropped = new EventParties(ns, null).DidToPacket("dropped", what);
        var why = DropWords.Why(DropReason(e.Loss), Place(e.Loss));
        return $"; {dropped} here {Durations.Milliseconds(e.Loss.Before)} ms before: {why}";
    }

    // Before 5.17 the function says it.
    private string DropReason(in TcpLoss loss) =>
        loss.Reason == 0 ? Place(loss).Split('+')[0] : _reasons.Name(loss.Reason);

    private string Place(in TcpLoss loss) => Host.Bpf.Environment.Symbols.Describe(loss.Location);

    private static string Verdict(long verdict) => Verdicts[(int)verdict - 1];

    // What is limited together.
    private static long ReasonOf(byte kind, uint verdict) => kind | (long)verdict << 8;

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
        _reasons = new DropReasons(Host.Bpf.Environment.Btf, Host.Bpf.Environment.ModuleEnum);
        _counters = new(Host, loaded, Table, TotalTable,
            static (reason, family) => [Kind((byte)reason), family == 6 ? "ipv6" : "ipv4", Verdict(reason >> 8)])
        {
            Numbers = static key => (ReasonOf(key.Kind, key.Reason), key.Family),
            EventKey = static key => new(Retransmitted, key.Netns, ReasonOf(key.Kind, key.Reason)),
        };
    }

    public override void Start()
    {
        base.Start();
        _lost = new LostSegments(Object, LostSegments.Wanted);
        _lost.Begin();
    }

    public override bool Reconfigure(ProbeSettings settings) => _segments.Reconfigure(Object, settings);

    public override void Collect(SnapshotBuilder snapshot) => _counters.Collect(snapshot, Host.Events);

    protected override void Dispose(bool disposing)
    {
        _lost?.End();
        _lost = null;
        base.Dispose(disposing);
    }
}
