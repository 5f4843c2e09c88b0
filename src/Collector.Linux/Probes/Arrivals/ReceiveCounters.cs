using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Arrivals;

/// <summary>What receive.bpf.c measured: a row by namespace, station and protocol; and what it could not.</summary>
internal sealed class ReceiveCounters
{
    private const int Udp = 17;

    // By enum unmeasured.
    private static readonly string[] Reasons = ["no_stamp", "other_clock", "sent_here"];

    private static readonly Metric Duration = NanosecondHistogram.Metric("netlens.receive.duration",
        "How long packets took from the device's stamp to the network layer, to the socket's queue, and until read.");

    private static readonly Metric Unmeasured = Metric.Counter("netlens.receive.unmeasured", Units.Packets,
        "Packets at a station whose age is not known: without a stamp, or with one of another clock.");

    // Powers of two hold no 10 ms: the kernel side counts these beside the histograms, for older exporters' names.
    private static readonly Metric Slow = Over("over_10ms", "Packets that took over 10 ms to the socket's queue.");
    private static readonly Metric Slower = Over("over_100ms", "Packets that took over 100 ms to the socket's queue.");

    public static readonly TableInfo Table = new(
        "receive", RowScope.Namespace, [new("netlens.receive.station"), new("network.transport")], [Duration]);

    public static readonly TableInfo LegacyTable = new("receive.slow", RowScope.Namespace, [], [Slow, Slower]);

    public static readonly TableInfo LossTable =
        new("receive.unmeasured", RowScope.Node, [new("error.type")], [Unmeasured]);

    private readonly ProbeHost _host;
    private readonly NamespaceHistograms _rows;
    private readonly CounterRows _slow;
    private readonly CountedNamespaces _namespaces;
    private readonly NamespaceCounters<ReceiveKey, ReceiveValue, ReceiveRow> _times;
    private readonly Action<Subject> _forget;
    private readonly BpfMap _unmeasured;
    private readonly Row[] _losses;
    private readonly byte[] _entry;

    public ReceiveCounters(ProbeHost host, BpfObject loaded)
    {
        var since = KernelClock.UnixNow();
        _host = host;
        _rows = new NamespaceHistograms(Table, Duration, since,
            Tags);
        _slow = new CounterRows(LegacyTable, since, static (_, _) => []);
        _namespaces = new CountedNamespaces(host, new(loaded.Map("vouched"), host.Namespaces));
        var times = loaded.Map("times");
        _times = new(times, _namespaces, new(loaded, SharedMap.Counters, times))
        {
            Meet = (key, ns) => ns is null ? null : new ReceiveRow(
                _rows.Of(ns, key.Station, key.Protocol), key.Station == Station.Socket ? _slow.Of(ns) : null),
            Add = static (in _, in value, row) => row.Add(value),
            EventKey = static key => ReceiveKinds.KeyOf(key),
        };
        _forget = Forget;
        _unmeasured = loaded.Map("unmeasured");
        _losses = [.. Reasons.Select(reason => new Row(LossTable, null, since, reason))];
        _entry = new byte[_unmeasured.EntrySize];
    }

    /// <summary>What has counted a packet.</summary>
    public static EventMeasure MeasureOf(int station, int protocol) => new(Duration, Tags(station, protocol));

    private static TagValue[] Tags(long station, long protocol) =>
        [Station.Names[(int)station], protocol == Udp ? "udp" : "tcp"];

    private static Metric Over(string name, string description) =>
        Metric.Unnamed(InstrumentKind.Counter, $"netlens.receive.{name}", Units.Packets, description);

    public void Collect(SnapshotBuilder snapshot)
    {
        _namespaces.Begin(snapshot.Moment, _times.Scarce, _forget);
        _rows.Begin();
        _slow.Begin();
        _namespaces.Cover(_slow);
        if (!_times.TryRead(snapshot, _host.Events))
            return;
        _rows.Write(snapshot);
        _slow.Write(snapshot);
        Span<long> sum = stackalloc long[1];
        for (var reason = 0u; reason < _losses.Length; reason++)
        {
            _unmeasured.TryLookup(reason, _entry);
            PerCpu.Sum(_entry, sum);
            snapshot.Append(_losses[reason]).Set(Unmeasured, sum[0]);
        }
    }

    private void Forget(Subject ns)
    {
        _rows.Drop(ns);
        _slow.Drop(ns);
    }

    /// <summary>A histogram, and what is counted beside it of the socket's queue.</summary>
    private sealed record ReceiveRow(NamespaceHistogram Histogram, CounterRow? Slow)
    {
        public void Add(in ReceiveValue value)
        {
            Histogram.Add(value.Histogram);
            if (Slow is null)
                return;
            Slow.Values[0] += value.Slow;
            Slow.Values[1] += value.Slower;
        }
    }
}
