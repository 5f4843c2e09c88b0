using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Transmits;

/// <summary>What transmit.bpf.c counted: from sockets to devices, in queues and drivers, the slow ones.</summary>
internal sealed class TransmitCounters
{
    /// <summary>Nanoseconds that a device's figures stay without a change once room is scarce.</summary>
    private const long Patience = 300 * 1_000_000_000L;

    private static readonly Metric FromSocket = NanosecondHistogram.Metric("netlens.transmit.socket.duration",
        "How long packets took from their socket to the device: TCP's since it sent them, UDP's where functions can be "
            + "hooked; of one packet in `sample`.");

    private static readonly Metric InQueue = NanosecondHistogram.Metric("netlens.transmit.queue.duration",
        "How long packets were in a device's queue (qdisc), of devices that have one; of one packet in `sample`.");

    private static readonly Metric InDriver = NanosecondHistogram.Metric("netlens.transmit.driver.duration",
        "How long the driver of such a device took to take a packet (ndo_start_xmit); of one packet in `sample`.");

    private static readonly Metric Slow = Over("socket.over_10ms", "Packets that took over 10 ms to their device.");
    private static readonly Metric Slower = Over("socket.over_100ms", "Packets that took over 100 ms to their device.");
    private static readonly Metric QueueSlower = Over("queue.over_100ms", "Packets that were over 100 ms in a queue.");
    private static readonly Metric DriverSlower = Over("driver.over_100ms", "Packets over 100 ms in a driver.");

    public static readonly TableInfo SocketTable =
        new("transmit", RowScope.Namespace, [new("network.transport")], [FromSocket]);

    public static readonly TableInfo DeviceTable =
        new("transmit.device", RowScope.Namespace, [new("network.interface.name")], [InQueue, InDriver]);

    public static readonly TableInfo SlowTable =
        new("transmit.slow", RowScope.Namespace, [], [Slow, Slower, QueueSlower, DriverSlower]);

    private readonly ProbeHost _host;
    private readonly long _since = KernelClock.UnixNow();
    private readonly HistogramRows<uint> _socketRows = new(SocketTable, Transport);
    private readonly HistogramRows<(ulong, ulong)> _deviceRows =
        new(DeviceTable, static name => TransmitDevice.Text(name.Item1, name.Item2));

    private readonly CounterRows _slow;
    private readonly CountedNamespaces _namespaces;
    private readonly NamespaceCounters<TransmitSocket, TransmitSocketValue, SocketRow> _sockets;
    private readonly NamespaceCounters<TransmitDevice, TransmitDeviceValue, HistogramRow> _devices;
    private readonly Action<Subject> _forget;
    private long _now;
    private long _startOfNew;

    public TransmitCounters(ProbeHost host, BpfObject loaded)
    {
        _host = host;
        _slow = new CounterRows(SlowTable, _since, static (_, _) => []);
        _namespaces = new CountedNamespaces(host, new(loaded.Map("vouched"), host.Namespaces));
        var (sockets, devices) = (loaded.Map("sockets"), loaded.Map("devices"));
        _sockets = new(sockets, _namespaces, new(loaded, SharedMap.Counters, sockets))
        {
            Meet = Meet,
            Add = static (in _, in value, row) => row.Add(value),
            EventKey = static key => TransmitKinds.KeyOf(key),
        };
        _devices = new(devices, _namespaces, new(loaded, SharedMap.Overflow, devices))
        {
            Meet = Meet,
            Add = Add,
            EventKey = static key => TransmitKinds.KeyOf(key),
        };
        _forget = Forget;
    }

    private static TagValue Transport(uint protocol) => protocol == 6 ? "tcp" : "udp";

    /// <summary>What has counted a packet, if it was one in `sample`.</summary>
    public static EventMeasure? MeasureOf(in TransmitEvent e) => e.Station == TransmitStation.Socket
        ? new(FromSocket, Transport(e.Flow.Protocol))
        : new(e.Station == TransmitStation.Queue ? InQueue : InDriver, e.Device.ToString());

    // Powers of two hold no 10 ms: the kernel side counts these beside the histograms, for older exporters' names.
    private static Metric Over(string name, string description) =>
        Metric.Unnamed(InstrumentKind.Counter, $"netlens.transmit.{name}", Units.Packets, description);

    public void Collect(SnapshotBuilder snapshot)
    {
        (_now, _startOfNew) = (snapshot.Moment, snapshot.StartTimeOfNew(_since));
        _namespaces.Begin(_now, _sockets.Scarce || _devices.Scarce, _forget);
        // Devices come and go in a namespace that stays: those of pods on the node.
        if (_devices.Scarce)
            _devices.Review();
        _socketRows.Begin();
        _deviceRows.Begin();
        _slow.Begin();
        _namespaces.Cover(_slow);
        if (!_sockets.TryRead(snapshot, _host.Events) || !_devices.TryRead(snapshot, _host.Events))
            return;
        _socketRows.Write(snapshot);
        _deviceRows.Write(snapshot);
        _slow.Write(snapshot);
    }

    // The program counts nothing without a namespace.
    private SocketRow? Meet(TransmitSocket key, Subject? ns) => ns is null
        ? null
        : new SocketRow(
            key.Protocol == 0 ? null : _socketRows.Of(ns, key.Protocol, _since, _now), _slow.Of(ns));

    // Known ones only where room is scarce.
    private HistogramRow? Meet(TransmitDevice key, Subject? ns)
    {
        if (ns is null)
            return null;
        var row = _deviceRows.Of(ns, (key.Name, key.NameRest), _startOfNew, _now);
        if (row.ChangedAt >= _now - Patience)
            return row;
        _deviceRows.Drop(ns, (key.Name, key.NameRest));
        return null;
    }

    private static void Add(in TransmitDevice key, in TransmitDeviceValue value, HistogramRow row)
    {
        row.Add(0, value.Queue);
        row.Add(1, value.Driver);
    }

    private void Forget(Subject ns)
    {
        _socketRows.Drop(ns);
        _deviceRows.Drop(ns);
        _slow.Drop(ns);
    }

    private sealed record SocketRow(HistogramRow? Histogram, CounterRow Counters)
    {
        public void Add(in TransmitSocketValue value)
        {
            Histogram?.Add(0, value.Histogram);
            var counters = Counters.Values;
            counters[0] += value.Slow;
            counters[1] += value.Slower;
            counters[2] += value.QueueSlower;
            counters[3] += value.DriverSlower;
        }
    }
}
