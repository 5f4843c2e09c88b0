using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Tcp;

/// <summary>TCP segments that arrive for a connection in TIME_WAIT, by what is done with them. tcptwrcv.bpf.c</summary>
/// <remarks>Or for one without an application that waits for its peer's end: the kernel keeps both alike.</remarks>
internal sealed class TcpTwRcv : BpfProbe
{
    // enum action in tcptwrcv.bpf.c, from 1. Empty: dropped or acknowledged, which not every way tells.
    private static readonly string[] Actions = ["drop", "ack", "reset", "syn", ""];

    // enum outcome
    private static readonly string[] Outcomes = ["orderly", "refused", "other"];
    private const int IsRefused = 2;
    // The same for people.
    private static readonly string[] Words =
        ["dropped", "acknowledged again", "answered with a reset", "a new connection may begin", ""];

    internal static readonly Metric Segments = Metric.Counter("netlens.tcptwrcv.segments", Units.Segments,
        "TCP segments that arrived for a connection in TIME_WAIT, by what was done with them and whether it is in "
        + "order: the connection's last acknowledgement and end are, and a new connection that is let through.");

    internal static readonly TableInfo Table = new("tcptwrcv", RowScope.Namespace,
        [new("netlens.timewait.action"), new("network.type"), new("netlens.timewait.outcome")], [Segments]);

    internal static readonly Metric AllRefused = Metric.Counter("netlens.tcptwrcv.refused", Units.Segments,
        "TCP segments in TIME_WAIT that were answered by a reset, or SYNs that were not let through.");

    private static readonly TableInfo RefusedTable = new("tcptwrcv.refused", RowScope.Namespace, [], [AllRefused]);

    internal static readonly EventInfo Segment = new()
    {
        Name = "netlens.tcptwrcv.segment",
        Severity = EventSeverity.Info,
        Description = "A TCP segment arrived for a connection in TIME_WAIT, which is mostly orderly.",
        Fields = [new("netlens.timewait.action"), new("netlens.tcp.flags")],
    };

    internal static readonly EventInfo Refused = new()
    {
        Name = "netlens.tcptwrcv.refused",
        Severity = EventSeverity.Warn,
        Description = "In TIME_WAIT a SYN was not let through, so its connection is delayed, or a reset was sent.",
        Fields = Segment.Fields,
    };

    private static readonly TcpSegmentOptions Arguments = new("namespace, action and family");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "tcptwrcv",
        Description = "TCP segments that arrive in TIME_WAIT, and what was done with them.",
        Source = "tcp_timewait_state_process; else tracepoints skb:kfree_skb and tcp:tcp_send_reset",
        Watches = true,
        Tables = [Table, RefusedTable],
        Events = [Segment, Refused],
        Options = Arguments.All,
    };

    private static readonly Way[] Ways =
    [
        new("process_fexit"),
        new("process_kprobe", "process_kretprobe"),
        new("freed_btf", "answered_raw") { Assumes = [("kfree_skb", 3, "sock*")] },
    ];

    private readonly TcpSegments _segments;
    private TcpSegmentCounters _counters = null!;

    // Tests take the ways that they want.
    public TcpTwRcv(ProbeHost host, ProbeSettings settings, Func<Way, bool>? ways = null)
        : base(Info, host, [new Hook("segments in TIME_WAIT", [.. Ways.Where(ways ?? (_ => true))])])
    {
        _segments = new TcpSegments(Arguments, settings);
        var (segment, refused) = (Kind(Segment), Kind(Refused));
        Decoder = new EventDecoder<TcpEvent>(host, (in e) => e.Reason == IsRefused ? refused : segment)
        { LeastBytes = KernelStack.LeastBytes<TcpEvent>() };
    }

    private static EventKind<TcpEvent> Kind(EventInfo info) => TcpSegments.Kind(
        info, static (in e) => e.Kind,
        static (in e, parties) =>
            $"{parties.Local} received {TcpFlags.Text(e.Flow.TcpFlags)} from {parties.Remote}, the connection was over "
            + "(TIME_WAIT)" + (Words[(int)e.Kind - 1] is { Length: > 0 } words ? $": {words}" : ""),
        static (in e) => [Action(e.Kind), TcpFlags.Text(e.Flow.TcpFlags)]);

    private static string Action(long kind) => Actions[(int)kind - 1];

    protected override void Configure(BpfObject opened) => _segments.Configure(opened);

    protected override void Prepare(BpfObject loaded)
    {
        _segments.Prepare(loaded);
        _counters = new(Host, loaded, Table, RefusedTable, static (kind, family) =>
            [Action(kind & 0xff), family == 6 ? "ipv6" : "ipv4", Outcomes[(int)(kind >> 8) - 1]])
        {
            Numbers = static key => (key.Kind | (key.Reason << 8), key.Family),
            IsInSum = static key => key.Reason == IsRefused,
            EventKey = static key => new(key.Reason == IsRefused ? Refused : Segment, key.Netns, key.Kind),
        };
    }

    public override bool Reconfigure(ProbeSettings settings) => _segments.Reconfigure(Object, settings);

    public override void Collect(SnapshotBuilder snapshot) => _counters.Collect(snapshot, Host.Events);
}
