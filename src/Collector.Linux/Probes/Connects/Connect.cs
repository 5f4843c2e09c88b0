using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Connects;

/// <summary>
/// How TCP connects ended, by cause and kind of the peer's port, and how long those that succeeded took; the slow and
/// the failed ones as events with who asked for them. connect.bpf.c
/// </summary>
/// <remarks>
/// What fails before the socket has a route changes no state: no tracepoint sees it, so it takes fexit. Programs of
/// cgroups and security modules refuse before that, and are not seen.
/// </remarks>
internal sealed class Connect : SizedProbe
{
    private static readonly ProbeOption<TimeSpan> SlowOption = Option.Duration(
        "slow", TimeSpan.FromMilliseconds(500),
        "Connects that take longer make events, and so do those that the caller gives up later.", most: 3_600_000);

    private static readonly ProbeOption<long> BurstOption = Option.Integer(
        "burst", 10, "Events per second, namespace, outcome, kind of port, family and CPU that leave the kernel.",
        least: 0, most: 1000);

    private static readonly ProbeOption<long> EntriesOption = Option.Integer(
        "entries", 4096, "Combinations of namespace, outcome, kind of port and family that are counted; a quarter as "
        + "many namespaces have a histogram.", least: 64, most: 1 << 20);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "connect",
        Description = "TCP connects: how they ended, how long they took, and events for slow and failed ones.",
        Source = "tracepoints sock:inet_sock_set_state, tcp:tcp_receive_reset and neigh:neigh_timer_handler; "
            + "tcp_v4_err, tcp_v4_connect and tcp_v6_connect where functions can be hooked",
        Watches = true,
        Tables = [ConnectCounters.Table, ConnectCounters.FailureTable, ConnectCounters.TimeTable],
        Events = [ConnectKinds.FailedInfo, ConnectKinds.SlowInfo],
        Options = [SlowOption, BurstOption, EntriesOption],
    };

    private static readonly Hook[] Hooks =
    [
        new("connects", new Way("set_state_raw", "receive_reset_raw")),
        new("next hops that do not answer", new Way("neighbour_raw")) { Optional = true },
        new("what ICMP errors of IPv4 say", new Way("v4_error_fentry"), new Way("v4_error_kprobe")) { Optional = true },
        new("connects without a route", new Way("v4_connect_fexit", "v6_connect_fexit?")) { Optional = true },
    ];

    private ConnectCounters _counters = null!;

    public Connect(ProbeHost host, ProbeSettings settings) : base(Info, host, Hooks, settings, EntriesOption)
    {
        Decoder = new EventDecoder<ConnectEvent>(host,
            static (in e) => e.Cause == ConnectOutcome.Established ? ConnectKinds.Slow : ConnectKinds.Failed);
    }

    protected override void Configure(BpfObject opened)
    {
        opened.Map("connects").Resize(Entries);
        opened.Map("times").Resize(Entries / 4);
    }

    protected override void Prepare(BpfObject loaded)
    {
        _counters = new ConnectCounters(Host, loaded);
        base.Prepare(loaded);
    }

    protected override void Apply(BpfObject loaded, ProbeSettings settings) =>
        loaded.Map("settings").Update(0u, new ConnectSettings
        {
            Slow = (ulong)settings.Get(SlowOption).TotalNanoseconds,
            Burst = (uint)settings.Get(BurstOption),
        });

    public override void Collect(SnapshotBuilder snapshot) => _counters.Collect(snapshot);
}
