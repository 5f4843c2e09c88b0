using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Tcp;

/// <summary>TCP segments that arrive for a connection in TIME_WAIT, by what is done with them. tcptwrcv.bpf.c</summary>
/// <remarks>Or for one without an application that waits for its peer's end: the kernel keeps both alike.</remarks>
internal sealed class TcpTwRcv : BpfProbe
{
    // enum action in tcptwrcv.bpf.c, from 1. Empty: dropped or acknowledged, which not every way tells.
    private static readonly string[] Actions = ["drop", "ack", "reset", "syn", ""];

    // The same for people.
    private static readonly string[] Words =
        ["dropped", "acknowledged again", "answered with a reset", "a new connection may begin", ""];

    private static readonly Metric Segments = Metric.Counter("netlens.tcptwrcv.segments", Units.Segments,
        "TCP segments that arrived for a connection in TIME_WAIT, by what was done with them.");

    private static readonly TableInfo Table = new("tcptwrcv", RowScope.Namespace,
        [new("netlens.timewait.action"), new("network.type")], [Segments]);

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
        Tables = [Table],
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
    private readonly Action<Subject> _forget;
    private CounterRows _rows = null!;
    private CountedNamespaces _namespaces = null!;
    private NamespaceCounters<TcpKey, TcpValue, CounterRow> _counters = null!;

    // Tests take the ways that they want.
    public TcpTwRcv(ProbeHost host, ProbeSettings settings, Func<Way, bool>? ways = null)
        : base(Info, host, [new Hook("segments in TIME_WAIT", [.. Ways.Where(ways ?? (_ => true))])])
    {
        _segments = new TcpSegments(Arguments, settings);
        _forget = ns => _rows.Drop(ns);
        var (segment, refused) = (Kind(Segment), Kind(Refused));
        Decoder = new EventDecoder<TcpEvent>(host, (in e) => e.Reason != 0 ? refused : segment)
        { LeastBytes = KernelStack.LeastBytes<TcpEvent>() };
    }

    private static EventKind<TcpEvent> Kind(EventInfo info) => TcpSegments.Kind(
        info, static (in e) => e.Kind,
        static (in e, tuple) =>
            $"received {TcpFlags.Text(e.Flow.TcpFlags)} of {TcpSegments.Ends(tuple)}, which was over (TIME_WAIT)"
            + (Words[(int)e.Kind - 1] is { Length: > 0 } words ? $": {words}" : ""),
        static (in e) => [Action(e.Kind), TcpFlags.Text(e.Flow.TcpFlags)], static (in _) => null);

    private static string Action(long kind) => Actions[(int)kind - 1];

    protected override void Configure(BpfObject opened) => _segments.Configure(opened);

    protected override void Prepare(BpfObject loaded)
    {
        _segments.Prepare(loaded);
        _rows = new CounterRows(Table, KernelClock.UnixNow(),
            static (kind, family) => [Action(kind), family == 6 ? "ipv6" : "ipv4"]);
        _namespaces = new CountedNamespaces(Host);
        _counters = new(loaded.Map("counters"), _namespaces)
        {
            // The program counts nothing without a namespace.
            Meet = (key, ns) => ns is null ? null : _rows.Of(ns, key.Kind, key.Family),
            Add = static (in _, in value, row) => row.Values[0] += value.Segments,
            EventKey = static key => new(key.Reason != 0 ? Refused : Segment, key.Netns, key.Kind),
        };
    }

    public override bool Reconfigure(ProbeSettings settings) => _segments.Reconfigure(Object, settings);

    public override void Collect(SnapshotBuilder snapshot)
    {
        _namespaces.Begin(snapshot.Moment, _counters.Scarce, _forget);
        _rows.Begin();
        if (_counters.TryRead(snapshot, Host.Events))
            _rows.Write(snapshot);
    }
}
