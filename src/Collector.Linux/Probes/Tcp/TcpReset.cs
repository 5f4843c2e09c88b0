using System.Globalization;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Tcp;

/// <summary>
/// TCP resets sent and received, by who sent them, the state of the connection, and the kernel's reason.
/// tcpreset.bpf.c
/// </summary>
/// <remarks>
/// Sent resets agree with nstat's TcpOutRsts, except that the tracepoint comes before a packet that may fail for want
/// of memory. A reset that hits a half-open connection is seen only where functions can be hooked (fentry, kprobes).
/// </remarks>
internal sealed class TcpReset : BpfProbe
{
    // enum kind in tcpreset.bpf.c
    private const int NoSocket = 1;
    private const int Stack = 2;
    private const int Active = 3;
    private const int Peer = 4;
    private const uint NoReason = uint.MaxValue;

    internal static readonly Metric Resets =
        Metric.Counter("netlens.tcpreset.resets", Units.Segments, "TCP resets sent and received.");

    internal static readonly TableInfo Table = new("tcpreset", RowScope.Namespace,
    [
        new("network.io.direction"), new("netlens.reset.origin"), new("network.connection.state"),
        new("netlens.reset.reason"), new("network.type"),
    ], [Resets]);

    private static readonly Metric Total = Metric.Counter("netlens.tcpreset.total", Units.Segments,
        "TCP resets sent and received, all of them: 0 where there were none.");

    private static readonly TableInfo TotalTable = new("tcpreset.total", RowScope.Namespace, [], [Total]);

    internal static readonly EventInfo Sent = new()
    {
        Name = "netlens.tcpreset.sent",
        Severity = EventSeverity.Warn,
        Description = "A TCP reset was sent: nobody is there (no_socket), the stack refuses a segment (stack), or "
            + "somebody ends the connection (active). Where a listener was closed in the ten minutes before, how long "
            + "ago that was.",
        Fields = Fields("netlens.reset.origin", "network.connection.state", "netlens.reset.reason",
            "netlens.listen.closed.duration"),
    };

    internal static readonly EventInfo Received = new()
    {
        Name = "netlens.tcpreset.received",
        Severity = EventSeverity.Warn,
        Description = "A TCP reset was received for a connection of ours.",
        Fields = Fields("network.connection.state", "netlens.connection.idle"),
    };

    private static readonly TcpSegmentOptions Arguments = new("namespace, origin, state, reason and family");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "tcpreset",
        Description = "TCP resets sent and received, by the connection's state and the kernel's reason.",
        Source = "tracepoints tcp:tcp_send_reset and tcp:tcp_receive_reset; tcp_v4_send_reset, tcp_v6_send_reset, "
            + "tcp_send_active_reset, tcp_timewait_state_process and tcp_check_req where the kernel needs them",
        Watches = true,
        Essential = true,
        Tables = [Table, TotalTable],
        Events = [Sent, Received],
        Options = Arguments.All,
    };

    private static readonly Hook[] Hooks =
    [
        new("resets sent",
            new Way("send_reset_reason_raw") { Assumes = [("tcp_send_reset", 2, "sk_rst_reason")] },
            new Way("v4_send_reset_fentry", "v6_send_reset_fentry?", "active_reset_fentry"),
            new Way("v4_send_reset_kprobe", "v6_send_reset_kprobe?", "active_reset_kprobe"),
            new Way("send_reset_raw")),
        new("resets received", new Way("receive_reset_raw"), new Way("tcp_reset_fentry"), new Way("tcp_reset_kprobe")),
        new("resets received in TIME_WAIT",
            new Way("time_wait_btf") { Assumes = [("kfree_skb", 3, "sock*")] },
            new Way("time_wait_fentry"),
            new Way("time_wait_kprobe")) { Optional = true },
        new("resets received by half-open connections", new Way("half_open_fentry"), new Way("half_open_kprobe"))
        {
            Optional = true,
        },
        new("states before a close, and listeners that were closed", new Way("set_state_raw")) { Optional = true },
    ];

    private readonly TcpSegments _segments;
    private readonly Lazy<Dictionary<int, string>?> _reasons;
    private TcpSegmentCounters _counters = null!;

    public TcpReset(ProbeHost host, ProbeSettings settings) : this(host, settings, null)
    {
    }

    /// <param name="host">The machine.</param>
    /// <param name="settings">Arguments.</param>
    /// <param name="ways">Leaves out the ways that do not pass: tests take a given one.</param>
    internal TcpReset(ProbeHost host, ProbeSettings settings, Func<Way, bool>? ways)
        : base(Info, host, ways is null
            ? Hooks
            : [.. Hooks.Select(h => new Hook(h.Name, [.. h.Ways.Where(ways)]) { Optional = h.Optional })])
    {
        _segments = new TcpSegments(Arguments, settings);
        _reasons = new(() => host.Bpf.Environment.Btf?.Enum("sk_rst_reason", "SK_RST_REASON_"));
        var (sent, received) = (Kind(Sent), Kind(Received));
        Decoder = new EventDecoder<TcpEvent>(host, (in e) => e.Kind == Peer ? received : sent)
        {
            LeastBytes = KernelStack.LeastBytes<TcpEvent>(),
        };
    }

    private EventKind<TcpEvent> Kind(EventInfo info) => TcpSegments.Kind(info,
        static (in e) => ReasonOf((int)e.Kind, e.Flow.State, e.Reason), Message, Fields, Severity);

    private static TagKey[] Fields(params string[] keys) => [.. keys.Select(k => new TagKey(k))];

    private static string Origin(int kind) => kind switch
    {
        NoSocket => "no_socket",
        Stack => "stack",
        Active => "active",
        _ => "peer",
    };

    // Empty where the kernel gives none.
    private string Reason(uint reason) => reason == NoReason
        ? ""
        : _reasons.Value?.GetValueOrDefault((int)reason) ?? $"REASON_{reason}";

    private static EventKey? KeyOf(TcpKey key) => new(
        key.Kind == Peer ? Received : Sent, key.Netns, ReasonOf(key.Kind, key.State, key.Reason));

    private static long ReasonOf(int kind, int state, uint reason) =>
        ((long)reason << 16) | ((long)kind << 8) | (uint)state;

    protected override void Configure(BpfObject opened) => _segments.Configure(opened);

    protected override void Prepare(BpfObject loaded)
    {
        _segments.Prepare(loaded);
        // On this thread: the types are gone once every probe has started.
        _ = _reasons.Value;
        _counters = new(Host, loaded, Table, TotalTable, Tags)
        {
            Numbers = static key => ((key.Kind << 16) | (key.State << 8) | key.Family, key.Reason),
            EventKey = KeyOf,
        };
    }

    public override bool Reconfigure(ProbeSettings settings) => _segments.Reconfigure(Object, settings);

    public override void Collect(SnapshotBuilder snapshot) => _counters.Collect(snapshot, Host.Events);

    private TagValue[] Tags(long counted, long reason)
    {
        var (kind, state, family) = ((int)(counted >> 16), (int)(counted >> 8) & 0xff, (int)counted & 0xff);
        return
        [
            kind == Peer ? "receive" : "transmit", Origin(kind), TcpState.Name(state), Reason((uint)reason),
            family == 6 ? "ipv6" : "ipv4",
        ];
    }

    private string Message(in TcpEvent e, EventParties parties)
    {
        var sent = $"{parties.Local} sent a reset to {parties.Remote}";
        var state = $"the connection was {TcpState.Words(e.Flow.State)}";
        return e.Kind switch
        {
            Peer => $"{parties.Local} received a reset from {parties.Remote}, {state}{Idle(e.ClosedMs)}",
            NoSocket => $"{sent}: nobody listens there{Since(e.ClosedMs)}",
            Active => $"{sent}, {state}: {ResetReasons.OfAnEnd(Reason(e.Reason))}",
            _ => $"{sent}, {state}: {ResetReasons.OfASegment(Reason(e.Reason))}",
        };
    }

    private static string Since(uint closedMs) => closedMs switch
    {
        0 => "",
        < 60_000 => string.Create(CultureInfo.InvariantCulture, $" (closed {closedMs / 1000.0:0.0} s ago)"),
        _ => $" (closed {closedMs / 60_000} min ago)",
    };

    // A pause as of a request is none.
    private static string Idle(uint idleMs) => idleMs < 5000 ? "" : $" and had been idle for {idleMs / 1000} s";

    private EventSeverity Severity(in TcpEvent e) => e.Kind switch
    {
        Peer => ResetReasons.SeverityOfReceived(TcpState.Name(e.Flow.State)),
        NoSocket when TcpFlags.Opens(e.Flow.TcpFlags) => EventSeverity.Error,
        Active => ResetReasons.SeverityOfAnEnd(Reason(e.Reason)),
        _ => EventSeverity.Warn,
    };

    private TagValue?[] Fields(in TcpEvent e)
    {
        TagValue state = TcpState.Name(e.Flow.State);
        if (e.Kind == Peer)
            return [state, e.ClosedMs == 0 ? default(TagValue?) : e.ClosedMs * 1_000_000L];
        var reason = Reason(e.Reason);
        return
        [
            Origin((int)e.Kind), state, reason.Length > 0 ? new TagValue(reason) : (TagValue?)null,
            e.ClosedMs == 0 ? (TagValue?)null : e.ClosedMs * 1_000_000L,
        ];
    }
}
