using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;
using static Collector.Linux.Probes.Transmits.TransmitStation;

namespace Collector.Linux.Probes.Transmits;

/// <summary>
/// How long packets take on their way out: from the socket to the device, in its queue, in its driver; the slow ones as
/// events. transmit.bpf.c
/// </summary>
/// <remarks>
/// TCP writes into each packet when it sent it, so from there to the device nothing has to be kept. Else one packet in
/// so many is noted in an array of fixed size.
/// </remarks>
internal sealed class Transmit : SizedProbe
{
    private const long LegacySlow = 10_000_000;

    private static readonly ProbeOption<TimeSpan> SlowOption = Option.Duration(
        "slow", TimeSpan.FromMilliseconds(10),
        "Packets that take longer from their socket to the device make events.", most: 3_600_000);

    private static readonly ProbeOption<TimeSpan> QueueSlowOption = Option.Duration(
        "queueSlow", TimeSpan.FromMilliseconds(100),
        "Packets that are longer in the queue of a device make events.", most: 3_600_000);

    private static readonly ProbeOption<TimeSpan> DriverSlowOption = Option.Duration(
        "driverSlow", TimeSpan.FromMilliseconds(100),
        "Packets for which a driver takes longer make events.", most: 3_600_000);

    private static readonly ProbeOption<long> SampleOption = Option.Integer(
        "sample", 16, "One packet in so many is measured, by chance; all slow ones of TCP up to the device are seen.",
        least: 1, most: 1 << 16);

    private static readonly ProbeOption<long> BurstOption = Option.Integer(
        "burst", 10, "Events per second and namespace or device that leave the kernel.", least: 0, most: 1000);

    private static readonly ProbeOption<long> EntriesOption = Option.Integer(
        "entries", 4096, "Combinations of namespace and protocol that are counted; a quarter as many devices with a "
        + "queue.", least: 64, most: 1 << 20);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "transmit",
        Description = "How long packets take from the socket to the device, in its queue and in its driver.",
        Source = "tracepoints net:net_dev_queue, net_dev_start_xmit and net_dev_xmit; ip_send_skb and ip6_send_skb "
            + "where functions can be hooked",
        EnabledByDefault = false,
        Watches = true,
        Tables = [TransmitCounters.SocketTable, TransmitCounters.DeviceTable, TransmitCounters.SlowTable],
        Events = [TransmitKinds.SlowInfo],
        Options = [SlowOption, QueueSlowOption, DriverSlowOption, SampleOption, BurstOption, EntriesOption],
    };

    private static readonly Hook[] Hooks =
    [
        new("packets at devices",
            new Way("queue_btf", "start_btf", "xmit_raw")
            {
                Assumes =
                [
                    ("net_dev_queue", 0, "sk_buff*"), ("net_dev_start_xmit", 0, "sk_buff*"),
                    ("net_dev_start_xmit", 1, "net_device*"),
                ],
            },
            new Way("queue_raw", "start_raw", "xmit_raw")),
        new("what UDP sends",
            new Way("v4_send_fentry", "v6_send_fentry?"), new Way("v4_send_kprobe", "v6_send_kprobe?"))
        {
            Optional = true,
        },
    ];

    private TransmitCounters _counters = null!;

    public Transmit(ProbeHost host, ProbeSettings settings) : base(Info, host, Hooks, settings, EntriesOption)
    {
        Decoder = new EventDecoder<TransmitEvent>(host, TransmitKinds.Slow);
    }

    protected override void Configure(BpfObject opened)
    {
        opened.Map("sockets").Resize(Entries);
        opened.Map("devices").Resize(Entries / 4);
    }

    protected override void Prepare(BpfObject loaded)
    {
        _counters = new TransmitCounters(Host, loaded);
        base.Prepare(loaded);
    }

    protected override void Apply(BpfObject loaded, ProbeSettings settings)
    {
        var slow = settings.Get(SlowOption).TotalNanoseconds;
        var to = new TransmitSettings
        {
            Least = (ulong)Math.Min(slow, LegacySlow),
            Burst = (uint)settings.Get(BurstOption),
            Sample = (uint)settings.Get(SampleOption),
        };
        to.Slow[Socket] = (ulong)slow;
        to.Slow[Queue] = (ulong)settings.Get(QueueSlowOption).TotalNanoseconds;
        to.Slow[Driver] = (ulong)settings.Get(DriverSlowOption).TotalNanoseconds;
        loaded.Map("settings").Update(0u, to);
    }

    public override void Collect(SnapshotBuilder snapshot) => _counters.Collect(snapshot);
}
