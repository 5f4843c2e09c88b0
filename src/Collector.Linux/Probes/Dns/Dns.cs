using System.Buffers.Binary;
using System.Globalization;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Dns;

/// <summary>
/// DNS queries of sockets: how long the answers of each server took, how queries ended, which were sent again or never
/// answered; the slow and the failed ones as events with who asked. dns.bpf.c
/// </summary>
/// <remarks>
/// A query counts once, where it leaves by a device of its socket's own namespace. Names are not kept unless wanted.
/// </remarks>
internal sealed class Dns : SizedProbe
{
    private static readonly ProbeOption<TimeSpan> SlowOption = Option.Duration(
        "slow", TimeSpan.FromMilliseconds(500), "Answers that take longer make events.", most: 3_600_000);

    private static readonly ProbeOption<TimeSpan> TimeoutOption = Option.Duration(
        "timeout", TimeSpan.FromSeconds(5), "A query without an answer for so long has timed out.",
        least: 1, most: 60_000);

    private static readonly ProbeOption<IReadOnlyList<string>> PortsOption = Option.Numbers(
        "ports", "53", "Up to four ports of servers.", least: 1, most: ushort.MaxValue, items: DnsPorts.Count);

    private static readonly ProbeOption<bool> NamesOption = Option.Switch(
        "names", standard: false, "Tell in events what was asked for (dns.question.name).");

    private static readonly ProbeOption<long> ServersOption = Option.Integer(
        "servers", 8, "Servers and protocols that each namespace has figures of its own for; the rest are \"other\".",
        least: 1, most: 256);

    private static readonly ProbeOption<long> BurstOption = Option.Integer(
        "burst", 10, "Events per second and server, or namespace, that leave the kernel.", least: 0, most: 1000);

    private static readonly ProbeOption<long> EntriesOption = Option.Integer(
        "entries", 4096, "Combinations of namespace, server and protocol that are counted; a quarter as many "
        + "namespaces.", least: 64, most: 1 << 20);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "dns",
        Description = "DNS queries: how long answers took, how queries ended, and those that were sent again.",
        Source = "tracepoints net:net_dev_queue and net:netif_receive_skb",
        EnabledByDefault = false,
        Watches = true,
        Tables = [DnsCounters.Table, DnsCounters.TimeTable, DnsCounters.SumTable],
        Events = [DnsKinds.FailedInfo, DnsKinds.SlowInfo, DnsKinds.RetriedInfo],
        Options =
        [
            SlowOption, TimeoutOption, PortsOption, NamesOption, ServersOption, BurstOption, EntriesOption,
        ],
    };

    private static readonly Hook[] Hooks =
    [
        new("packets at devices",
            new Way("leaves_btf", "arrives_btf", "expire")
            {
                Assumes = [("net_dev_queue", 0, "sk_buff*"), ("netif_receive_skb", 0, "sk_buff*")],
            },
            new Way("leaves_raw", "arrives_raw", "expire")),
    ];

    private DnsCounters _counters = null!;
    private OverdueQueries _overdue = null!;

    public Dns(ProbeHost host, ProbeSettings settings) : base(Info, host, Hooks, settings, EntriesOption)
    {
        Decoder = new EventDecoder<DnsEvent>(host, static (in e) => DnsKinds.Of(e));
    }

    protected override void Configure(BpfObject opened)
    {
        opened.Map("servers").Resize(Entries);
        opened.Map("totals").Resize(Entries / 4);
    }

    protected override void Prepare(BpfObject loaded)
    {
        _counters = new DnsCounters(Host, loaded);
        _overdue = new OverdueQueries(loaded, Decoder!.Losses, Host.Namespaces.Directory);
        base.Prepare(loaded);
    }

    protected override void Apply(BpfObject loaded, ProbeSettings settings)
    {
        var timeout = (ulong)settings.Get(TimeoutOption).TotalNanoseconds;
        var to = new DnsSettings
        {
            Slow = (ulong)settings.Get(SlowOption).TotalNanoseconds,
            Timeout = timeout,
            Burst = (uint)settings.Get(BurstOption),
            Servers = (uint)settings.Get(ServersOption),
            Names = settings.Get(NamesOption) ? 1u : 0,
        };
        var at = 0;
        foreach (var port in settings.Get(PortsOption))
            to.Ports[at++] = BinaryPrimitives.ReverseEndianness(ushort.Parse(port, CultureInfo.InvariantCulture));
        loaded.Map("settings").Update(0u, to);
        _overdue.Timeout = timeout;
    }

    public override void Collect(SnapshotBuilder snapshot)
    {
        _overdue.Expire(snapshot);
        _counters.Collect(snapshot);
    }
}
