using Collector.Core.Events;
using Collector.Core.Identity;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;
using Collector.Linux.Probes.Mib;

namespace Collector.Linux.Probes.Tcp;

/// <summary>
/// TCP resets sent and received, by who sent them, the state of the connection, and the kernel's reason.
/// tcpreset.bpf.c
/// </summary>
/// <remarks>
/// Sent resets agree with nstat's TcpOutRsts, except that the tracepoint comes before a packet that may fail for want
/// of memory. A reset that hits a half-open connection is seen only where functions can be hooked (fentry, kprobes).
/// </remarks>
internal sealed class TcpReset : TcpSegmentProbe
{
    // enum kind in tcpreset.bpf.c
    private const int NoSocket = 1;
    private const int Stack = 2;
    private const int Active = 3;
    private const int Peer = 4;
    private const uint NoReason = uint.MaxValue;

    private static readonly Metric Resets =
        Metric.Counter("netlens.tcpreset.resets", Units.Segments, "TCP resets sent and received.");

    private static readonly TableInfo Table = new("tcpreset", RowScope.Namespace,
    [
        new("network.io.direction"), new("netlens.reset.origin"), new("network.connection.state"),
        new("netlens.reset.reason"), new("network.type"),
    ], [Resets]);

    internal static readonly EventInfo Sent = new()
    {
        Name = "netlens.tcpreset.sent",
        Severity = EventSeverity.Warn,
        Description = "A TCP reset was sent: nobody is there (no_socket), the stack refuses a segment (stack), or "
            + "somebody ends the connection (active).",
        Fields = Fields("netlens.reset.origin", "network.connection.state", "netlens.reset.reason"),
        LegacyTypes =
        [
            "TCPRESET_NOSOCK", "TCPRESET_PROCESS", "TCPRESET_ACTIVE", "TCP_SEND_RST", "TCP_SEND_RST_NOSock",
            "TCP_SEND_RST_ACTIVE",
        ],
    };

    internal static readonly EventInfo Received = new()
    {
        Name = "netlens.tcpreset.received",
        Severity = EventSeverity.Warn,
        Description = "A TCP reset was received for a connection of ours.",
        Fields = Fields("network.connection.state"),
        LegacyTypes = ["TCPRESET_RECEIVE", "TCP_RCV_RST_SYN", "TCP_RCV_RST_ESTAB", "TCP_RCV_RST_TW"],
    };

    private static readonly TcpSegmentOptions Arguments = new("namespace, origin, state, reason and family");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "tcpreset",
        Description = "TCP resets sent and received, by the connection's state and the kernel's reason.",
        Source = "tracepoints tcp:tcp_send_reset and tcp:tcp_receive_reset; tcp_v4_send_reset, tcp_v6_send_reset, "
            + "tcp_send_active_reset, tcp_timewait_state_process and tcp_check_req where the kernel needs them",
        Watches = true,
        Tables = [Table],
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
        new("states before a close", new Way("set_state_raw")) { Optional = true },
    ];

    private readonly Lazy<Dictionary<int, string>?> _reasons;
    private CounterRows _rows = null!;

    public TcpReset(ProbeHost host, ProbeSettings settings) : this(host, settings, null)
    {
    }

    /// <param name="host">The machine.</param>
    /// <param name="settings">Arguments.</param>
    /// <param name="ways">Leaves out the ways that do not pass.</param>
    internal TcpReset(ProbeHost host, ProbeSettings settings, Func<Way, bool>? ways)
        : base(Info, Arguments, host, Filter(Hooks, ways), settings) =>
        _reasons = new(() => host.Bpf.Environment.Btf?.Enum("sk_rst_reason", "SK_RST_REASON_"));

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

    protected override EventKey KeyOf(int kind, int state, uint reason, uint netns) =>
        new(kind == Peer ? Received : Sent, netns, ((long)reason << 16) | ((long)kind << 8) | (uint)state);

    protected override void Reset()
    {
        _rows = new CounterRows(Table, Tags);
        // On this thread: the types are gone once every probe has started.
        _ = _reasons.Value;
    }

    private TagValue[] Tags(long counted, long reason)
    {
        var (kind, state, family) = ((int)(counted >> 16), (int)(counted >> 8) & 0xff, (int)counted & 0xff);
        return
        [
            kind == Peer ? "receive" : "transmit", Origin(kind), TcpState.Name(state), Reason((uint)reason),
            family == 6 ? "ipv6" : "ipv4",
        ];
    }

    protected override void Begin() => _rows.Begin();

    protected override void Count(NetNamespace ns, in TcpKey key, long segments) =>
        _rows.Counters(ns, (key.Kind << 16) | (key.State << 8) | key.Family, key.Reason, Since)[0] += segments;

    protected override void Write(SnapshotBuilder snapshot) => _rows.Write(snapshot);

    protected override void Drop(NetNamespace ns) => _rows.Drop(ns);

    protected override string Message(in TcpEvent e, string ends)
    {
        var state = TcpState.Name(e.Flow.State);
        var reason = Reason(e.Reason);
        return e.Kind switch
        {
            Peer => $"received reset of {ends} in {state}",
            NoSocket => $"sent reset {ends}: no socket",
            Active => $"sent reset {ends}: aborted in {state}",
            _ => $"sent reset {ends}: refused in {state}",
        } + (reason.Length > 0 ? $", {reason}" : "");
    }

    protected override TagValue?[] Fields(in TcpEvent e)
    {
        TagValue state = TcpState.Name(e.Flow.State);
        if (e.Kind == Peer)
            return [state];
        var reason = Reason(e.Reason);
        return [Origin((int)e.Kind), state, reason.Length > 0 ? new TagValue(reason) : (TagValue?)null];
    }

    // The one for TIME_WAIT is of another exporter than the rest.
    protected override string LegacyType(in TcpEvent e) => e.Kind switch
    {
        NoSocket => "TCPRESET_NOSOCK",
        Stack => "TCPRESET_PROCESS",
        Active => "TCPRESET_ACTIVE",
        _ => TcpState.Name(e.Flow.State) == "time_wait" ? "TCP_RCV_RST_TW" : "TCPRESET_RECEIVE",
    };
}
