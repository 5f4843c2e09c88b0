using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.NextHops;

/// <summary>
/// Next hops of a namespace that do not answer, and those whose hardware address is another than before: a failover,
/// or two machines with one address. nexthop.bpf.c
/// </summary>
/// <remarks>
/// The failures of all namespaces are res_failed of /proc/net/stat/arp_cache and ndisc_cache. An entry that the kernel
/// has forgotten meanwhile has no address before, so no change is seen.
/// </remarks>
internal sealed class NextHop : SizedProbe
{
    internal static readonly Metric FailedMetric = Metric.Counter("netlens.nexthop.failed", Units.Entries,
        "Next hops that did not answer ARP or neighbour discovery.");

    internal static readonly Metric ChangedMetric = Metric.Counter("netlens.nexthop.changed", Units.Entries,
        "Next hops whose hardware address became another one.");

    // Columns by NextHopKind, from 1.
    private static readonly TableInfo Table = new(
        "nexthop", RowScope.Namespace, [new("network.type")], [FailedMetric, ChangedMetric]);

    private static readonly TagKey[] Fields =
    [
        new("netlens.neighbour.address"), new("network.interface.name"), new("netlens.interface.index"),
        new("netlens.neighbour.hardware_address.before"),
    ];

    internal static readonly EventInfo Failed = new()
    {
        Name = "netlens.nexthop.failed",
        Severity = EventSeverity.Warn,
        Description = "A next hop did not answer ARP or neighbour discovery: what was to be sent to it is lost.",
        Fields = Fields,
    };

    internal static readonly EventInfo Changed = new()
    {
        Name = "netlens.nexthop.changed",
        Severity = EventSeverity.Warn,
        Description = "An address is at another hardware address than before: a failover, or two machines have it.",
        Fields = [.. Fields, new("netlens.neighbour.hardware_address")],
    };

    private static readonly ProbeOption<long> Burst = Option.Integer(
        "burst", 10, "Events per second, namespace, kind, family and CPU that leave the kernel.", least: 0, most: 1000);

    private static readonly ProbeOption<long> EntriesOption = Option.Integer(
        "entries", 4096, "Combinations of namespace, kind and family that are counted.", least: 64, most: 1 << 20);

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "nexthop",
        Description = "Next hops that do not answer, and those whose hardware address changed, by namespace.",
        Source = "tracepoints neigh:neigh_timer_handler and neigh:neigh_update (net/core/neighbour.c)",
        Watches = true,
        Tables = [Table],
        Events = [Failed, Changed],
        Options = [Burst, EntriesOption],
    };

    // Tracepoints since Linux 5.1.
    private static readonly Hook[] Hooks =
    [
        new("next hops that do not answer", new Way("timer_raw")),
        new("hardware addresses", new Way("update_raw")),
    ];

    private readonly Action<Subject> _forget;
    private CounterRows _rows = null!;
    private CountedNamespaces _namespaces = null!;
    private NamespaceCounters<NextHopKey, NextHopValue, CounterRow> _counters = null!;

    public NextHop(ProbeHost host, ProbeSettings settings) : base(Info, host, Hooks, settings, EntriesOption)
    {
        _forget = Forget;
        Decoder = new EventDecoder<NextHopEvent>(
            host, static (in e) => e.Kind == NextHopKind.Changed ? ChangedKind : FailedKind);
    }

    private static EventKind<NextHopEvent> FailedKind { get; } = new()
    {
        Info = Failed,
        Reason = static (in e) => e.Family,
        Process = static (in _) => null,
        Message = static (in e, parties) =>
            $"{parties.Device(e.Device.ToString())}: {e.Hop} does not answer {Asked(e)}"
            + (e.HardwareBefore is { } before ? $"; it was at {before} before" : ""),
        Fields = static (in e) => Common(e),
    };

    private static EventKind<NextHopEvent> ChangedKind { get; } = new()
    {
        Info = Changed,
        Reason = static (in e) => e.Family,
        Process = static (in _) => null,
        Message = static (in e, parties) =>
            $"{parties.Device(e.Device.ToString())}: {e.Hop} is at {e.HardwareAfter} now, "
            + $"and was at {e.HardwareBefore} before",
        Fields = static (in e) => [.. Common(e), Text(e.HardwareAfter)],
    };

    private static string Asked(in NextHopEvent e) => e.Family == 4 ? "ARP" : "neighbour discovery";

    private static TagValue?[] Common(in NextHopEvent e) =>
        [e.Hop.ToString(), e.Device.ToString(), (long)e.Ifindex, Text(e.HardwareBefore)];

    private static TagValue? Text(string? text) => text is null ? default(TagValue?) : text;

    protected override void Configure(BpfObject opened) => opened.Map("counters").Resize(Entries);

    protected override void Prepare(BpfObject loaded)
    {
        base.Prepare(loaded);
        _rows = new CounterRows(Table, KernelClock.UnixNow(),
            static (family, _) => [family == 4 ? "ipv4" : "ipv6"]);
        _namespaces = new CountedNamespaces(Host, new(loaded.Map("vouched"), Host.Namespaces));
        var map = loaded.Map("counters");
        _counters = new(map, _namespaces, new(loaded, SharedMap.Counters, map))
        {
            // The program counts nothing without a namespace.
            Meet = (key, ns) => ns is null ? null : _rows.Of(ns, key.Family),
            Add = static (in key, in value, row) => row.Values[(int)key.Kind - 1] += value.Times,
            EventKey = static key =>
                new(key.Kind == NextHopKind.Changed ? Changed : Failed, key.Netns, key.Family),
        };
    }

    protected override void Apply(BpfObject loaded, ProbeSettings settings) =>
        loaded.Map("settings").Update(0u, new NextHopSettings { Burst = (uint)settings.Get(Burst) });

    public override void Collect(SnapshotBuilder snapshot)
    {
        _namespaces.Begin(snapshot.Moment, _counters.Scarce, _forget);
        _rows.Begin();
        if (_counters.TryRead(snapshot, Host.Events))
            _rows.Write(snapshot);
    }

    private void Forget(Subject ns) => _rows.Drop(ns);
}
