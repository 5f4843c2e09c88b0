using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Arrivals;

/// <summary>
/// How long packets of TCP and UDP take from the device to the network layer, to the socket's queue and until they are
/// read, by the stamp that they get while this runs; the slow ones as events. receive.bpf.c
/// </summary>
internal sealed class Receive : SizedProbe
{
    /// <summary>LEGACY_SLOW of maps.h: packets that take longer are counted for older exporters' names.</summary>
    private const ulong LegacySlow = 10_000_000;

    private static readonly ProbeOption<TimeSpan> SlowOption = Option.Duration(
        "slow", TimeSpan.FromMilliseconds(10), "Packets that take longer to the socket's queue make events.",
        most: 3_600_000);

    private static readonly ProbeOption<TimeSpan> SlowReadOption = Option.Duration(
        "slowRead", TimeSpan.FromMilliseconds(100), "What is read later after it came makes an event.",
        most: 3_600_000);

    private static readonly ProbeOption<long> BurstOption = Option.Integer(
        "burst", 5, "Events per second, namespace, station, protocol and CPU that leave the kernel.", least: 0,
        most: 1000);

    private static readonly ProbeOption<long> EntriesOption = Option.Integer(
        "entries", 1024, "Combinations of namespace, station and protocol that have a histogram: up to six each.",
        least: 64, most: 1 << 20);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "receive",
        Description = "How long packets take from the device to their socket and its reader, and events for slow ones.",
        Source = "sk_buff.tstamp at tracepoints net:netif_receive_skb, tcp:tcp_probe, skb:skb_copy_datagram_iovec; of "
            + "UDP __udp_enqueue_schedule_skb and skb_consume_udp, or sock:sk_data_ready and sock:sock_recv_length",
        EnabledByDefault = false,
        Watches = true,
        Tables = [ReceiveCounters.Table, ReceiveCounters.LegacyTable, ReceiveCounters.LossTable],
        Events = [ReceiveKinds.SlowInfo, ReceiveKinds.UnreadInfo],
        Options = [SlowOption, SlowReadOption, BurstOption, EntriesOption],
    };

    private static readonly Hook[] Hooks =
    [
        new("arrivals", Tracepoints("network", ("netif_receive_skb", 0, "sk_buff*"))),
        new("queues of TCP", Tracepoints("tcp", ("tcp_probe", 0, "sock*"), ("tcp_probe", 1, "sk_buff*"))),
        new("reads of TCP", Tracepoints("read", ("skb_copy_datagram_iovec", 0, "sk_buff*"))),
        new("queues of UDP", new Way("udp_fentry"), new Way("udp_ready_raw"), new Way("udp_kprobe"))
        {
            Optional = true,
        },
        new("reads of UDP", new Way("udp_read_fentry"), new Way("udp_next_raw", "udp_read_raw"),
            new Way("udp_read_kprobe"))
        {
            Optional = true,
        },
        new("settings of the clock", new Way("clock_set_fentry"), new Way("clock_set_kprobe")) { Optional = true },
    ];

    private readonly WallClock _clock = new();
    private ReceiveStamps? _stamps;
    private ReceiveSettings _written;
    private ReceiveCounters _counters = null!;
    private BpfMap _map = null!;

    public Receive(ProbeHost host, ProbeSettings settings) : base(Info, host, Hooks, settings, EntriesOption)
    {
        Decoder = new EventDecoder<ReceiveEvent>(host,
            static (in e) => e.Station == Station.Read ? ReceiveKinds.Unread : ReceiveKinds.Slow);
    }

    private static Way[] Tracepoints(string name, params (string, int, string)[] assumes) =>
        [new($"{name}_btf") { Assumes = assumes }, new($"{name}_raw") { Assumes = assumes }];

    public override void Start()
    {
        _stamps = new ReceiveStamps();
        try
        {
            base.Start();
        }
        catch
        {
            _stamps.Dispose();
            throw;
        }
    }

    protected override void Configure(BpfObject opened) =>
        opened.Map("times").Resize(Entries);

    protected override void Prepare(BpfObject loaded)
    {
        _counters = new ReceiveCounters(Host, loaded);
        base.Prepare(loaded);
    }

    protected override void Apply(BpfObject loaded, ProbeSettings settings)
    {
        _map = loaded.Map("settings");
        var slow = (ulong)settings.Get(SlowOption).TotalNanoseconds;
        var slowRead = (ulong)settings.Get(SlowReadOption).TotalNanoseconds;
        _written = new ReceiveSettings
        {
            Clock = _clock.Look(),
            Slow = slow,
            SlowRead = slowRead,
            Least = Math.Min(LegacySlow, Math.Min(slow, slowRead)),
            Burst = (uint)settings.Get(BurstOption),
        };
        _map.Update(0u, _written);
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        _counters.Collect(snapshot);
        // What comes from now on is measured again, if somebody has set the clock.
        _written.Clock = _clock.Look();
        _map.Update(0u, _written);
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _stamps?.Dispose();
    }
}
