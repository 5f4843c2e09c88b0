using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Connects;

/// <summary>What connect.bpf.c counted: rows by outcome, the failed ones of each namespace, their times.</summary>
internal sealed class ConnectCounters
{
    public static readonly Metric Attempts = Metric.Counter("netlens.connect.attempts", Units.Connections,
        "TCP connects that are over, by how they ended and the kind of the peer's port.");

    public static readonly Metric Failures = Metric.Counter("netlens.connect.failed", Units.Connections,
        "TCP connects that failed; neither those that the caller gave up nor those that go on.");

    private static readonly Metric Duration = NanosecondHistogram.Metric("netlens.connect.duration",
        "How long TCP connects that succeeded took, from the call to the answer of the peer.");

    public static readonly TableInfo Table = new("connect", RowScope.Namespace,
        [new("netlens.connect.outcome"), new("netlens.peer.port_class"), new("network.type")], [Attempts]);

    public static readonly TableInfo FailureTable = new("connect.failed", RowScope.Namespace, [], [Failures]);

    public static readonly TableInfo TimeTable = new("connect.time", RowScope.Namespace, [], [Duration]);

    /// <summary>What has counted those that succeeded.</summary>
    public static EventMeasure Measure { get; } = new(Duration);

    private readonly ProbeHost _host;
    private readonly CounterRows _rows;
    private readonly CounterRows _failures;
    private readonly NamespaceHistograms _histograms;
    private readonly CountedNamespaces _namespaces;
    private readonly NamespaceCounters<ConnectKey, ConnectValue, SummedRow> _connects;
    private readonly NamespaceCounters<ConnectTimesKey, ConnectTimes, NamespaceHistogram> _times;
    private readonly Action<Subject> _forget;

    public ConnectCounters(ProbeHost host, BpfObject loaded)
    {
        var since = KernelClock.UnixNow();
        _host = host;
        _rows = new CounterRows(Table, since, Tags);
        _failures = new CounterRows(FailureTable, since, static (_, _) => []);
        _histograms = new NamespaceHistograms(TimeTable, Duration, since);
        _namespaces = new CountedNamespaces(host, new(loaded.Map("vouched"), host.Namespaces));
        var (connects, times) = (loaded.Map("connects"), loaded.Map("times"));
        _connects = new(connects, _namespaces, new(loaded, SharedMap.Counters, connects))
        {
            Meet = Meet,
            Add = static (in _, in value, row) => row.Add(value.Connects),
            EventKey = static key => ConnectKinds.KeyOf(key),
        };
        _times = new(times, _namespaces, new(loaded, SharedMap.Overflow, times))
        {
            Meet = (_, ns) => ns is null ? null : _histograms.Of(ns),
            Add = static (in _, in value, row) => row.Add(value.Histogram),
        };
        _forget = Forget;
    }

    public void Collect(SnapshotBuilder snapshot)
    {
        _namespaces.Begin(snapshot.Moment, _connects.Scarce || _times.Scarce, _forget);
        _rows.Begin();
        _failures.Begin();
        _histograms.Begin();
        _namespaces.Cover(_failures);
        if (!_connects.TryRead(snapshot, _host.Events) || !_times.TryRead(snapshot, _host.Events))
            return;
        _rows.Write(snapshot);
        _failures.Write(snapshot);
        _histograms.Write(snapshot);
    }

    // The program counts nothing without a namespace.
    private SummedRow? Meet(ConnectKey key, Subject? ns) => ns is null
        ? null
        : new SummedRow(
            _rows.Of(ns, (key.Cause << 8) | key.PortClass, key.Family),
            key.Cause is ConnectOutcome.Established or ConnectOutcome.Aborted ? null : _failures.Of(ns));

    private static TagValue[] Tags(long counted, long family) =>
    [
        ConnectOutcome.Name((int)counted >> 8), ConnectOutcome.PortClass((int)counted & 0xff),
        family == 6 ? "ipv6" : "ipv4",
    ];

    private void Forget(Subject ns)
    {
        _rows.Drop(ns);
        _failures.Drop(ns);
        _histograms.Drop(ns);
    }
}
