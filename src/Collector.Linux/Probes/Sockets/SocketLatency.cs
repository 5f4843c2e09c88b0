using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Sockets;

/// <summary>
/// How long data wait in TCP sockets: ready until the application reads them, written until they are sent for the first
/// time; the slow ones as events with process and both ends. socketlatency.bpf.c
/// </summary>
internal sealed class SocketLatency : SizedProbe
{
    private static readonly ProbeOption<TimeSpan> SlowOption = Option.Duration(
        "slow", TimeSpan.FromMilliseconds(100), "Data that wait longer make events.", most: 3_600_000);

    private static readonly ProbeOption<long> BurstOption = Option.Integer(
        "burst", 10, "Events per second, namespace, role and direction that leave the kernel.", least: 0, most: 1000);

    private static readonly ProbeOption<long> EntriesOption = Option.Integer(
        "entries", 4096, "Combinations of namespace, role and direction that have a histogram.",
        least: 64, most: 1 << 20);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "socketlatency",
        Description = "How long data wait in TCP sockets to be read or sent, and events for slow ones.",
        Source = "tracepoints sock:sk_data_ready, tcp:tcp_rcv_space_adjust, tcp:tcp_sendmsg_locked and "
            + "net:net_dev_queue; functions of the kernel where it has no such tracepoint",
        EnabledByDefault = false,
        Watches = true,
        Tables = [SocketLatencyCounters.Table, SocketLatencyCounters.SlowReads, SocketLatencyCounters.SlowWrites],
        Events = [SocketLatencyKinds.ReadInfo, SocketLatencyKinds.WriteInfo],
        Options = [SlowOption, BurstOption, EntriesOption],
    };

    // Those that are typed keep what waits with the socket itself, which may be since Linux 5.11.
    private static readonly Hook[] Hooks =
    [
        new("data that are ready and read", new Way("ready_btf", "read_btf"), new Way("ready_fentry", "read_btf"),
            new Way("ready_raw", "read_raw"), new Way("ready_kprobe", "read_raw")),
        new("data that are written and sent", WriteAt("write_btf", "leave_btf"),
            new Way("write_fentry", "leave_btf", "pages_fentry?"), WriteAt("write_raw", "leave_raw"),
            new Way("write_kprobe", "leave_raw", "pages_kprobe?"))
        {
            Optional = true,
        },
    ];

    private SocketLatencyCounters _counters = null!;
    private bool? _seesWrites;

    public SocketLatency(ProbeHost host, ProbeSettings settings) : this(host, settings, Hooks)
    {
    }

    /// <summary>One with some ways only.</summary>
    internal SocketLatency(ProbeHost host, ProbeSettings settings, IReadOnlyList<Hook> hooks)
        : base(Info, host, hooks, settings, EntriesOption)
    {
        Decoder = new EventDecoder<SocketLatencyEvent>(host, SocketLatencyKinds.Of);
    }

    private static Way WriteAt(params string[] programs) => new(programs)
    {
        Assumes = [("tcp_sendmsg_locked", 0, "sock*"), ("tcp_sendmsg_locked", 1, "msghdr*")],
    };

    protected override void Configure(BpfObject opened) =>
        opened.Map("times").Resize(Entries);

    protected override void Prepare(BpfObject loaded)
    {
        _counters = new SocketLatencyCounters(Host, loaded);
        base.Prepare(loaded);
    }

    protected override void Apply(BpfObject loaded, ProbeSettings settings)
    {
        var slow = (ulong)settings.Get(SlowOption).TotalNanoseconds;
        loaded.Map("settings").Update(0u, new SocketLatencySettings
        {
            Slow = slow,
            Least = Math.Min(slow, SocketLatencyKinds.LegacyLeast),
            Burst = (uint)settings.Get(BurstOption),
        });
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        _seesWrites ??= Object.Programs.Any(p => p.Attached && p.Name.StartsWith("leave_", StringComparison.Ordinal));
        _counters.Collect(snapshot, _seesWrites.Value);
    }
}
