using System.IO.Enumeration;
using Collector.Core.Metrics;
using Collector.Core.Probes;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel.Netlink;
using Collector.Linux.Namespaces;
using Collector.Linux.Probes.Common;
using Collector.Linux.Sources;

namespace Collector.Linux.Probes.Links;

/// <summary>Traffic of every network device, and of every namespace as a whole.</summary>
/// <remarks>
/// A device is told apart by its index, not its name: one that is made again under its old name is a new row with a
/// new start, one that is renamed goes on counting under its new name. One that comes from another namespace brings its
/// counters with it: its row shows them, as ip(8) does, and starts when the machine did. The whole is
/// <see cref="NetdevTotal"/>.
/// </remarks>
public sealed class Netdev : PerNamespaceProbe<NetdevDevices>
{
    private readonly bool _all;
    private readonly TableInfo _table;
    private readonly IReadOnlyList<string> _only;
    private readonly IReadOnlyList<string> _exclude;

    public Netdev(ProbeHost host, ProbeSettings settings) : base(Info, host)
    {
        _all = settings.Get(IncludeAll);
        _table = _all ? Table.Whole : Table;
        _only = settings.Get(Devices);
        _exclude = settings.Get(Exclude);
    }

    private const string Dropped =
        "Packets dropped, as /proc/net/dev counts them: by the stack (rx_dropped) and by the device (rx_missed_errors)";

    internal static readonly Metric CarrierChanges = Metric.Counter(
        "netlens.netdev.carrier.changes", Units.Events, "Times the carrier came or went (carrier_changes).");

    internal static readonly Metric Up = Metric.Gauge("netlens.netdev.up", Units.One,
        "1 when the device is up and has carrier (IFF_UP and IFF_RUNNING), else 0.");

    private static readonly Metric Mtu = Metric.Gauge(
        "netlens.netdev.mtu", Units.Bytes, "Largest packet that the device takes.", optional: true);

    // The semantic conventions call the device of system.network.packet.count system.device and that of its sisters
    // network.interface.name. One row has one attribute: the newer name, by which the four can be joined.
    private static readonly TagKey[] RowTags = [new("network.interface.name"), new("netlens.link.kind")];

    internal static readonly TableInfo Table = new("netdev", RowScope.Namespace, RowTags,
    [
        Device("system.network.io", Units.Bytes, "Bytes", "receive"),
        Device("system.network.io", Units.Bytes, "Bytes", "transmit"),
        Device("system.network.packet.count", Units.Packets, "Packets", "receive"),
        Device("system.network.packet.count", Units.Packets, "Packets", "transmit"),
        Device("system.network.errors", Units.Errors, "Packets with errors", "receive"),
        Device("system.network.errors", Units.Errors, "Packets with errors", "transmit"),
        Device("system.network.packet.dropped", Units.Packets, Dropped, "receive"),
        Device("system.network.packet.dropped", Units.Packets, Dropped, "transmit"),
        CarrierChanges, Up, Mtu,
        .. NetdevDetail.Metrics,
    ]);

    public static readonly ProbeOption<bool> IncludeAll =
        Option.Include(
        "all adds the devices of every namespace, the detailed error counters and the MTU.");

    public static readonly ProbeOption<IReadOnlyList<string>> Devices =
        Option.List("devices", "",
        "Names of devices that get rows in every namespace, with * and ?; empty: the devices of the node.");

    public static readonly ProbeOption<IReadOnlyList<string>> Exclude =
        Option.List("exclude", "", "Names of devices that get no rows, with * and ?. Totals include them.");

    public static new ProbeInfo Info { get; } = new()
    {
        Id = "netdev",
        Description = "Bytes, packets, errors and drops of every network device, and of every namespace as a whole.",
        Source = "rtnetlink RTM_GETLINK, RTM_GETSTATS: rtnl_link_stats64",
        Tables = [Table, NetdevTotal.Table],
        Options = [IncludeAll, Devices, Exclude],
    };

    private static Metric Device(string name, string unit, string what, string direction) => Metric.Counter(
        name, unit, $"{what}, by device and direction.", [new("network.io.direction", direction)]);

    public override void Start()
    {
        if (Host.Paths.Recorded)
            throw new ProbeUnavailableException("needs rtnetlink; a recorded tree has only files");
    }

    protected override NetdevDevices Open(NamespaceHandle ns, SnapshotBuilder snapshot) =>
        new(ns.Namespace, Host.BootTime, this, new RowAllowance(Host.Limits.Interfaces, ns.Namespace));

    protected override void Collect(NetdevDevices reader, NamespaceHandle ns, SnapshotBuilder snapshot)
    {
        var links = ns.Source<LinkTable>();
        if (links.EnsureRead(ns, snapshot.Tick))
            reader.Collect(links, snapshot);
        else
            snapshot.ReadFailed(links.Failure);
    }

    /// <summary>The setting by which devices of pods have no rows; null: they may have.</summary>
    internal static string? WhyNoDevicesOfPods(ProbeSettings settings) =>
        settings.Get(Devices).Count == 0 && !settings.Get(IncludeAll)
            ? $"probes.{Info.Id}.{Devices.Name} names no device of a pod" : null;

    /// <summary>False where the configuration wants no row for a device.</summary>
    internal bool Wants(Link link, NetNamespace ns)
    {
        // A pod's one device tells what its total tells.
        var asked = _only.Count > 0 ? Matches(_only, link.Name) : _all || ns.IsHost;
        return asked && !Matches(_exclude, link.Name);
    }

    internal Row RowOf(Link link, NetNamespace ns, long start) => new(_table, ns, start, link.Name, link.Kind);

    /// <summary>The row of all those beyond the limit.</summary>
    internal Row RowOfRest(NetNamespace ns) => new(_table, ns, ns.StartTime, "other", "other");

    private static bool Matches(IReadOnlyList<string> patterns, string name) =>
        patterns.Any(p => FileSystemName.MatchesSimpleExpression(p, name, ignoreCase: false));

    internal void Write(Row row, Link link, SnapshotBuilder snapshot)
    {
        var writer = snapshot.Append(row);
        Span<long> basic = stackalloc long[NetdevTotal.Columns];
        if (NetdevTotal.TryRead(link.Statistics, basic))
        {
            for (var i = 0; i < basic.Length; i++)
                writer.Set(i, basic[i]);
        }
        if (link.CarrierChanges >= 0)
            writer.Set(CarrierChanges, link.CarrierChanges);
        writer.Set(Up, link.IsUp ? 1 : 0);
        if (!_all)
            return;
        writer.Set(Mtu, link.Mtu);
        NetdevDetail.Write(writer, link.Statistics);
    }
}

/// <summary>What is remembered of one namespace's devices: their rows and the whole.</summary>
public sealed class NetdevDevices : IDisposable
{
    private readonly NetNamespace _ns;
    private readonly long _boot;
    private readonly Netdev _probe;
    private readonly NetdevTotal _total;
    private readonly RowAllowance _allowance;
    private readonly NetdevRest _rest;
    private readonly Dictionary<Link, Device> _devices = [];
    private long _lastRead;

    internal NetdevDevices(NetNamespace ns, long boot, Netdev probe, RowAllowance allowance)
    {
        _ns = ns;
        _boot = boot;
        _probe = probe;
        _allowance = allowance;
        _total = new NetdevTotal(ns);
        _rest = new NetdevRest(ns, probe);
    }

    internal void Collect(LinkTable links, SnapshotBuilder snapshot)
    {
        _total.Begin(links);
        _rest.Begin();
        foreach (var link in links.Links)
        {
            var device = DeviceOf(link);
            device.Tick = snapshot.Tick;
            if (device.LeftOut)
                _rest.Add(link, device.Counted);
            _total.Add(link, device.Counted);
            if (device.Row is { } row)
                _probe.Write(row, link, snapshot);
        }
        _total.Write(snapshot);
        _rest.Write(snapshot);
        _allowance.LeaveOut(_rest.Count + links.LeftOut);
        if (_devices.Count != links.Links.Length)
            DropGone(snapshot.Tick);
        _lastRead = snapshot.Time;
    }

    private Device DeviceOf(Link link)
    {
        if (!_devices.TryGetValue(link, out var device))
        {
            device = new Device();
            // What was not there at the last look began after it, unless it came from elsewhere with a past.
            var hasPast = NetdevTotal.BeginAt(link, device.Counted, wasHere: _lastRead == 0 && _ns.StartTime <= _boot);
            device.Start = hasPast ? _boot : Math.Max(_lastRead, _ns.StartTime);
            _devices.Add(link, device);
        }
        if (!ReferenceEquals(device.Name, link.Name) || !ReferenceEquals(device.Kind, link.Kind))
        {
            device.Name = link.Name;
            device.Kind = link.Kind;
            GiveRow(device, link);
        }
        return device;
    }

    // Who is left out stays so, under whatever name: its past is in the sum of the rest.
    private void GiveRow(Device device, Link link)
    {
        var had = device.Row is not null;
        var wanted = _probe.Wants(link, _ns);
        device.LeftOut |= wanted && !had && !_allowance.TryTake();
        if (had && !wanted)
            _allowance.Return();
        device.Row = wanted && !device.LeftOut ? _probe.RowOf(link, _ns, device.Start) : null;
    }

    private void DropGone(long tick)
    {
        foreach (var (link, device) in _devices)
        {
            if (device.Tick == tick)
                continue;
            if (device.Row is not null)
                _allowance.Return();
            _devices.Remove(link);
        }
    }

    public void Dispose()
    {
        _allowance.Dispose();
        _devices.Clear();
    }

    private sealed class Device
    {
        public readonly long[] Counted = new long[NetdevTotal.Columns];
        public long Start;
        public long Tick;
        public bool LeftOut;
        public string? Name;
        public string? Kind;
        public Row? Row;
    }
}
