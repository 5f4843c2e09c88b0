using System.Runtime.InteropServices;
using Collector.Core.Events;
using Collector.Core.Metrics;
using Collector.Core.Snapshots;
using Collector.Core.Subjects;
using Collector.Linux.Kernel;
using Collector.Linux.Kernel.Bpf;
using Collector.Linux.Probes.Common;

namespace Collector.Linux.Probes.Sockets;

/// <summary>What socketlatency.bpf.c measured: two histograms per namespace and role of the socket.</summary>
internal sealed class SocketLatencyCounters
{
    private static readonly Metric Read = NanosecondHistogram.Metric("netlens.socketlatency.read.duration",
        "How long data were ready in TCP sockets before the application read them.");

    private static readonly Metric Write = NanosecondHistogram.Metric("netlens.socketlatency.write.duration",
        "How long written data waited in TCP sockets before they were sent for the first time.");

    public static readonly TableInfo Table =
        new("socketlatency", RowScope.Namespace, [new("netlens.socket.role")], [Read, Write]);

    // Powers of two hold no 1 ms: the kernel side counts these beside the histograms, for older exporters' names.
    public static readonly TableInfo SlowReads = new("socketlatency.slow_reads", RowScope.Namespace, [],
    [
        Over("read.over_1ms", "Reads that came over 1 ms after their data were ready."),
        Over("read.over_100ms", "Reads that came over 100 ms after their data were ready."),
    ]);

    public static readonly TableInfo SlowWrites = new("socketlatency.slow_writes", RowScope.Namespace, [],
    [
        Over("write.over_1ms", "Writes that were sent over 1 ms later."),
        Over("write.over_100ms", "Writes that were sent over 100 ms later."),
    ]);

    private readonly ProbeHost _host;
    private readonly long _since;
    private readonly Dictionary<(Subject Ns, byte Role), Times> _times = [];
    private readonly CounterRows[] _slow;
    private readonly CountedNamespaces _namespaces;
    private readonly NamespaceCounters<SocketLatencyKey, SocketLatencyValue, Waits> _waits;
    private readonly Action<Subject> _forget;

    public SocketLatencyCounters(ProbeHost host, BpfObject loaded)
    {
        _host = host;
        _since = KernelClock.UnixNow();
        _slow = [RowsOf(SlowReads), RowsOf(SlowWrites)];
        _namespaces = new CountedNamespaces(host, new(loaded.Map("vouched"), host.Namespaces));
        var times = loaded.Map("times");
        _waits = new(times, _namespaces, new(loaded, SharedMap.Counters, times))
        {
            Meet = Meet,
            Add = static (in key, in value, row) => row.Add(key.Direction, value),
            EventKey = static key => SocketLatencyKinds.KeyOf(key),
        };
        _forget = Forget;
    }

    /// <summary>What has counted a wait.</summary>
    public static EventMeasure MeasureOf(in SocketLatencyEvent e) =>
        new(e.Direction == SocketLatencyKinds.Reads ? Read : Write, SocketLatencyKinds.Role(e.Role));

    private static Metric Over(string name, string description) =>
        Metric.Unnamed(InstrumentKind.Counter, $"netlens.socketlatency.{name}", Units.Events, description);

    private CounterRows RowsOf(TableInfo table) => new(table, _since, static (_, _) => []);

    /// <param name="snapshot">Where its rows go.</param>
    /// <param name="writes">The kernel tells of writes; else nothing is said of them.</param>
    public void Collect(SnapshotBuilder snapshot, bool writes)
    {
        _namespaces.Begin(snapshot.Moment, _waits.Scarce, _forget);
        foreach (var slow in _slow)
        {
            slow.Begin();
            _namespaces.Cover(slow);
        }
        foreach (var times in _times.Values)
            times.Begin();
        if (!_waits.TryRead(snapshot, _host.Events))
            return;
        foreach (var times in _times.Values)
            times.Write(snapshot, writes);
        for (var direction = 0; direction <= (writes ? 1 : 0); direction++)
            _slow[direction].Write(snapshot);
    }

    // The program counts nothing without a namespace.
    private Waits? Meet(SocketLatencyKey key, Subject? ns)
    {
        if (ns is null)
            return null;
        ref var times = ref CollectionsMarshal.GetValueRefOrAddDefault(_times, (ns, key.Role), out _);
        times ??= new(new Row(Table, ns, Math.Max(_since, ns.StartTime), SocketLatencyKinds.Role(key.Role)));
        return new(times, [_slow[0].Of(ns), _slow[1].Of(ns)]);
    }

    private void Forget(Subject ns)
    {
        foreach (var slow in _slow)
            slow.Drop(ns);
        _times.Remove((ns, 0));
        _times.Remove((ns, 1));
    }

    /// <summary>Where what was measured of a namespace, role and direction is added up.</summary>
    private sealed record Waits(Times Times, CounterRow[] Slow)
    {
        public void Add(byte direction, in SocketLatencyValue value)
        {
            Times.Add(direction, value.Histogram);
            Slow[direction].Values[0] += value.Over1ms;
            Slow[direction].Values[1] += value.Over100ms;
        }
    }

    /// <summary>The two histograms of a row.</summary>
    private sealed class Times(Row row)
    {
        private NanosecondHistogram _read;
        private NanosecondHistogram _write;

        public void Begin() => (_read, _write) = (default, default);

        public void Add(byte direction, in NanosecondHistogram measured)
        {
            if (direction == SocketLatencyKinds.Reads)
                _read.Add(measured);
            else
                _write.Add(measured);
        }

        public void Write(SnapshotBuilder snapshot, bool writes)
        {
            var writer = snapshot.Append(row);
            _read.Write(writer, Read);
            if (writes)
                _write.Write(writer, SocketLatencyCounters.Write);
        }
    }
}
